"""Retrieval by image-text models on a dataset of captions: what each edit costs, paired by caption."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from evaluators.statistics import Estimate, holm, mean_of_means, paired_drop, sign_flip
from evaluators.text.classification import ClassResult, classify
from evaluators.text.measures import EditMeasures, measure_edits
from evaluators.text.models import FloatArray, TextModel
from evaluators.text.pairs import PairClassifier
from evaluators.text.retrieval import compat_mrr, ranks
from evaluators.text.rows import ORIGINAL, CaptionRow, read_rows
from manifests import DataError, Dataset, Manifest
from manifests.records import PRIMARY_IMAGES

RECALLS = (1, 5, 10)
NET_OF = ("random-attribute", "oracle")


@dataclass(frozen=True)
class RetrievalResult:
    """One edit under one model.

    Attributes:
        mrr: mean reciprocal rank with the edited captions, the source's text where there is no edit.
        recall: share of captions whose image is among the first 1, 5, 10.
        drop: of the MRR against the unedited captions, over all captions; ``edited_drop`` over the edited ones alone; None for ``original``.
        p_value, p_holm: sign-flip test of the drop, and with Holm's correction over edits and models.
        net: drop less that of the controls ``random-attribute`` and ``oracle``, over captions that both edit.
        no_ops: share of captions without an edit.
        compat: MRR as the published script computes it.
    """

    edit: str
    mrr: Estimate
    recall: dict[int, float]
    drop: Estimate | None
    edited_drop: Estimate | None
    p_value: float | None
    p_holm: float | None
    net: dict[str, Estimate]
    no_ops: float
    compat: float


@dataclass(frozen=True)
class ModelResult:
    """One model.

    Attributes:
        overlap: the roles in which it selected or guarded the edits, so that its drop is no headline.
        results: retrieval; empty for a classifier of pairs.
        classes: classification of labelled captions; empty where there are no labels.
    """

    model: str
    overlap: tuple[str, ...]
    results: tuple[RetrievalResult, ...]
    classes: tuple[ClassResult, ...] = ()


@dataclass(frozen=True)
class TextEvaluation:
    """A dataset of captions: measures of its edits, and retrieval by each model; ``captions`` is the number of images with a caption each."""

    manifest: Manifest
    captions: int
    measures: tuple[EditMeasures, ...]
    models: tuple[ModelResult, ...]

    @property
    def headline(self) -> ModelResult | None:
        """The first model that neither selected nor guarded."""
        return next((model for model in self.models if not model.overlap), None)


def evaluate_texts(
    dataset: Dataset, models: Sequence[TextModel | PairClassifier], *, images: Path | None = None, batch_size: int = 64, progress: bool = True,
    resamples: int = 10_000,
) -> TextEvaluation:
    """Measure edits, and retrieval by ``models``.

    Args:
        dataset: of edited captions, with the edit ``original``.
        models: see `load_text_model`.
        images: folder with the images of a dataset that stores them by reference, found by their digests.
        batch_size: images or texts at a time.
        progress: whether to draw a bar.
        resamples: of the bootstraps and of the sign-flip test.

    Raises:
        DataError: the dataset holds no captions, or no unedited ones; an image is missing.
    """
    rows = read_rows(dataset)
    if models and ORIGINAL not in rows:
        raise DataError("the dataset has no unedited captions to compare with", fix="add the edit {name: original} to the recipe")
    # One caption per image: an image that several captions name would be right for each of them.
    first = {edit: {row.source_id: row for row in mine if row.replica == 0} for edit, mine in rows.items()}
    sources = sorted(first.get(ORIGINAL, {}))
    pictures = _Pictures(dataset, images) if models else None
    results = []
    for model in models:
        assert pictures is not None
        title = model.name if progress else ""
        overlap = tuple(record.role for record in dataset.manifest.models if model.digest and record.digest == model.digest)
        if isinstance(model, PairClassifier):
            scores = _pair_scores(model, pictures, first, sources, batch_size, title)
            results.append(ModelResult(model.name, overlap, (), _classified(scores, first, sources, resamples)))
            continue
        seen = _in_batches(sources, batch_size, partial(_look, model, pictures), title=title)
        features = {edit: _in_batches(texts, batch_size, model.texts) for edit, texts in _texts(first, sources).items()}
        scores = {edit: np.asarray((values * seen).sum(axis=1)) for edit, values in features.items()}
        retrieval = _retrieve(features, first, sources, seen, resamples)
        results.append(ModelResult(model.name, overlap, retrieval, _classified(scores, first, sources, resamples)))
    return TextEvaluation(dataset.manifest, len(sources), tuple(measure_edits(rows, resamples=resamples)), _corrected(results))


def _texts(rows: dict[str, dict[str, CaptionRow]], sources: list[str]) -> dict[str, list[str]]:
    """The texts of each edit, in the order of the sources; the source's where there is no edit."""
    return {edit: [(mine[source] if source in mine else rows[ORIGINAL][source]).text for source in sources] for edit, mine in rows.items()}


