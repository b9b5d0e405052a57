"""What several classifiers said of the same pictures, and how accurate that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray, IntArray
from editmill.evaluators.synthesis.rows import ORIGINAL


@dataclass(frozen=True)
class Answers:
    """Which pictures models got right.

    Attributes:
        names: Of the models.
        baselines: Whether a model was named as a baseline.
        right: Bool [models, pictures].
        edits: Text [pictures], the conditioning.
        units: Int64 [pictures], equal for a control and what was made from it; pictures from text stand alone.
    """

    names: tuple[str, ...]
    baselines: tuple[bool, ...]
    right: BoolArray
    edits: npt.NDArray[np.str_]
    units: IntArray

    @property
    def conditionings(self) -> tuple[str, ...]:
        """Those with a picture, as they first occur."""
        return tuple(dict.fromkeys(self.edits.tolist()))

    def sum_units(self, values: FloatArray) -> FloatArray:
        """Return the sums over each unit's pictures, [rows, units], of ``values`` [rows, pictures]."""
        return np.stack([np.bincount(self.units, row, minlength=int(self.units.max()) + 1) for row in values])


def read_answers(predictions: Sequence[tuple[str, bool, pa.Table]]) -> Answers:
    """Put predictions together.

    Args:
        predictions: Name, whether it is a baseline, and predictions (`editmill.evaluators.predictions.SCHEMA`) of each
            model; all of the same samples in the same order.
    """
    table = predictions[0][2]
    edits, keys, sources = (np.asarray(table[name]).astype(str) for name in ("edit", "key", "source_id"))
    real = np.isin(sources, sources[edits == ORIGINAL])
    # No source id has the colon that tells them apart.
    _, units = np.unique(
        np.where(real, np.char.add("source:", sources), np.char.add("key:", keys)), return_inverse=True
    )
    right = [np.asarray(one["label"]) == np.asarray(one["predicted"]) for _, _, one in predictions]
    names, baselines = [name for name, _, _ in predictions], [baseline for _, baseline, _ in predictions]
    return Answers(tuple(names), tuple(baselines), np.array(right), edits, units)
