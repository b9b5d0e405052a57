"""A guard that any family's pictures can be shown to: it refuses dark ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from editmill.generators.base.guards import StoredPicture, Verdict


class BrightnessReason(StrEnum):
    """Why the guard refuses a picture."""

    TOO_DARK = "too_dark"


@dataclass(frozen=True)
class BrightnessGuard:
    """Refuses pictures whose mean grey value lies below ``least``, 0 to 255."""

    least: float = 10.0
    score_names: ClassVar[tuple[str, ...]] = ("brightness",)

    def check(self, stored: StoredPicture) -> Verdict:
        """Judge a picture."""
        mean = float(stored.image.mean())
        return Verdict({"brightness": mean}, (BrightnessReason.TOO_DARK,) if mean < self.least else ())


class BrightnessFactory:
    """Makes the guard; it asks no model."""

    version = 1
    score_names = BrightnessGuard.score_names

    def __call__(self, models: Any, **options: Any) -> BrightnessGuard:
        return BrightnessGuard(**options)


FACTORY = BrightnessFactory()