def _pair_scores(
    model: PairClassifier, pictures: _Pictures, rows: dict[str, dict[str, CaptionRow]], sources: list[str], size: int, title: str
) -> dict[str, FloatArray]:
    texts = _texts(rows, sources)
    scores: dict[str, list[FloatArray]] = {edit: [] for edit in texts}
    for start in tqdm(range(0, len(sources), size), desc=title, disable=not title, delay=2):
        images = [pictures.get(source) for source in sources[start : start + size]]
        for edit, mine in texts.items():
            scores[edit].append(model.scores(images, mine[start : start + size]))
    return {edit: np.concatenate(parts) for edit, parts in scores.items()}


def _classified(
    scores: dict[str, FloatArray], rows: dict[str, dict[str, CaptionRow]], sources: list[str], resamples: int
) -> tuple[ClassResult, ...]:
    """Classification of the captions that have a label."""
    truth = np.array([rows[ORIGINAL][source].label for source in sources], np.int64)
    labelled = truth >= 0
    return classify({edit: values[labelled] for edit, values in scores.items()}, truth[labelled], base=ORIGINAL, resamples=resamples)


def _retrieve(
    features: dict[str, FloatArray], rows: dict[str, dict[str, CaptionRow]], sources: list[str], seen: FloatArray, resamples: int
) -> tuple[RetrievalResult, ...]:
    found = {edit: ranks(values, seen) for edit, values in features.items()}
    compat = {edit: compat_mrr(values, seen) for edit, values in features.items()}
    base = 1 / found[ORIGINAL]
    edited = {edit: np.array([source in mine and mine[source].edited for source in sources]) for edit, mine in rows.items()}
    results = []
    for edit, rank in found.items():
        value = 1 / rank
        mrr = mean_of_means(value[:, None], resamples=resamples)
        recall = {k: float((rank <= k).mean()) for k in RECALLS}
        if edit == ORIGINAL:
            results.append(RetrievalResult(edit, mrr, recall, None, None, None, None, {}, 0.0, compat[edit]))
            continue
        chosen = edited[edit]
        net = {}
        for control in NET_OF:
            both = chosen & edited[control] if control in found and control != edit else np.zeros(len(sources), bool)
            if both.any():
                net[control] = paired_drop(1 / found[control][both], value[both], resamples=resamples)
        results.append(RetrievalResult(
            edit, mrr, recall, paired_drop(base, value, resamples=resamples),
            paired_drop(base[chosen], value[chosen], resamples=resamples) if chosen.any() else None,
            sign_flip(base - value, resamples=resamples), None, net, float(1 - chosen.mean()), compat[edit],
        ))
    return tuple(results)


def _corrected(models: list[ModelResult]) -> tuple[ModelResult, ...]:
    """The results with Holm's correction over all edits and models."""
    values = [result.p_value for model in models for result in model.results if result.p_value is not None]
    adjusted = iter(holm(values))
    return tuple(
        replace(model, results=tuple(
            result if result.p_value is None else replace(result, p_holm=next(adjusted)) for result in model.results
        )) for model in models
    )


def _look(model: TextModel, pictures: _Pictures, sources: Sequence[str]) -> FloatArray:
    return model.images([pictures.get(source) for source in sources])


def _in_batches(items: Sequence[str], size: int, run: Callable[[Sequence[str]], FloatArray], *, title: str = "") -> FloatArray:
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    return np.concatenate([run(part) for part in tqdm(parts, desc=title, disable=not title, delay=2)])


class _Pictures:
    """The images of a dataset, by source."""

    def __init__(self, dataset: Dataset, folder: Path | None) -> None:
        self.dataset = dataset
        accepted = dataset.select(status="ok").table.select(["source_id", "key"])
        self.keys = {row["source_id"]: row["key"] for row in accepted.to_pylist()}
        self.stored = any(member in dataset.manifest.members for member in PRIMARY_IMAGES)
        self.files = {} if self.stored else _by_digest(folder)
        columns = dataset.table.select(["source_id", "source_sha256"]).to_pylist()
        self.digests = {row["source_id"]: row["source_sha256"] for row in columns}

    def get(self, source: str) -> Image.Image:
        """The RGB image of a source."""
        if self.stored:
            return self.dataset[self.keys[source]].image()
        path = self.files.get(self.digests[source])
        if path is None:
            what = f"the image of {source!r} (sha256 {self.digests[source][:12]}…) is not in the folder"
            raise DataError(what, where="--images", fix="give the folder that holds the images that the dataset was made from")
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            return image.convert("RGB")


def _by_digest(folder: Path | None) -> dict[str, Path]:
    if folder is None or not folder.is_dir():
        raise DataError("the dataset names its images and does not hold them", where="--images", fix="give --images FOLDER with the images")
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in sorted(folder.rglob("*")) if path.is_file()}
