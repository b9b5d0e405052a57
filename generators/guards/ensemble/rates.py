"""Error rates with exact intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from editmill.manifests.guard_report import ErrorRate

CONFIDENCE = 0.95


def upper_bound(errors: float, trials: float, confidence: float = CONFIDENCE) -> float:
    """Return the exact one-sided upper bound of a proportion (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404).

    1 without trials.

    Counts may be fractions, as effective ones are.
    """
    return 1.0 if trials <= 0 or errors >= trials else float(beta.ppf(confidence, errors + 1, trials - errors))


def interval(errors: float, trials: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact two-sided interval of a proportion; (0, 1) without trials."""
    tail = (1 + confidence) / 2
    low = 0.0 if trials <= 0 or errors <= 0 else float(beta.ppf(1 - tail, errors, trials - errors + 1))
    return low, upper_bound(errors, trials, tail)


@dataclass
class Tally:
    """Errors and pictures by source."""

    errors: dict[str, int]
    pictures: dict[str, int]

    @classmethod
    def empty(cls) -> Tally:
        """Return a count of no pictures."""
        return cls({}, {})

    def add(self, source: str, wrong: bool) -> None:
        """Count one picture of a source."""
        self.errors[source] = self.errors.get(source, 0) + wrong
        self.pictures[source] = self.pictures.get(source, 0) + 1

    def rate(self, member: str, kind: str) -> ErrorRate:
        """Return the record; bounds are those of the effective number of pictures."""
        errors, pictures = sum(self.errors.values()), sum(self.pictures.values())
        share = errors / pictures if pictures else 0.0
        trials = effective_trials(self.errors, self.pictures)
        low, high = interval(share * trials, trials)
        upper = upper_bound(share * trials, trials)
        return ErrorRate(
            member=member,
            kind=kind,
            sources=len(self.pictures),
            pictures=pictures,
            errors=errors,
            rate=share,
            low=low,
            high=high,
            upper=upper,
        )


def effective_trials(errors: Mapping[str, int], pictures: Mapping[str, int]) -> float:
    """Return independent pictures that tell as much as these, of which those of one source are alike (Korn & Graubard
    1998, Survey Methodology 24(2)).

    The number of pictures over the design effect, which is at least 1, and at most what makes every source one trial;
    without any error, or with nothing but errors, nothing is known of it, and that most is taken.
    """
    total, sources = sum(pictures.values()), len(pictures)
    # With one picture per source there is nothing alike to account for.
    if total == sources:
        return float(total)
    share = sum(errors.values()) / total
    if share in (0.0, 1.0) or sources < 2:
        return float(sources)
    residuals = np.array([errors[one] - share * pictures[one] for one in pictures], np.float64)
    variance = sources / (sources - 1) * float((residuals**2).sum()) / total**2
    # The variance between sources over that of as many independent pictures.
    effect = max(1.0, variance / (share * (1 - share) / total))
    return max(float(sources), total / effect)
