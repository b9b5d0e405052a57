"""Sheets of edited captions."""

from __future__ import annotations

from typing import Any

import numpy as np

from editmill.generators.base.images import encode_image
from editmill.generators.base.samples import Sheet
from editmill.generators.text.sheet import ACCENT, BACKGROUND, GAP, LINE, caption_sheet
from editmill.manifests.records import SampleRow
from tests.generators.pictures import photo

CELL = 96


def row(text: str, *spans: tuple[int, int], replica: int = 0) -> SampleRow:
    """A row with a text, or without one the row of a rejected sample."""
    said: dict[str, Any] = {"text": text, "insertions": [{"start": start, "end": end} for start, end in spans]}
    return SampleRow(
        key=f"one-{replica}-grounded",
        split="test",
        shard=0,
        status="ok" if text else "rejected",
        reasons=() if text else ("no_box", "scope"),
        source_id="one",
        source_sha256="0" * 64,
        label=-1,
        class_name="",
        generator="text",
        edit="grounded",
        level=0.0,
        replica=replica,
        seed=1,
        parameters=said if text else {},
    )


def pixels(*sources: Sheet) -> np.ndarray:
    return np.asarray(caption_sheet(sources, cell=CELL))


def accents(sheet: np.ndarray) -> int:
    return int((sheet == ACCENT).all(axis=-1).sum())


def test_what_was_inserted_is_in_colour() -> None:
    assert accents(pixels(Sheet([row("a red ball")], [{}]))) == 0
    assert accents(pixels(Sheet([row("a red ball", (2, 5))], [{}]))) > 0


def test_a_sheet_shows_the_first_stored_picture() -> None:
    picture = photo(3, width=CELL, height=CELL)
    members = [{}, {"png": encode_image(picture, "png"), "txt": b""}]
    sheet = pixels(Sheet([row(""), row("a ball")], members))
    assert np.array_equal(sheet[GAP : GAP + CELL, GAP : GAP + CELL], picture)


def test_a_dataset_by_reference_takes_a_line_per_edit() -> None:
    sheet = pixels(Sheet([row("a ball"), row(""), row("a ball")], [{}, {}, {}]), Sheet([row("")], [{}]))
    assert sheet.shape[0] == GAP + 3 * LINE + GAP + LINE + GAP
    assert (sheet[:, :CELL] == BACKGROUND).all()


def test_only_the_first_caption_is_shown() -> None:
    first, second = row("a ball"), row("a red ball", (2, 5), replica=1)
    assert np.array_equal(pixels(Sheet([first, second], [{}, {}])), pixels(Sheet([first], [{}])))


def test_reasons_stand_where_there_is_no_text() -> None:
    other = row("").model_copy(update={"reasons": ("no_noun",)})
    assert not np.array_equal(pixels(Sheet([row("")], [{}])), pixels(Sheet([other], [{}])))
