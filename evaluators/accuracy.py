"""Top-1 accuracy of a classifier by edit, and what each edit costs it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from evaluators.classifiers import Classifier
from evaluators.pairing import Column, ColumnResult, Options, compare_columns
from evaluators.predictions import predict
from evaluators.statistics import Estimate
from manifests import Dataset, Manifest


@dataclass(frozen=True)
class Evaluation:
    """One model on one dataset.

    Attributes:
        model: The classifier's name.
        manifest: Of the dataset.
        columns: In the dataset's order; columns without an accepted sample are left out.
        mean_drop: Mean of the drops over the edited columns, controls excluded; None where there is none. Its ``n`` counts
            the sources that are in any of them.
        options: How uncertainty was measured.
        predictions: One row per accepted sample: key, source_id, edit, level, replica, label, predicted.
    """

    model: str
    manifest: Manifest
    columns: tuple[ColumnResult, ...]
    mean_drop: Estimate | None
    options: Options
    predictions: pa.Table = field(repr=False, compare=False)


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
        classifier: The model, see `evaluators.load_classifier`.
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
    return Evaluation(classifier.name, dataset.manifest, columns, mean_drop, options, predictions)


def columns_of(dataset: Dataset) -> list[Column]:
    """Return the planned columns: edits in the manifest's order, levels of one edit as they first occur."""
    planned = dataset.table.group_by(["edit", "level"], use_threads=False).aggregate([])
    pairs = zip(planned["edit"].to_pylist(), planned["level"].to_pylist(), strict=True)
    order = {edit: position for position, edit in enumerate(dataset.manifest.edits)}
    return sorted((Column(edit, level) for edit, level in pairs), key=lambda column: order[column.edit])
