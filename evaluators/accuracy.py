"""Top-1 accuracy of a classifier by edit, and what each edit costs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.classifiers import Classifier
from editmill.evaluators.columns import Column
from editmill.evaluators.pairing import ColumnResult, Options, compare_columns
from editmill.evaluators.predictions import predict
from editmill.evaluators.sources import Sources, read_sources
from editmill.evaluators.statistics import Estimate
from editmill.manifests import Dataset, Manifest


@dataclass(frozen=True)
class Evaluation:
    """One model on one dataset.

    Attributes:
        model: The classifier's name.
        manifest: Of the dataset.
        columns: In the dataset's order; columns without an accepted sample are left out.
        mean_drop: Mean of the drops over the edited columns, controls excluded; None where there is none. Its ``n``
            counts the sources that are in any of them.
        options: How uncertainty was measured.
        planned: Planned samples by column, those without an accepted sample included; without the columns of edits of
            which the selection leaves rows out, since acceptance shows only in all of them.
        sources: Size and difficulty of the sources.
        predictions: One row per accepted sample: key, source_id, edit, level, replica, label, predicted.
    """

    model: str
    manifest: Manifest
    columns: tuple[ColumnResult, ...]
    mean_drop: Estimate | None
    options: Options
    planned: Mapping[Column, int]
    sources: Sources
    predictions: pa.Table = field(repr=False, compare=False)

    def acceptance(self, result: ColumnResult) -> float | None:
        """Return the share of a column's planned samples that was accepted; None where that is not known."""
        planned = self.planned.get(result.column)
        return result.accuracy.n / planned if planned else None


def evaluate(
    dataset: Dataset,
    classifier: Classifier,
    *,
    batch_size: int = 32,
    progress: bool = True,
    options: Options | None = None,
) -> Evaluation:
    """Measure a classifier on a dataset's accepted samples, or on a selection of them.

    Args:
        dataset: The dataset; drops need its ``original`` samples.
        classifier: The model, see `editmill.evaluators.load_classifier`.
        batch_size: Images decoded and classified at a time.
        progress: Whether to draw a bar on standard error when it takes longer than two seconds.
        options: How uncertainty is measured; 95 % intervals from 10,000 resamples by default.

    Raises:
        RequestError: An option is out of range.
        DataError: There is no accepted sample, or a shard is damaged.
        ModelError: The classifier does not give one integer label per image.
    """
    options = options or Options()
    predictions = predict(dataset, classifier, batch_size=batch_size, progress=progress)
    columns, mean_drop = compare_columns(predictions, columns_of(dataset), options)
    return Evaluation(
        model=classifier.name,
        manifest=dataset.manifest,
        columns=columns,
        mean_drop=mean_drop,
        options=options,
        planned=count_planned(dataset),
        sources=read_sources(dataset),
        predictions=predictions,
    )


def columns_of(dataset: Dataset) -> list[Column]:
    """Return the planned columns: edits in the manifest's order, levels of one edit as they first occur."""
    planned = dataset.table.group_by(["edit", "level"], use_threads=False).aggregate([])
    pairs = zip(planned["edit"].to_pylist(), planned["level"].to_pylist(), strict=True)
    order = {edit: position for position, edit in enumerate(dataset.manifest.edits)}
    return sorted((Column(edit, level) for edit, level in pairs), key=lambda column: order[column.edit])


def count_planned(dataset: Dataset) -> dict[Column, int]:
    """Count planned samples by column, for the edits of which a selection holds every row."""
    counted = dataset.table.group_by(["edit", "level"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    selected: Counter[str] = Counter()
    for group in counted:
        selected[group["edit"]] += group["count_all"]
    whole = {
        edit
        for edit, statuses in dataset.manifest.counts.items()
        if selected[edit] == sum(sum(reasons.values()) for reasons in statuses.values())
    }
    return {Column(group["edit"], group["level"]): group["count_all"] for group in counted if group["edit"] in whole}
