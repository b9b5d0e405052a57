"""Progress bars that are lines where nobody watches: a log keeps what a terminal writes over."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

# Seconds between two lines of a log.
PAUSE = 10.0


class Progress(tqdm):  # type: ignore[misc]
    """A bar of tqdm on a terminal; elsewhere a line now and then, and one at the end."""

    disable: bool

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not self.disable and not self._watched():
            self.mininterval = self.maxinterval = PAUSE
            # Counting calls between two looks at the clock would miss a slow last part.
            self.miniters, self.dynamic_miniters = 0, False

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Draw the bar, or write its line; nothing of a bar that has not moved."""
        if self._watched():
            return bool(super().display(msg, pos))
        if self.n:
            self.fp.write(f"{msg or self}\n")
            self.fp.flush()
        return True

    def close(self) -> None:
        """End the bar; a log gets its last line."""
        if not self.disable and not self._watched():
            self.disable = True
            self._decr_instances(self)
            if self.n:
                self.display()
        super().close()

    def _watched(self) -> bool:
        return bool(self.fp.isatty())
