"""What guards say of known faults and of clean pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AuditRow:
    """What one gate said about one kind of picture.

    Attributes:
        gate: Name of the rule that was asked.
        kind: The fault, or the clean control.
        clean: Whether the gate should let it pass.
        pictures: How many were shown, one per source.
        judged: How many the gate was asked about.
        rejected: How many of these it rejected.
    """

    gate: str
    kind: str
    clean: bool
    pictures: int
    judged: int
    rejected: int

    @property
    def rate(self) -> float:
        """The share of judged pictures that were rejected; NaN without any."""
        return self.rejected / self.judged if self.judged else float("nan")

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the exact interval of the rate (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404).

        (0, 1) without any judged picture.
        """
        if not self.judged:
            return 0.0, 1.0
        # Imported late: listing recipes imports the families, and with them this module.
        from scipy.stats import binomtest

        interval = binomtest(self.rejected, self.judged).proportion_ci(confidence_level=confidence, method="exact")
        return float(interval.low), float(interval.high)

    def holds(self, *, least: float, most: float) -> bool:
        """Return whether at least ``least`` of the faults, or at most ``most`` of the clean pictures, were rejected.

        True where the gate is not asked.
        """
        return not self.judged or (self.rate <= most if self.clean else self.rate >= least)
