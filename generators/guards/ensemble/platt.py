"""Probabilities from scores: logistic regression on one score (Platt 1999, "Probabilistic outputs for support vector
machines").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from editmill.manifests.arrays import Feature
from editmill.manifests.guard_report import GateCurve


def fit_curve(gate: str, right: Sequence[float], wrong: Sequence[float]) -> GateCurve:
    """Return the curve of a gate from its scores on pictures whose label is right, and on those whose label is
    destroyed.

    Both kinds weigh the same. Targets are smoothed as Platt's section 2.2 has it, so that separable scores give a
    finite slope; scores that all are equal give a slope of 0.
    """
    scores = np.array([*right, *wrong], np.float64)
    target = np.array([(len(right) + 1) / (len(right) + 2)] * len(right) + [1 / (len(wrong) + 2)] * len(wrong))
    weight = np.array([0.5 / max(len(right), 1)] * len(right) + [0.5 / max(len(wrong), 1)] * len(wrong))
    middle, spread = (float(scores.mean()), float(scores.std())) if scores.size else (0.0, 0.0)
    if spread < 1e-12:
        return GateCurve(gate=gate, slope=0.0, intercept=0.0)
    # Gates differ in unit and spread; standardised, one set of bounds suits them all.
    scaled = (scores - middle) / spread

    def loss(parameters: Feature) -> tuple[float, Feature]:
        logits = parameters[0] * scaled + parameters[1]
        slack = weight * (1 / (1 + np.exp(-logits)) - target)
        value = float((weight * (np.logaddexp(0, logits) - target * logits)).sum())
        return value, np.array([(slack * scaled).sum(), slack.sum()])

    # A slope below 0 would let a higher score speak against the label.
    slope, intercept = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=((0, 1e3), (-1e3, 1e3))).x
    return GateCurve(gate=gate, slope=float(slope / spread), intercept=float(intercept - slope * middle / spread))
