"""Which samples of an edit a page shows, from the rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests import Dataset

FloatArray = npt.NDArray[np.float64]
# Reasons of which a rejected sample is shown, for each edit.
MOST_REASONS = 2


@dataclass(frozen=True)
class Limit:
    """A threshold on a score.

    Attributes:
        score: The score's name.
        value: The threshold.
        name: The setting or gate that it comes from.
        judged: The score that is 0 where it did not decide; "" where it always does.
    """

    score: str
    value: float
    name: str
    judged: str = ""


@dataclass(frozen=True)
class Chosen:
    """A sample to show.

    Attributes:
        kind: Why it is shown: ``typical``, ``near``, ``rejected`` or ``worst``.
        row: Its columns.
        why: What is special about it, for a person.
    """

    kind: str
    row: Mapping[str, Any]
    why: str


def choose(dataset: Dataset, edit: str, limits: Sequence[Limit], predictions: pa.Table | None) -> list[Chosen]:
    """Return samples of an edit: a typical one, the nearest to a threshold, rejected ones by reason, and the worst for
    each model.

    Args:
        dataset: The whole dataset.
        edit: One of its edits.
        limits: Thresholds of its guards.
        predictions: See `editmill.evaluators.predictions.name_predictions`; None without any.
    """
    mine = dataset.table.filter(pc.equal(dataset.table["edit"], edit))
    accepted = mine.filter(pc.equal(mine["status"], "ok"))
    found = [*_typical(accepted), *_nearest(accepted, limits), *_rejected(mine, limits)]
    return found if predictions is None else [*found, *_worst(accepted, edit, predictions)]


def set_by_edits(table: pa.Table, limits: Sequence[Limit]) -> list[Limit]:
    """Return the limits on scores that differ between the samples of a source; others are about the source alone."""
    found = []
    for limit in limits:
        column = f"score_{limit.score}"
        known = table.select(["source_id", column]).filter(pc.is_finite(table[column]))
        ends = known.group_by("source_id").aggregate([(column, "min"), (column, "max")])
        if pc.any(pc.not_equal(ends[f"{column}_min"], ends[f"{column}_max"])).as_py():
            found.append(limit)
    return found


def scores_of(table: pa.Table, name: str) -> FloatArray:
    """Return a column of scores, NaN where a score was not measured."""
    return np.asarray(table[f"score_{name}"], np.float64)


def decided_scores(table: pa.Table, limit: Limit) -> FloatArray:
    """Return the scores that a limit decided over, NaN elsewhere."""
    values = scores_of(table, limit.score)
    return np.where(scores_of(table, limit.judged) == 1, values, np.nan) if limit.judged else values


def _row(table: pa.Table, at: int) -> dict[str, Any]:
    row: dict[str, Any] = table.slice(at, 1).to_pylist()[0]
    return row


def _typical(accepted: pa.Table) -> Iterator[Chosen]:
    """Yield the sample whose scores lie nearest to the middle ones."""
    if not accepted.num_rows:
        return
    names = [name.removeprefix("score_") for name in accepted.schema.names if name.startswith("score_")]
    far = np.zeros(accepted.num_rows)
    for values in (scores_of(accepted, name) for name in names):
        known = values[np.isfinite(values)]
        spread = known.std() if len(known) else 0.0
        if spread > 0:
            # What was not measured, or is infinite, is not typical.
            far += np.nan_to_num(np.abs(values - np.median(known)) / spread, nan=3.0, posinf=3.0).clip(max=3.0)
    yield Chosen("typical", _row(accepted, int(far.argmin())), "its scores are nearest to the middle of this edit's")


def _nearest(accepted: pa.Table, limits: Sequence[Limit]) -> Iterator[Chosen]:
    """Yield the accepted sample that lies nearest to a threshold, in standard deviations of the score.

    Where a score has several thresholds, which of them decided depends on more than the score.
    """
    best: tuple[float, int, Limit, float] | None = None
    several = Counter(limit.score for limit in limits)
    for limit in (limit for limit in limits if several[limit.score] == 1):
        values = decided_scores(accepted, limit)
        known = values[np.isfinite(values)]
        # A score that is the same for most says nothing about how near any of them is.
        if len(known) < 2 or np.median(np.abs(known - np.median(known))) == 0:
            continue
        far = np.where(np.isfinite(values), np.abs(values - limit.value), np.inf) / known.std()
        at = int(far.argmin())
        if best is None or far[at] < best[0]:
            best = (float(far[at]), at, limit, float(values[at]))
    if best is not None:
        _, at, limit, value = best
        yield Chosen("near", _row(accepted, at), f"{limit.score} {value:.4g}, threshold {limit.name} {limit.value:.4g}")


def _rejected(mine: pa.Table, limits: Sequence[Limit]) -> Iterator[Chosen]:
    """Yield a sample for each of the most frequent reasons, with its scores on the limits of that name."""
    refused = mine.filter(pc.not_equal(mine["status"], "ok"))
    first = [reasons[0] if reasons else "" for reasons in refused["reasons"].to_pylist()]
    # Equally frequent ones in the order of their names, whatever the order of rows.
    for reason, number in sorted(Counter(first).items(), key=lambda item: (-item[1], item[0]))[:MOST_REASONS]:
        row = _row(refused, first.index(reason))
        said = ", ".join(row["reasons"]) or "no reason"
        why = f"{row['status']}: {said}; first reason of {number} of {refused.num_rows} refused samples"
        yield Chosen("rejected", row, "; ".join([why, *_measured(row, limits)]))


def _measured(row: Mapping[str, Any], limits: Sequence[Limit]) -> list[str]:
    """Return the scores that bear the name of one of a row's reasons, with their thresholds."""
    said = " ".join(row["reasons"])
    found = [(one, row[f"score_{one.score}"]) for one in limits if one.score in said or one.name in said]
    return [f"{one.score} {value:.4g}, threshold {one.name} {one.value:.4g}" for one, value in found if value == value]


def _worst(accepted: pa.Table, edit: str, predictions: pa.Table) -> Iterator[Chosen]:
    """Yield the sample on which each model loses most against the unedited one of the same source."""
    for model in dict.fromkeys(predictions["model"].to_pylist()):
        mine = predictions.filter(pc.equal(predictions["model"], model))
        original = mine.filter(pc.equal(mine["edit"], "original"))
        before = {(row["source_id"], row["replica"]): row["score"] for row in original.to_pylist()}
        edited = mine.filter(pc.equal(mine["edit"], edit)).to_pylist()
        scores = {row["key"]: (_before(row, before), row["score"]) for row in edited}
        lost = {key: old - new for key, (old, new) in scores.items() if old is not None and old > new}
        keys = [key for key in accepted["key"].to_pylist() if key in lost]
        if keys:
            key = max(keys, key=lambda one: lost[one])
            old, new = scores[key]
            why = f"{model} loses most here: score {old:.3g} on the source, {new:.3g} on this sample"
            yield Chosen("worst", _row(accepted, accepted["key"].to_pylist().index(key)), why)


def _before(row: Mapping[str, Any], before: Mapping[tuple[str, int], float]) -> float | None:
    """Return the score on the unedited sample, the first one where replicas share it; None without one."""
    source = row["source_id"]
    return before.get((source, row["replica"]), before.get((source, 0)))
