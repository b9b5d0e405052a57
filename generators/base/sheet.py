"""Contact sheets: one row per source, one column per edit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from editmill.generators.base.edits import edit_title
from editmill.generators.base.images import decode_image
from editmill.generators.base.samples import Sheet
from editmill.manifests.arrays import Picture
from editmill.manifests.records import PRIMARY_IMAGES

LINE = 14
GAP = 4
BACKGROUND = (250, 250, 248)
INK = (40, 40, 44)
PALE = (150, 150, 156)


def sample_sheet(sources: Sequence[Sheet], columns: Sequence[str], *, cell: int) -> Image.Image:
    """Lay the primary pictures of samples out, a row per source; of several samples of one edit the first is shown, and
    where there is none the reason why.
    """
    rows, blanks = [], []
    for source in sources:
        pictures: dict[str, Picture] = {}
        reasons = {edit_title(row.edit, row.level): row.reasons[0] for row in reversed(source.rows) if row.reasons}
        for row, members in zip(source.rows, source.members, strict=True):
            primary = primary_of(members)
            if primary is not None:
                pictures.setdefault(edit_title(row.edit, row.level), primary)
        rows.append(pictures)
        blanks.append(reasons)
    return contact_sheet(rows, columns, cell=cell, blanks=blanks)


def primary_of(members: Mapping[str, bytes]) -> Picture | None:
    """Return the primary picture of a sample, uint8 [H, W, 3] RGB; None where there is none."""
    data = next((members[kind] for kind in PRIMARY_IMAGES if kind in members), None)
    return None if data is None else decode_image(data)


def contact_sheet(
    rows: Sequence[Mapping[str, Picture]],
    columns: Sequence[str],
    *,
    cell: int = 128,
    blanks: Sequence[Mapping[str, str]] | None = None,
) -> Image.Image:
    """Lay pictures out in a grid.

    Args:
        rows: Per source the pictures by column, uint8 [H, W, 3] RGB; a missing one stays blank.
        columns: Column titles in order.
        cell: Side of a cell in pixels; pictures keep their aspect.
        blanks: Per source what stands in blank cells, by column.
    """
    step, font = cell + GAP, ImageFont.load_default(size=12)
    titles = [wrapped(title, font, cell) for title in columns]
    header = 8 + LINE * max(map(len, titles), default=1)
    fitted = [{title: fit_cell(picture, cell) for title, picture in pictures.items()} for pictures in rows]
    heights = [max((picture.shape[0] for picture in pictures.values()), default=cell) for pictures in fitted]
    sheet = Image.new("RGB", (GAP + step * len(columns), header + GAP + sum(heights) + GAP * len(rows)), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for column, lines in enumerate(titles):
        _write(draw, lines, (GAP + column * step + cell / 2, header / 2), font, INK)
    top = header + GAP
    for pictures, reasons, height in zip(fitted, blanks or [{}] * len(rows), heights, strict=True):
        for column, title in enumerate(columns):
            left = GAP + column * step
            if title in pictures:
                picture = pictures[title]
                place = (left + (cell - picture.shape[1]) // 2, top + (height - picture.shape[0]) // 2)
                sheet.paste(Image.fromarray(picture), place)
            elif title in reasons:
                lines = wrapped(reasons[title].replace("_", " "), font, cell)
                _write(draw, lines, (left + cell / 2, top + height / 2), font, PALE)
        top += height + GAP
    return sheet


def fit_cell(picture: Picture, cell: int) -> Picture:
    """Return a picture scaled so that its longer side is ``cell`` pixels."""
    factor = cell / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC))


def wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> list[str]:
    """Break a text into lines that are no wider than ``width`` pixels: behind spaces and hyphens, else within words."""
    lines = [""]
    for word in re.split(r"(?<= )|(?<=-)(?=[A-Za-z])", text):
        if lines[-1] and font.getlength(lines[-1] + word.rstrip()) > width:
            lines.append("")
        for letter in word:
            if font.getlength(lines[-1] + letter) > width and letter != " ":
                lines.append("")
            lines[-1] += letter
    return [line.strip() for line in lines]


def _write(
    draw: ImageDraw.ImageDraw,
    lines: Sequence[str],
    middle: tuple[float, float],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    ink: tuple[int, int, int],
) -> None:
    draw.multiline_text(middle, "\n".join(lines), fill=ink, font=font, anchor="mm", align="center", spacing=2)
