"""What an attack does to the picture, marked or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from editmill.evaluators.statistics import Bounds, Estimate
from editmill.evaluators.watermark.bootstrap import SourceBootstrap
from editmill.evaluators.watermark.rows import WatermarkRows

# Equal pictures have an infinite PSNR; a mean needs a number.
PSNR_CEILING = 100.0


@dataclass(frozen=True)
class Measure:
    """A mean over samples.

    Attributes:
        name: Of the score: PSNR in dB (at most 100), SSIM and cosine at most 1.
        value: The mean with its 95 % interval.
    """

    name: str
    value: Estimate


@dataclass(frozen=True)
class QualityResult:
    """Quality at a rung.

    Attributes:
        scheme: "" for unmarked samples.
        n: samples.
        measures: In the order of the scores' names.
    """

    scheme: str
    rung: str
    n: int
    measures: tuple[Measure, ...]


def _bounds(name: str) -> Bounds:
    return (0.0, PSNR_CEILING) if "psnr" in name else (-1.0, 1.0)


def measure_quality(rows: WatermarkRows, sampler: SourceBootstrap) -> tuple[QualityResult, ...]:
    """Return the mean scores per scheme and rung, unmarked samples first."""
    found = []
    for scheme in ("", *(scheme.name for scheme in rows.schemes)):
        for attack in rows.attacks:
            group = [row for row in rows.at(scheme, attack.name).values() if row.ok]
            measures = []
            for name in sorted({name for row in group for name in row.scores}):
                measured = [row for row in group if name in row.scores]
                values = np.array([row.scores[name] for row in measured], dtype=np.float64)
                if "psnr" in name:
                    values = np.minimum(values, PSNR_CEILING)
                clusters = sampler.numbers([row.source_id for row in measured])
                measures.append(Measure(name, sampler.mean(values, clusters, bounds=_bounds(name))))
            if group:
                found.append(QualityResult(scheme, attack.name, len(group), tuple(measures)))
    return tuple(found)
