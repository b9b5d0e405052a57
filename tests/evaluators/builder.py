"""A small real dataset whose pixels say what a sample is, so that a classifier can be right or wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from editmill.evaluators import EvaluatedModel, Options, render, report
from editmill.evaluators.attribute.evaluation import AttributeEvaluation, evaluate_attribute
from editmill.manifests import (
    Dataset,
    SampleRow,
    SourceRecord,
    canonical_json,
    open_dataset,
    sample_key,
    write_dataset_files,
    write_shard,
)
from tests.manifests.builder import (
    CLASS_NAMES,
    MEMBERS,
    NAME,
    SCORE_NAMES,
    encode_png,
    make_manifest,
    make_row,
    make_sources,
)

# Edit, level, replica of each planned sample of a source.
PLAN: tuple[tuple[str, float, int], ...] = (
    ("original", 0.0, 0),
    ("paste-back", 0.0, 0),
    ("size", 0.1, 0),
    ("size", 0.05, 0),
    ("background", 0.0, 0),
    ("background", 0.0, 1),
    ("full", 0.0, 0),
)
# The columns of ImageNet-E in faithful mode, with both prompts and all controls.
IMAGENET_E: tuple[tuple[str, float, int], ...] = (
    *(("original", 0.0, 0), ("paste-back", 0.0, 0), ("round-trip", 0.0, 0), ("resample", 0.0, 0)),
    *(("complexity", -20.0, 0), ("complexity", 20.0, 0), ("adversarial", 20.0, 0), ("background", 0.0, 0)),
    *(("random-background", 0.0, 0), ("full", 0.0, 0), ("size", 0.1, 0), ("size", 0.08, 0), ("size", 0.05, 0)),
    *(("position", 0.05, 0), ("direction", 0.05, 0)),
)
Plan = tuple[tuple[str, float, int], ...]
Images = list[npt.NDArray[np.uint8]]


def build(
    root: Path,
    *,
    sources: int = 8,
    rejected: Collection[tuple[int, str]] = (),
    shards: int = 2,
    plan: Plan = PLAN,
    scores: Callable[[int], Mapping[str, float]] = lambda number: {},
) -> Dataset:
    """Write a dataset of every planned sample, but the ``rejected`` pairs of source number and edit, and open it.

    ``scores`` gives what is measured on a source, beside what `make_row` says.
    """
    records = make_sources(sources)
    planned = [
        (number, step, _row(source, plan[step], rejected=(number, plan[step][0]) in rejected, shards=shards))
        for number, source in enumerate(records)
        for step in range(len(plan))
    ]
    for index, (number, step, row) in enumerate(planned):
        planned[index] = (number, step, row.model_copy(update={"scores": {**row.scores, **scores(number)}}))
    names = tuple(sorted({*SCORE_NAMES, *(name for _, _, row in planned for name in row.scores)}))
    stats = []
    for shard in range(shards):
        mine = [entry for entry in planned if entry[2].shard == shard]
        stats.append(
            write_shard(
                root,
                ((row, _members(number, step, row) if row.status == "ok" else {}) for number, step, row in mine),
                name=NAME,
                split="test",
                shard=shard,
                fingerprint="f" * 64,
                members=MEMBERS,
                score_names=names,
            )
        )
    edits = tuple(dict.fromkeys(edit for edit, _, _ in plan))
    facts = {"edits": edits, "fingerprint": "f" * 64, "score_names": names}
    manifest = make_manifest(records, stats).model_copy(update=facts)
    write_dataset_files(root, manifest)
    return open_dataset(root)


def _row(source: SourceRecord, planned: tuple[str, float, int], *, rejected: bool, shards: int) -> SampleRow:
    edit, level, replica = planned
    row = make_row(source, edit, shards=shards, reason="geometry_off" if rejected else "")
    key = sample_key(source.id, f"{edit}-{level}" if level else edit, replica)
    return row.model_copy(update={"key": key, "level": level, "replica": replica})


def _members(number: int, step: int, row: SampleRow) -> dict[str, bytes]:
    # Sizes differ between sources, as those of photographs do.
    pixels = np.full((12 + number % 3, 16, 3), (row.label, step, number), dtype=np.uint8)
    mask = np.full(pixels.shape[:2], 255, dtype=np.uint8)
    fields = {"key": row.key, "edit": row.edit, "level": row.level}
    return {
        "png": encode_png(pixels),
        "mask.png": encode_png(mask),
        "cls": str(row.label).encode(),
        "json": canonical_json(fields),
    }


class PixelClassifier:
    """Right everywhere but where ``wrong(source number, edit, replica)`` says so; remembers the size of its batches.

    Levels of one edit are told apart by ``wrong_at(source number, column's position in the plan)``.
    """

    def __init__(
        self,
        wrong: Callable[[int, str, int], bool] = lambda number, edit, replica: False,
        name: str = "pixels",
        *,
        plan: Plan = PLAN,
        wrong_at: Callable[[int, int], bool] = lambda number, step: False,
    ) -> None:
        self.plan, self.wrong_at = plan, wrong_at
        self.name = name
        self.wrong = wrong
        self.batches: list[int] = []

    def predict(self, images: Images) -> npt.NDArray[np.int64]:
        self.batches.append(len(images))
        return np.array([self._predict(*(int(value) for value in image[0, 0])) for image in images], dtype=np.int64)

    def _predict(self, label: int, step: int, number: int) -> int:
        edit, _, replica = self.plan[step]
        wrong = self.wrong(number, edit, replica) or self.wrong_at(number, step)
        return (label + 1) % len(CLASS_NAMES) if wrong else label


def named(*models: Any) -> list[EvaluatedModel[Any]]:
    """Models under test as evaluators take them, with what identifies them where they have it."""
    return [EvaluatedModel(one.name, one, getattr(one, "id", ""), getattr(one, "digest", "")) for one in models]


def quick(resamples: int = 200) -> Options:
    """Few resamples, and no bars."""
    return Options(progress=False, resamples=resamples)


def drops(dataset: Dataset, *classifiers: Any, resamples: int = 200) -> AttributeEvaluation:
    """What edits cost classifiers."""
    return evaluate_attribute(dataset, named(*classifiers or (PixelClassifier(),)), quick(resamples))


def written(result: Any, form: str) -> str:
    """The report of a result in one form."""
    return render(report(result), form)
