"""The rows of a dataset of captions, as evaluators read them, and side by side what each edit made of a caption.

What a row lacks counts as nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from editmill.evaluators.adapters.arrays import BoolArray, IntArray
from editmill.manifests import DataError, Dataset

ORIGINAL = "original"


@dataclass(frozen=True)
class CaptionRow:
    """One planned edit of one caption.

    Attributes:
        image: Digest of the picture, which several sources may share.
        caption: The source text; ``text`` is the edited one, the source's where there is no edit.
        edited, failed: Whether the caption was changed, and whether the edit could not be tried to its end; neither
            where there was nothing to edit, nor for the unedited caption.
        parameters, scores: As stored.
    """

    key: str
    source_id: str
    image: str
    replica: int
    edit: str
    edited: bool
    failed: bool
    reasons: tuple[str, ...]
    caption: str
    text: str
    label: int
    parameters: dict[str, Any] = field(repr=False)
    scores: dict[str, float] = field(repr=False)

    @property
    def insertions(self) -> list[dict[str, Any]]:
        """What was inserted."""
        return list(self.parameters.get("insertions", [])) if self.edited else []


def read_rows(dataset: Dataset) -> dict[str, list[CaptionRow]]:
    """Return rows by edit, in the manifest's order; captions in the table's.

    Raises:
        DataError: The dataset holds no captions.
    """
    if dataset.manifest.generator != "text":
        what = f"the dataset was made by the generator {dataset.manifest.generator!r}, which edits no captions"
        raise DataError(what, fix="give image classifiers for it")
    rows: dict[str, list[CaptionRow]] = {edit: [] for edit in dataset.manifest.edits}
    names = [name for name in dataset.table.schema.names if name.startswith("score_")]
    for batch in dataset.table.to_batches(max_chunksize=1024):
        for record in batch.to_pylist():
            rows[record["edit"]].append(_row(record, names))
    return {edit: mine for edit, mine in rows.items() if mine}


def _row(record: dict[str, Any], names: list[str]) -> CaptionRow:
    parameters = json.loads(record["parameters"])
    caption, accepted = str(parameters.get("caption", "")), record["status"] == "ok"
    text = str(parameters.get("text", "")) if accepted else caption
    # What was not measured is NaN, which does not equal itself.
    scores = {name.removeprefix("score_"): record[name] for name in names if record[name] == record[name]}
    return CaptionRow(
        record["key"],
        record["source_id"],
        record["source_sha256"],
        record["replica"],
        record["edit"],
        text != caption,
        record["status"] == "failed",
        tuple(record["reasons"]),
        caption,
        text,
        record["label"],
        parameters,
        scores,
    )


def undo(row: CaptionRow) -> str:
    """Return the source that a row's operations lead back to.

    Written apart from what applies them, so that it checks them.
    """
    text = row.text
    # Once an earlier operation is undone, the next stands where the source had it.
    for operation in row.parameters.get("operations", []):
        start, new = operation["start"], operation["new"]
        if text[start : start + len(new)] != new:
            return ""
        text = text[:start] + operation["old"] + text[start + len(new) :]
    return text


@dataclass(frozen=True)
class Captions:
    """All captions whose unedited row did not fail, in order of their sources.

    Attributes:
        sources: Id and number of each caption.
        images: Digests of the pictures, each once.
        image: Position in ``images`` of each caption's picture [captions].
        labels: 0 entailment, 1 neutral, 2 contradiction, -1 unlabelled [captions].
        keys: Of the rows, by edit; "" where the edit failed.
        texts: By edit; the source's where there is no edit.
        edited, made: By edit, where it changed the caption, and where it did not fail [captions].
    """

    sources: list[tuple[str, int]]
    images: list[str]
    image: IntArray
    labels: IntArray
    keys: dict[str, list[str]]
    texts: dict[str, list[str]]
    edited: dict[str, BoolArray]
    made: dict[str, BoolArray]


def line_up(rows: dict[str, list[CaptionRow]]) -> Captions:
    """Put the rows of all edits side by side."""
    unedited = sorted(
        (row for row in rows.get(ORIGINAL, []) if not row.failed), key=lambda row: (row.source_id, row.replica)
    )
    place = {image: number for number, image in enumerate(dict.fromkeys(row.image for row in unedited))}
    keys, texts, edited, made = {}, {}, {}, {}
    for edit, mine in rows.items():
        found = {(row.source_id, row.replica): row for row in mine if not row.failed}
        lined = [found.get((row.source_id, row.replica)) for row in unedited]
        keys[edit] = [row.key if row else "" for row in lined]
        # A failed edit keeps its place with the text of the source; "made" says that it does not count.
        texts[edit] = [(row or source).text for row, source in zip(lined, unedited, strict=True)]
        edited[edit] = np.array([row is not None and row.edited for row in lined], bool)
        made[edit] = np.array([row is not None for row in lined], bool)
    image = np.array([place[row.image] for row in unedited], np.int64)
    labels = np.array([row.label for row in unedited], np.int64)
    sources = [(row.source_id, row.replica) for row in unedited]
    return Captions(sources, list(place), image, labels, keys, texts, edited, made)
