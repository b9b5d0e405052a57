"""Contact sheets: one row per source, one column per edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from editmill.generators.base.edits import edit_title
from editmill.generators.base.images import decode_image
from editmill.generators.base.samples import Sheet
from editmill.manifests.arrays import Picture
from editmill.manifests.records import PRIMARY_IMAGES

HEADER = 22
GAP = 4
BACKGROUND = (250, 250, 248)
INK = (40, 40, 44)


def sample_sheet(sources: Sequence[Sheet], columns: Sequence[str], *, cell: int) -> Image.Image:
    """Lay the primary pictures of samples out, a row per source; of several samples of one edit the first is shown."""
    rows = []
    for source in sources:
        pictures: dict[str, Picture] = {}
        for row, members in zip(source.rows, source.members, strict=True):
            primary = primary_of(members)
            if primary is not None:
                pictures.setdefault(edit_title(row.edit, row.level), primary)
        rows.append(pictures)
    return contact_sheet(rows, columns, cell=cell)


def primary_of(members: Mapping[str, bytes]) -> Picture | None:
    """Return the primary picture of a sample, uint8 [H, W, 3] RGB; None where there is none."""
    data = next((members[kind] for kind in PRIMARY_IMAGES if kind in members), None)
    return None if data is None else decode_image(data)


def contact_sheet(rows: Sequence[Mapping[str, Picture]], columns: Sequence[str], *, cell: int = 128) -> Image.Image:
    """Lay pictures out in a grid.

    Args:
        rows: Per source the pictures by column, uint8 [H, W, 3] RGB; a missing one stays blank.
        columns: Column titles in order.
        cell: Side of a cell in pixels; pictures keep their aspect.
    """
    step = cell + GAP
    fitted = [{title: fit_cell(picture, cell) for title, picture in pictures.items()} for pictures in rows]
    heights = [max((picture.shape[0] for picture in pictures.values()), default=cell) for pictures in fitted]
    sheet = Image.new("RGB", (GAP + step * len(columns), HEADER + GAP + sum(heights) + GAP * len(rows)), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=12)
    for column, title in enumerate(columns):
        draw.text(
            (GAP + column * step + cell / 2, HEADER / 2), _fit(title, font, cell), fill=INK, font=font, anchor="mm"
        )
    top = HEADER + GAP
    for pictures, height in zip(fitted, heights, strict=True):
        for column, title in enumerate(columns):
            if title in pictures:
                picture = pictures[title]
                left = GAP + column * step + (cell - picture.shape[1]) // 2
                sheet.paste(Image.fromarray(picture), (left, top + (height - picture.shape[0]) // 2))
        top += height + GAP
    return sheet


def fit_cell(picture: Picture, cell: int) -> Picture:
    """Return a picture scaled so that its longer side is ``cell`` pixels."""
    factor = cell / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC))


def _fit(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    while len(text) > 3 and font.getlength(text) > width:
        text = text[:-2] + "…"
    return text
