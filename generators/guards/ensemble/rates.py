"""Error rates with exact intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
        """Return the record; bounds are those of the effective number of pictures (Korn & Graubard 1998, Survey
        Methodology 24(2)).
        """
        errors, pictures = sum(self.errors.values()), sum(self.pictures.values())
        share = errors / pictures if pictures else 0.0
        trials = effective_trials(self.pictures)
        low, high = interval(share * trials, trials)
        upper = upper_bound(share * trials, trials)
        return ErrorRate(
            member=member,
            kind=kind,
            sources=len(self.pictures),
            pictures=pictures,
            effective=trials,
            errors=errors,
            rate=share,
            low=low,
            high=high,
            upper=upper,
        )


def effective_trials(pictures: Mapping[str, int]) -> float:
    """Return the number of independent pictures that surely tell as much as these, of which those of one source are
    alike: (sum m)^2 / sum m^2 for m pictures per source (Kish 1965, Survey Sampling, section 8.2, with a correlation of
    1 within a source).

    At most the number of sources; equal to it where all have as many pictures, and 0 without any. It does not depend on
    errors, so that more errors of the same pictures never give a lower bound.
    """
    squares = sum(count**2 for count in pictures.values())
    return float(sum(pictures.values()) ** 2 / squares) if squares else 0.0
