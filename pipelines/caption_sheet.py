"""Sheets of edited captions: one row per source, its picture beside its texts, with what was inserted in colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from editmill.generators.base import Array
from editmill.pipelines.contact_sheet import fit_cell

GAP, LINE, LABEL, WIDTH = 8, 17, 128, 720
BACKGROUND, INK, FAINT, ACCENT = (250, 250, 248), (40, 40, 44), (140, 140, 146), (176, 58, 20)


@dataclass(frozen=True)
class CaptionLine:
    """One edit of a caption: its text with the spans [start, end) to colour, or "" with the reason why there is
    none.
    """

    edit: str
    text: str
    spans: tuple[tuple[int, int], ...] = ()
    reason: str = ""


def caption_sheet(rows: Sequence[tuple[Array | None, Sequence[CaptionLine]]], *, cell: int = 128) -> Image.Image:
    """Lay captions out; pictures are uint8 [H, W, 3] RGB, or None where the dataset holds none."""
    heights = [max(cell if picture is not None else 0, LINE * len(lines)) + GAP for picture, lines in rows]
    sheet = Image.new("RGB", (cell + LABEL + WIDTH, GAP + sum(heights)), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    top = GAP
    for (picture, lines), height in zip(rows, heights, strict=True):
        if picture is not None:
            sheet.paste(Image.fromarray(fit_cell(picture, cell)), (GAP, top))
        for number, line in enumerate(lines):
            place = (cell + 2 * GAP, top + LINE * number)
            draw.text(place, line.edit, fill=FAINT, font=font)
            _write(draw, font, (place[0] + LABEL, place[1]), line)
        top += height
    return sheet


def _write(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    place: tuple[int, int],
    line: CaptionLine,
) -> None:
    if not line.text:
        draw.text(place, f"- {line.reason}", fill=FAINT, font=font)
        return
    last, parts = 0, []
    for start, end in sorted(line.spans):
        parts += [(line.text[last:start], INK), (line.text[start:end], ACCENT)]
        last = end
    x = float(place[0])
    for text, colour in [*parts, (line.text[last:], INK)]:
        draw.text((x, place[1]), text, fill=colour, font=font)
        x += font.getlength(text)
