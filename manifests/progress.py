"""Progress bars that are lines where nobody watches: a log keeps what a terminal writes over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

# A log gets a line after this share of the work or so many seconds, whatever comes first, but not twice a second.
SHARE, PAUSE, LEAST = 0.1, 30.0, 1.0
# Seconds before what is usually short shows how far it is.
QUIET = 2.0

_heard: list[Callable[[int], object]] = []


@contextmanager
def hearing(listener: Callable[[int], object]) -> Iterator[None]:
    """Tell the listener within the block how many items the bars of this process count, about once a second each."""
    _heard.append(listener)
    try:
        yield
    finally:
        _heard.remove(listener)


class Progress(tqdm):  # type: ignore[misc]
    """A bar of tqdm on a terminal; elsewhere a line now and then, and one at the end."""

    disable: bool

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._said, self._when = 0.0, time.monotonic()
        super().__init__(*arguments, **options)
        if not self.disable and not self._watched():
            self.mininterval = self.maxinterval = LEAST
            # Counting calls between two looks at the clock would miss a slow last part.
            self.miniters, self.dynamic_miniters = 0, False

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Draw the bar; in a log write a line when it is time."""
        for listener in _heard:
            listener(self.n)
        if self._watched():
            return bool(super().display(msg, pos))
        if self.n - self._said >= SHARE * (self.total or self.n) or time.monotonic() - self._when >= PAUSE:
            self._write()
        return True

    def close(self) -> None:
        """End the bar; a log gets a last line unless it has it."""
        if not self.disable and not self._watched():
            self.disable = True
            self._decr_instances(self)
            # What ended before it would have been shown stays untold.
            if self.n > self._said and self._time() >= self.start_t + self.delay:
                self._write()
        super().close()

    def _write(self) -> None:
        if self.n:
            self._said, self._when = self.n, time.monotonic()
            self.fp.write(f"{self}\n")
            self.fp.flush()

    def _watched(self) -> bool:
        return bool(self.fp.isatty())
