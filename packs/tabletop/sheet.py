"""A titled sheet of rows of captioned pictures, as one small PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from editmill.manifests.arrays import Picture
from editmill.packs.tabletop.training.views import resize

CELL = 112
GAP = 6
TITLE, LINE, LINES = 24, 12, 2
CAPTION_LETTERS = 21
LEVEL_STEP = 4
BACKGROUND, INK, FAINT = (250, 250, 248), (40, 40, 44), (96, 96, 102)


@dataclass(frozen=True)
class Cell:
    """A picture, uint8 [H, W, 3] RGB, and the words below it."""

    picture: Picture
    caption: str = ""


@dataclass(frozen=True)
class Strip:
    """One row of the sheet."""

    title: str
    cells: tuple[Cell, ...]


def draw_sheet(strips: Sequence[Strip]) -> Image.Image:
    """Lay the rows out below each other, RGB; captions take up to two lines and are cut after that."""
    columns = max(len(strip.cells) for strip in strips)
    height = TITLE + CELL + LINES * LINE + GAP
    sheet = Image.new("RGB", (GAP + columns * (CELL + GAP), GAP + len(strips) * height), BACKGROUND)
    draw, heading, small = ImageDraw.Draw(sheet), ImageFont.load_default(size=13), ImageFont.load_default(size=10)
    for row, strip in enumerate(strips):
        top = GAP + row * height
        draw.text((GAP, top + TITLE / 2), strip.title, fill=INK, font=heading, anchor="lm")
        for column, cell in enumerate(strip.cells):
            left = GAP + column * (CELL + GAP)
            sheet.paste(Image.fromarray(resize(cell.picture, CELL)), (left, top + TITLE))
            for line, words in enumerate(wrap(cell.caption, CAPTION_LETTERS)[:LINES]):
                place = (left + CELL / 2, top + TITLE + CELL + LINE * (line + 0.5) + 1)
                draw.text(place, words, fill=FAINT, font=small, anchor="mm")
    return sheet


def save_small(sheet: Image.Image, path: Path) -> None:
    """Save as a PNG with every fourth level of each colour, which nobody sees and which takes six tenths of the
    bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The middle of each step, so that the picture gets no darker.
    levels = np.asarray(sheet) // LEVEL_STEP * LEVEL_STEP + LEVEL_STEP // 2
    Image.fromarray(levels).save(path, optimize=True)
