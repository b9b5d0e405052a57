"""Image-text models on a dataset of captions: retrieval, classification of labelled captions, and who may give the
headline.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.adapters.arrays import FloatArray, IntArray
from editmill.evaluators.base import EvaluatedModel, Options, name_apart
from editmill.evaluators.held_out import took_part
from editmill.evaluators.image_text.models import TextModel
from editmill.evaluators.image_text.pairs import PairClassifier
from editmill.evaluators.significance import holm
from editmill.evaluators.text.classification import ClassResult, classify
from editmill.evaluators.text.measures import EditMeasures, measure_edits
from editmill.evaluators.text.pictures import Pictures
from editmill.evaluators.text.retrieval import POOL, RetrievalResult, search, searched
from editmill.evaluators.text.rows import ORIGINAL, Captions, line_up, read_rows
from editmill.manifests import DataError, Dataset, Manifest, ModelError
from editmill.manifests.progress import Progress

Item = TypeVar("Item", bound=Hashable)
RANKED = pa.schema(
    [
        *((name, pa.string()) for name in ("model", "key", "source_id", "edit")),
        ("replica", pa.int64()),
        ("score", pa.float64()),
    ]
)


@dataclass(frozen=True)
class TextModelResult:
    """One model.

    Attributes:
        overlap: The roles in which it selected or guarded the edits, so that its drop is no headline.
        undecided: The roles of which neither an id nor a digest tells whether it had them.
        results: Retrieval; empty for a classifier of pairs.
        classes: Classification of labelled captions; empty where there are no labels.
        cut: By edit, captions that are longer than the model reads, so that it sees only their beginning; None where it
            can't be told.
        predictions: How well each caption found its image, see `editmill.evaluators.predictions.name_predictions`; its
            ``score`` is 1 / rank.
    """

    model: str
    overlap: tuple[str, ...]
    undecided: tuple[str, ...]
    results: tuple[RetrievalResult, ...]
    classes: tuple[ClassResult, ...]
    cut: dict[str, int] | None
    predictions: pa.Table = field(default=None, repr=False, compare=False)

    @property
    def held_out(self) -> str:
        """Whether it had no part in making the dataset: ``yes``, ``no`` or ``unknown``."""
        return "no" if self.overlap else "unknown" if self.undecided else "yes"


@dataclass(frozen=True)
class TextEvaluation:
    """A dataset of captions: measures of its edits, and what each model makes of them.

    Attributes:
        captions, images: That could be read; every model sees them.
        searched: Captions that are searched with.
        pool: Images that each of them is ranked among.
    """

    manifest: Manifest
    captions: int
    images: int
    searched: int
    pool: int
    measures: tuple[EditMeasures, ...]
    models: tuple[TextModelResult, ...]

    @property
    def headline(self) -> TextModelResult | None:
        """The first model that certainly neither selected nor guarded."""
        return next((model for model in self.models if model.held_out == "yes"), None)


def evaluate_text(
    dataset: Dataset, models: Sequence[EvaluatedModel[TextModel | PairClassifier]], options: Options
) -> TextEvaluation:
    """Measure edits, and retrieval and classification by ``models``.

    Args:
        dataset: Of edited captions, with the edit ``original``.
        models: See `load_text_model`; without one only the edits are measured.
        options: Among them the folder with the images of a dataset that stores them by reference; 10,000 resamples of
            the bootstraps and of the sign-flip test by default.

    Raises:
        DataError: The dataset holds no captions, or no unedited ones that could be read; an image is missing.
    """
    rows = read_rows(dataset)
    if models and ORIGINAL not in rows:
        what = "the dataset has no unedited captions to compare with"
        raise DataError(what, fix="add the edit {name: original} to the recipe")
    captions = line_up(rows)
    if models and not captions.images:
        what = "all unedited captions failed, so there is nothing to compare with"
        raise DataError(what, fix="see the reasons of the failed rows")
    resamples = 10_000 if options.resamples is None else options.resamples
    results = []
    if models:
        pictures = Pictures(dataset, options.images)
        measure = partial(_evaluate, dataset.manifest, pictures, captions, options, resamples)
        results = [measure(model) for model in name_apart(models)]
    return TextEvaluation(
        dataset.manifest,
        len(captions.image),
        len(captions.images),
        int(searched(captions).sum()),
        min(POOL, len(captions.images)),
        tuple(measure_edits(rows, resamples=resamples)),
        _corrected(results),
    )


def _evaluate(
    manifest: Manifest,
    pictures: Pictures,
    captions: Captions,
    options: Options,
    resamples: int,
    evaluated: EvaluatedModel[TextModel | PairClassifier],
) -> TextModelResult:
    model, size, title = evaluated.model, options.batch_size, evaluated.name if options.progress else ""
    # Edits leave many captions as they are; a text is read once, so that equal texts score equally.
    texts, place = _distinct(captions.texts)
    results: tuple[RetrievalResult, ...] = ()
    found: dict[str, FloatArray] = {}
    # Every pair is a pass of its own, too many to rank each caption among all images.
    if isinstance(model, PairClassifier):
        scores = _pair_scores(model, pictures, captions, size, title)
    else:
        seen = _in_batches(captions.images, size, partial(_look, model, pictures), title=title)
        read = _in_batches(texts, size, model.texts)
        _check_alike(evaluated.name, seen, read)
        # Features have length 1, so this is the cosine.
        scores = {edit: np.asarray((read[mine] * seen[captions.image]).sum(axis=1)) for edit, mine in place.items()}
        results, found = search(read, place, seen, captions, resamples=resamples)
    overlap, undecided = took_part(evaluated, manifest.models)
    long, cut = model.cut(texts), None
    if long is not None:
        cut = {edit: int((long[mine] & captions.made[edit]).sum()) for edit, mine in place.items()}
    classes, ranked = _classified(scores, captions, resamples), _predictions(evaluated.name, captions, found)
    return TextModelResult(evaluated.name, overlap, undecided, results, classes, cut, ranked)


def _predictions(model: str, captions: Captions, found: Mapping[str, FloatArray]) -> pa.Table:
    """Return 1 / rank of every caption that was searched with, under the key of its sample."""
    asked = searched(captions)
    rows = [
        {"model": model, "key": key, "source_id": source, "edit": edit, "replica": replica, "score": float(score)}
        for edit, scores in found.items()
        for (source, replica), key, score, kept in zip(
            captions.sources, captions.keys[edit], scores, asked & captions.made[edit], strict=True
        )
        if kept
    ]
    return pa.Table.from_pylist(rows, schema=RANKED)


def _check_alike(name: str, images: FloatArray, texts: FloatArray) -> None:
    """Refuse features of images, [n, k], and of texts, [m, k], that can't be compared."""
    if images.shape[1:] != texts.shape[1:]:
        what = f"the model gives {images.shape[1]} features of an image and {texts.shape[1]} of a text"
        raise ModelError(what, where=name, fix="name a model that puts both into one space")


