"""Right and wrong answers by source and column, from which everything paired is worked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray, IntArray
from editmill.evaluators.attribute.columns import Column


@dataclass(frozen=True)
class Outcomes:
    """Correctness by source and column.

    Attributes:
        sources: Ids, sorted.
        columns: Those with an accepted sample.
        samples: Int64 [sources, columns], accepted samples.
        right: Int64 [sources, columns], accepted samples with the right label.
        first: Float64 [sources, columns], correctness of the lowest replica; NaN where there is no accepted sample.
        mean: Float64 [sources, columns], mean correctness over replicas; NaN where there is no accepted sample.
    """

    sources: tuple[str, ...]
    columns: tuple[Column, ...]
    samples: IntArray
    right: IntArray
    first: FloatArray
    mean: FloatArray

    def position(self, edit: str) -> int | None:
        """Return where the edit's first column is, None if it is nowhere."""
        return next((index for index, column in enumerate(self.columns) if column.edit == edit), None)

    def paired(self, before: int, after: int) -> BoolArray:
        """Return which sources are in both columns, as bool [sources]."""
        return (self.samples[:, before] > 0) & (self.samples[:, after] > 0)


def read_outcomes(predictions: pa.Table, columns: Sequence[Column]) -> Outcomes:
    """Count right answers; columns without an accepted sample are left out.

    Args:
        predictions: As `editmill.evaluators.predictions.predict` returns them.
        columns: The columns, in order.
    """
    correct = np.asarray(predictions["label"]) == np.asarray(predictions["predicted"])
    names, sources = np.unique(np.asarray(predictions["source_id"]), return_inverse=True)
    edits, levels = np.asarray(predictions["edit"]), np.asarray(predictions["level"])
    replicas = np.asarray(predictions["replica"])
    found = [(column, np.flatnonzero((edits == column.edit) & (levels == column.level))) for column in columns]
    found = [(column, rows) for column, rows in found if rows.size]
    shape = (names.size, len(found))
    samples, right, first = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.full(shape, np.nan)
    for index, (_, rows) in enumerate(found):
        # Of assignments to one source the last holds, so the lowest replica goes last.
        descending = rows[np.argsort(-replicas[rows], kind="stable")]
        first[sources[descending], index] = correct[descending]
        samples[:, index] = np.bincount(sources[rows], minlength=shape[0])
        right[:, index] = np.bincount(sources[rows[correct[rows]]], minlength=shape[0])
    mean = np.full(shape, np.nan)
    np.divide(right, samples, out=mean, where=samples > 0)
    return Outcomes(tuple(names.tolist()), tuple(column for column, _ in found), samples, right, first, mean)
