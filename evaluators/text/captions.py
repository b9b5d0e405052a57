"""The captions of a dataset side by side: what each edit made of them, and which image they belong to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from editmill.evaluators.text.rows import ORIGINAL, CaptionRow

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Captions:
    """All captions whose unedited row did not fail, in order of their sources.

    Attributes:
        images: Digests of the pictures, each once.
        image: Position in ``images`` of each caption's picture [captions].
        labels: 0 entailment, 1 neutral, 2 contradiction, -1 unlabelled [captions].
        texts: By edit; the source's where there is no edit.
        edited, made: By edit, where it changed the caption, and where it did not fail [captions].
    """

    images: list[str]
    image: IntArray
    labels: IntArray
    texts: dict[str, list[str]]
    edited: dict[str, BoolArray]
    made: dict[str, BoolArray]


def line_up(rows: dict[str, list[CaptionRow]]) -> Captions:
    """Put the rows of all edits side by side."""
    unedited = sorted(
        (row for row in rows.get(ORIGINAL, []) if not row.failed), key=lambda row: (row.source_id, row.replica)
    )
    place = {image: number for number, image in enumerate(dict.fromkeys(row.image for row in unedited))}
    texts, edited, made = {}, {}, {}
    for edit, mine in rows.items():
        found = {(row.source_id, row.replica): row for row in mine if not row.failed}
        lined = [found.get((row.source_id, row.replica)) for row in unedited]
        texts[edit] = [(row or source).text for row, source in zip(lined, unedited, strict=True)]
        edited[edit] = np.array([row is not None and row.edited for row in lined], bool)
        made[edit] = np.array([row is not None for row in lined], bool)
    image = np.array([place[row.image] for row in unedited], np.int64)
    return Captions(list(place), image, np.array([row.label for row in unedited], np.int64), texts, edited, made)
