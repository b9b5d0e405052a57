"""How many candidates a cell needs, from how often its candidates were accepted so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy.stats import beta

from editmill.generators.synthesis.settings import RetrySettings


@dataclass(frozen=True)
class CellCounts:
    """What is known of one cell, such as a class times an edit.

    Count the first sources of the plan in its order, so that K is the same in every run.
    """

    sources: int = 0
    candidates: int = 0
    accepted: int = 0

    def plus(self, *, candidates: int, accepted: int) -> CellCounts:
        """Return the counts with one more source."""
        return replace(
            self, sources=self.sources + 1, candidates=self.candidates + candidates, accepted=self.accepted + accepted
        )


def lower_rate(accepted: int, candidates: int, confidence: float) -> float:
    """Return one-sided Clopper-Pearson lower bound of an acceptance rate, in [0, 1]."""
    # The beta distribution is not defined without a success; the bound is 0 then.
    return float(beta.ppf(1 - confidence, accepted, candidates - accepted + 1)) if accepted else 0.0


def candidates_needed(rate: float, coverage: float) -> int | None:
    """Return the least K with 1 - (1 - rate)^K >= coverage, ceil(ln(1 - coverage) / ln(1 - rate)).

    None for a rate of 0, which no K helps.
    """
    if rate <= 0:
        return None
    # At a rate of 1 the logarithm below is not finite.
    return max(1, math.ceil(math.log1p(-coverage) / math.log1p(-rate))) if rate < 1 else 1


def adapted_candidates(settings: RetrySettings, counts: CellCounts) -> int:
    """Return K for the next source of a cell."""
    if not settings.adapt_after or counts.sources < settings.adapt_after:
        return settings.candidates
    needed = candidates_needed(lower_rate(counts.accepted, counts.candidates, settings.confidence), settings.coverage)
    return settings.most_candidates if needed is None else min(needed, settings.most_candidates)
