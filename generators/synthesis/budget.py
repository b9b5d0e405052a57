"""The run's meter: what was spent, and which cap is reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from editmill.generators.synthesis.settings import BudgetSettings


class Stop(StrEnum):
    """Why the search for a source's samples ended."""

    QUOTA_MET = "quota_met"
    ROUNDS_EXHAUSTED = "rounds_exhausted"
    SOURCE_BUDGET = "source_budget"
    RUN_BUDGET = "run_budget"
    DEADLINE = "deadline"
    SOURCE_INELIGIBLE = "source_ineligible"


class Meter:
    """Counts what all searches of a run spend.

    Args:
        settings: The caps.
        candidates: Spent before.
        seconds: Likewise.
        clock: Seconds, from any beginning, never going back.
    """

    def __init__(
        self,
        settings: BudgetSettings,
        *,
        candidates: int = 0,
        seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.clock = settings, clock
        self.candidates, self.began = candidates, clock() - seconds

    @property
    def seconds(self) -> float:
        """What the run has taken so far."""
        return self.clock() - self.began

    def spend(self, candidates: int) -> None:
        """Count candidates that were made and judged."""
        self.candidates += candidates

    def left(self, source_candidates: int) -> int | None:
        """Return how many more candidates a source may have that had ``source_candidates``; None for any number."""
        caps = ((self.settings.source_candidates, source_candidates), (self.settings.run_candidates, self.candidates))
        rests = [cap - spent for cap, spent in caps if cap is not None]
        return max(0, min(rests)) if rests else None

    def reached(self, source_candidates: int, source_seconds: float) -> Stop | None:
        """Return the cap that a source which has spent this much stands at, if any."""
        caps = self.settings
        if _full(source_candidates, caps.source_candidates) or _full(source_seconds, caps.source_seconds):
            return Stop.SOURCE_BUDGET
        if _full(self.candidates, caps.run_candidates):
            return Stop.RUN_BUDGET
        return Stop.DEADLINE if _full(self.seconds, caps.run_seconds) else None


def _full(spent: float, cap: float | None) -> bool:
    return cap is not None and spent >= cap