def _look(model: TextModel, pictures: Pictures, digests: Sequence[str]) -> FloatArray:
    return model.images([pictures.get(digest) for digest in digests])


def _distinct(items: Mapping[str, Sequence[Item]]) -> tuple[list[Item], dict[str, IntArray]]:
    """Return the distinct items of all edits, and the positions of each edit's among them."""
    place: dict[Item, int] = {}
    positions = {
        edit: np.array([place.setdefault(item, len(place)) for item in mine], np.int64) for edit, mine in items.items()
    }
    return list(place), positions


def _pair_scores(
    model: PairClassifier, pictures: Pictures, captions: Captions, size: int, title: str
) -> dict[str, FloatArray]:
    owners = captions.image.tolist()
    pairs, place = _distinct({edit: list(zip(owners, texts, strict=True)) for edit, texts in captions.texts.items()})
    # Pairs of one image lie together, so that it is decoded once.
    order = sorted(range(len(pairs)), key=lambda number: pairs[number])

    def run(numbers: Sequence[int]) -> FloatArray:
        images = {owner: pictures.get(captions.images[owner]) for owner in {pairs[number][0] for number in numbers}}
        return model.scores([images[pairs[number][0]] for number in numbers], [pairs[number][1] for number in numbers])

    scores = np.empty(len(pairs), np.float64)
    scores[order] = _in_batches(order, size, run, title=title)
    return {edit: scores[mine] for edit, mine in place.items()}


def _classified(scores: dict[str, FloatArray], captions: Captions, resamples: int) -> tuple[ClassResult, ...]:
    """Return classification of the captions that have a label."""
    labelled = captions.labels >= 0
    counted = {edit: np.where(captions.made[edit], values, np.nan)[labelled] for edit, values in scores.items()}
    return classify(counted, captions.labels[labelled], captions.image[labelled], base=ORIGINAL, resamples=resamples)


def _corrected(models: list[TextModelResult]) -> tuple[TextModelResult, ...]:
    """Return the results with Holm's correction over all edits and models: one family for retrieval, one for
    classification.
    """
    ranked = iter(_adjusted([result.p_value for model in models for result in model.results]))
    sorted_out = iter(_adjusted([result.p_value for model in models for result in model.classes]))
    return tuple(
        replace(
            model,
            results=tuple(replace(result, p_holm=next(ranked)) for result in model.results),
            classes=tuple(replace(result, p_holm=next(sorted_out)) for result in model.classes),
        )
        for model in models
    )


def _adjusted(p_values: Sequence[float | None]) -> list[float | None]:
    adjusted = iter(holm([value for value in p_values if value is not None]))
    return [None if value is None else next(adjusted) for value in p_values]


def _in_batches(
    items: Sequence[Item], size: int, run: Callable[[Sequence[Item]], FloatArray], *, title: str = ""
) -> FloatArray:
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    return np.concatenate([run(part) for part in Progress(parts, desc=title, disable=not title, delay=2)])
