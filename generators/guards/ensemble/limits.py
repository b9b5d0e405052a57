"""Calibrated limits as the rule asks for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from editmill.generators.guards.ensemble.gates import GATES
from editmill.manifests.guard_report import POOLED, GateCurve, GateThreshold, GuardReport

# The product of all gates' probabilities, which has a threshold of its own.
JOINT = "joint"


@dataclass(frozen=True)
class Limits:
    """Thresholds by gate and class, probabilities of the calibrated product, and classes that can't be guarded.

    Attributes:
        thresholds: Least scores; None leaves the gate's own limit. The class "" is that of all classes that were not
            calibrated.
        curves: Slope and intercept by gate.
        unguardable: Classes that the judges know too badly.
    """

    thresholds: Mapping[tuple[str, str], float | None]
    curves: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unguardable: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, thresholds: Sequence[GateThreshold], curves: Sequence[GateCurve], unguardable: Sequence[str] = ()
    ) -> Limits:
        """Return the limits of calibration's records."""
        return cls(
            {(one.gate, one.class_name): one.threshold for one in thresholds},
            {one.gate: (one.slope, one.intercept) for one in curves},
            frozenset(unguardable),
        )

    @classmethod
    def of_report(cls, report: GuardReport) -> Limits:
        """Return the limits of a guard report."""
        return cls.of(report.thresholds, report.curves, report.unguardable)

    def least(self, gate: str, class_name: str) -> float | None:
        """Return the least score with which ``gate`` passes a picture of the class; None where none was calibrated."""
        if (gate, class_name) in self.thresholds:
            return self.thresholds[gate, class_name]
        return self.thresholds.get((gate, POOLED))

    def log_probability(self, gate: str, scores: Mapping[str, float]) -> float | None:
        """Return ln P(the label is right | the gate's score); None without its score or its curve."""
        value = scores.get(GATES[gate].score)
        if value is None or gate not in self.curves:
            return None
        slope, intercept = self.curves[gate]
        logit = slope * value + intercept
        # ln(1 / (1 + exp(-logit))) in a form that overflows for neither sign.
        return min(logit, 0.0) - math.log1p(math.exp(-abs(logit)))

    def joint(self, gates: Sequence[str], scores: Mapping[str, float]) -> tuple[float, str] | None:
        """Return the sum of ``log_probability`` over gates, and the weakest one's name.

        None where no gate has any.
        """
        found = {gate: value for gate in gates if (value := self.log_probability(gate, scores)) is not None}
        return (sum(found.values()), min(found, key=lambda gate: found[gate])) if found else None
