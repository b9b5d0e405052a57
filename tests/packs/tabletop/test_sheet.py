"""Layout and size of the titled sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from editmill.packs.tabletop.sheet import BACKGROUND, CELL, GAP, LINE, LINES, TITLE, Cell, Strip, draw_sheet, save_small

RED = np.full((64, 64, 3), (200, 16, 32), np.uint8)
ROW = TITLE + CELL + LINES * LINE + GAP


def test_cells_stand_under_their_titles_with_captions_below() -> None:
    sheet = np.asarray(
        draw_sheet([Strip("first", (Cell(RED, "one"), Cell(RED))), Strip("second", (Cell(RED, "a b"),))])
    )
    assert sheet.shape == (GAP + 2 * ROW, GAP + 2 * (CELL + GAP), 3)
    first, second = GAP + TITLE, GAP + ROW + TITLE
    left, right = GAP, 2 * GAP + CELL
    for top, start in ((first, left), (first, right), (second, left)):
        assert (sheet[top : top + CELL, start : start + CELL] == RED[0, 0]).all()
    assert (sheet[second : second + CELL, right : right + CELL] == BACKGROUND).all()
    inked = (sheet != BACKGROUND).any(axis=2)
    captions = slice(first + CELL, first + CELL + LINES * LINE)
    assert inked[captions, left : left + CELL].any()
    assert not inked[captions, right : right + CELL].any()


def test_long_captions_stay_in_their_column() -> None:
    words = "wide words " * 30
    sheet = np.asarray(draw_sheet([Strip("", (Cell(RED), Cell(RED, words), Cell(RED)))]))
    below = (sheet[GAP + TITLE + CELL :] != BACKGROUND).any(axis=2)
    assert below[:, GAP + CELL : 2 * CELL + 3 * GAP].any()
    assert not below[:, :CELL].any()
    assert not below[:, 2 * CELL + 4 * GAP :].any()
    assert not below[LINES * LINE + 2 :].any()


def test_saved_pixels_are_within_two_levels(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    save_small(Image.fromarray(picture), tmp_path / "new" / "sheet.png")
    loaded = np.asarray(Image.open(tmp_path / "new" / "sheet.png"))
    assert int(np.abs(loaded.astype(int) - picture).max()) == 2
