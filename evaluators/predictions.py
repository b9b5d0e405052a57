"""One pass of classifiers over a dataset; only the predictions are kept, and which models they are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.adapters.arrays import Image, IntArray
from editmill.evaluators.base import EvaluatedModel, Options
from editmill.evaluators.classifiers import Classifier
from editmill.manifests import DataError, Dataset, ModelError, RequestError, Sample
from editmill.manifests.progress import Progress
from editmill.manifests.threads import in_threads

T = TypeVar("T")

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


@runtime_checkable
class Preparing(Protocol):
    """A classifier that takes a picture's share of its work apart, so that threads can do it ahead of the network."""

    def prepare(self, image: Image) -> Any:
        """Return what ``classify`` takes of a picture, RGB, uint8 [height, width, 3]; may run in several threads."""

    def classify(self, prepared: list[Any]) -> IntArray:
        """Return int64 [len(prepared)], as `editmill.evaluators.Classifier.predict` does."""


def predict(dataset: Dataset, classifier: Classifier, *, batch_size: int = 32, progress: bool = True) -> pa.Table:
    """Return `predict_each` of one classifier."""
    return predict_each(dataset, [classifier], batch_size=batch_size, progress=progress)[0]


def predict_each(
    dataset: Dataset, classifiers: Sequence[Classifier], *, batch_size: int = 32, progress: bool = True
) -> list[pa.Table]:
    """Classify a selection's accepted samples by several models, reading each shard and decoding each picture once.

    Args:
        dataset: The selection.
        classifiers: The models.
        batch_size: Images classified at a time. Threads decode and prepare others meanwhile.
        progress: Whether to draw a bar on standard error when it takes longer than two seconds.

    Returns:
        Of each model one row per accepted sample, with the columns of ``SCHEMA``.

    Raises:
        RequestError: ``batch_size`` is below 1.
        DataError: The selection has no accepted sample.
        ModelError: A classifier does not give one integer label per image.
    """
    if batch_size < 1:
        raise RequestError(f"a batch holds at least one image, got {batch_size}", where="batch_size")
    if not len(dataset):
        what = "there is no accepted sample to evaluate"
        raise DataError(what, where=dataset.manifest.name, fix="see the counts by status and reason in manifest.json")
    preparing = [one.prepare if isinstance(one, Preparing) else np.asarray for one in classifiers]

    def ready(sample: Sample) -> tuple[Sample, list[Any]]:
        image = np.asarray(sample.image())
        return sample, [prepare(image) for prepare in preparing]

    batches: list[list[pa.RecordBatch]] = [[] for _ in classifiers]
    shown = classifiers[0].name if len(classifiers) == 1 else f"{len(classifiers)} models"
    with Progress(total=len(dataset), desc=shown, unit="image", delay=2, disable=not progress) as bar:
        for batch in _batched(in_threads(ready, dataset), batch_size):
            samples = [sample for sample, _ in batch]
            for number, classifier in enumerate(classifiers):
                prepared = [pictures[number] for _, pictures in batch]
                batches[number].append(_predict_batch(samples, prepared, classifier))
            bar.update(len(samples))
    return [pa.Table.from_batches(one, schema=SCHEMA) for one in batches]


def predict_models(dataset: Dataset, models: Sequence[EvaluatedModel[Classifier]], options: Options) -> list[pa.Table]:
    """Return `predict_each` of models under test."""
    classifiers = [one.model for one in models]
    return predict_each(dataset, classifiers, batch_size=options.batch_size, progress=options.progress)


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


def _predict_batch(samples: list[Sample], prepared: list[Any], classifier: Classifier) -> pa.RecordBatch:
    which = f"samples {samples[0].key} to {samples[-1].key}"
    try:
        ask = classifier.classify if isinstance(classifier, Preparing) else classifier.predict
        predicted = np.asarray(ask(prepared))
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


def _batched(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(items, size)):
        yield batch
