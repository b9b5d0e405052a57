"""How much a second regeneration seed changes a sample's result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from editmill.evaluators.watermark.binomial import ALPHAS, threshold
from editmill.evaluators.watermark.rates import Rate, rate
from editmill.evaluators.watermark.rows import WatermarkRows


@dataclass(frozen=True)
class Replicates:
    """Marked samples with two seeds.

    Attributes:
        pairs: Samples of one source and rung with replicas 0 and 1.
        within_variance: Of the bit accuracy between the seeds of one sample, the mean of half the squared difference.
        between_variance: Of the samples' means less half of ``within_variance``, at least 0; None for one pair.
        agreement: Pairs that are both found or both missed at 1 %.
    """

    scheme: str
    rung: str
    pairs: int
    within_variance: float
    between_variance: float | None
    agreement: Rate


def measure_replicates(rows: WatermarkRows) -> tuple[Replicates, ...]:
    """Compare replicas 0 and 1 wherever both exist."""
    results = []
    for scheme in rows.schemes:
        least = threshold(scheme.bits, ALPHAS[0]).matches
        for attack in rows.attacks:
            first, second = rows.at(scheme.name, attack.name, 0), rows.at(scheme.name, attack.name, 1)
            shared = [
                source for source in sorted(first.keys() & second.keys()) if first[source].ok and second[source].ok
            ]
            if not shared:
                continue
            found = [[group[source].detections[scheme.name] for source in shared] for group in (first, second)]
            values = np.array([[one.matches / scheme.bits for one in side] for side in found])
            hits = np.array([[one.decoded and one.matches >= least for one in side] for side in found])
            within = float(((values[0] - values[1]) ** 2 / 2).mean())
            # The mean of two seeds still has half of the variance within.
            between = max(0.0, float(values.mean(axis=0).var(ddof=1)) - within / 2) if len(shared) > 1 else None
            agreement = rate(int((hits[0] == hits[1]).sum()), len(shared))
            results.append(Replicates(scheme.name, attack.name, len(shared), within, between, agreement))
    return tuple(results)
