"""Contact sheets: titles whole, and reasons in blank cells."""

from __future__ import annotations

import numpy as np
from PIL import ImageFont

from editmill.generators.base.sheet import GAP, contact_sheet, wrapped


def test_lines_fit_and_no_letter_is_lost() -> None:
    font = ImageFont.load_default(size=12)
    for text in ("random-background", "complexity -1", "pneumonoultramicroscopic", "label rejected by both judges"):
        lines = wrapped(text, font, 72)
        assert all(font.getlength(line) <= 72 for line in lines)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrapped("complexity -1", font, 72) == ["complexity", "-1"]


def test_a_blank_cell_says_why_it_is_blank() -> None:
    picture = np.zeros((72, 72, 3), np.uint8)
    rows, columns = [{"original": picture}], ["original", "size 0.05"]
    plain = np.asarray(contact_sheet(rows, columns, cell=72))
    told = np.array(contact_sheet(rows, columns, cell=72, blanks=[{"size 0.05": "area_error", "original": "no"}]))
    blank = np.s_[-72 - GAP :, 72 + 2 * GAP :]
    assert (plain[blank] == plain[-1, -1]).all()
    assert (told[blank] != plain[blank]).any()
    told[blank] = plain[blank]
    assert (told == plain).all()
