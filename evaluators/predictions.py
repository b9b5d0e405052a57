"""One pass of a classifier over a dataset; only the predictions are kept, and which models they are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.classifiers import Classifier
from editmill.manifests import DataError, Dataset, ModelError, RequestError, Sample
from editmill.manifests.progress import Progress

SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("source_id", pa.string()),
        ("edit", pa.string()),
        ("level", pa.float64()),
        ("replica", pa.int64()),
        ("label", pa.int64()),
        ("predicted", pa.int64()),
    ]
)


def predict(dataset: Dataset, classifier: Classifier, *, batch_size: int = 32, progress: bool = True) -> pa.Table:
    """Classify a selection's accepted samples, reading each shard once.

    Args:
        dataset: The selection.
        classifier: The model.
        batch_size: Images decoded and classified at a time.
        progress: Whether to draw a bar on standard error when it takes longer than two seconds.

    Returns:
        One row per accepted sample, with the columns of ``SCHEMA``.

    Raises:
        RequestError: ``batch_size`` is below 1.
        DataError: The selection has no accepted sample.
        ModelError: The classifier does not give one integer label per image.
    """
    if batch_size < 1:
        raise RequestError(f"a batch holds at least one image, got {batch_size}", where="batch_size")
    if not len(dataset):
        what = "there is no accepted sample to evaluate"
        raise DataError(what, where=dataset.manifest.name, fix="see the counts by status and reason in manifest.json")
    batches: list[pa.RecordBatch] = []
    with Progress(total=len(dataset), desc=classifier.name, unit="image", delay=2, disable=not progress) as bar:
        for samples in _batched(iter(dataset), batch_size):
            batches.append(_predict_batch(samples, classifier))
            bar.update(len(samples))
    return pa.Table.from_batches(batches, schema=SCHEMA)


def name_predictions(found: Iterable[tuple[str, pa.Table]]) -> pa.Table:
    """Return the predictions of several models in one table, under their names.

    Beside the columns of ``SCHEMA`` it has ``model`` and ``score``, 1 where the label is predicted and 0 elsewhere.
    """
    tables = []
    for name, table in found:
        score = pc.cast(pc.equal(table["label"], table["predicted"]), pa.float64())
        named = table.add_column(0, "model", pa.array([name] * table.num_rows, pa.string()))
        tables.append(named.append_column("score", score))
    return pa.concat_tables(tables)


def _predict_batch(samples: list[Sample], classifier: Classifier) -> pa.RecordBatch:
    images = [np.asarray(sample.image()) for sample in samples]
    which = f"samples {samples[0].key} to {samples[-1].key}"
    try:
        predicted = np.asarray(classifier.predict(images))
    except ModelError as error:
        raise ModelError(f"{error.what} ({which})", where=error.where, fix=error.fix) from error
    if predicted.shape != (len(samples),) or not np.issubdtype(predicted.dtype, np.integer):
        what = f"{classifier.name} gave {predicted.dtype} {list(predicted.shape)} for {len(samples)} images ({which})"
        raise ModelError(what, fix="predict() returns one integer label per image, as an array of shape [n]")
    columns = {name: [sample.row[name] for sample in samples] for name in ("source_id", "edit", "level", "replica")}
    columns["key"] = [sample.key for sample in samples]
    columns["label"] = [sample.label for sample in samples]
    columns["predicted"] = predicted.tolist()
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA)


def _batched(samples: Iterator[Sample], size: int) -> Iterator[list[Sample]]:
    while batch := list(islice(samples, size)):
        yield batch
