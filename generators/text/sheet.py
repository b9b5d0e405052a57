"""Sheets of edited captions: one row per source, its picture beside its texts, with what was inserted in colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from editmill.generators.base.images import decode_image
from editmill.generators.base.samples import Sheet
from editmill.generators.base.sheet import fit_cell
from editmill.manifests.records import PRIMARY_IMAGES, SampleRow

GAP, LINE, LABEL, WIDTH = 8, 17, 128, 720
BACKGROUND, INK, FAINT, ACCENT = (250, 250, 248), (40, 40, 44), (140, 140, 146), (176, 58, 20)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def caption_sheet(sources: Sequence[Sheet], *, cell: int) -> Image.Image:
    """Lay sources out, each with the edits of its first caption; a dataset by reference has no pictures."""
    shown = [(_picture(one.members, cell), [row for row in one.rows if row.replica == 0]) for one in sources]
    heights = [max(cell if picture else 0, LINE * len(rows)) + GAP for picture, rows in shown]
    sheet = Image.new("RGB", (cell + LABEL + WIDTH, GAP + sum(heights)), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    top = GAP
    for (picture, rows), height in zip(shown, heights, strict=True):
        if picture:
            sheet.paste(picture, (GAP, top))
        for number, row in enumerate(rows):
            place = (cell + 2 * GAP, top + LINE * number)
            draw.text(place, row.edit, fill=FAINT, font=font)
            _write(draw, font, (place[0] + LABEL, place[1]), row)
        top += height
    return sheet


def _picture(members: Sequence[Mapping[str, bytes]], cell: int) -> Image.Image | None:
    """Return the first stored picture in the size of a cell."""
    data = next((one[kind] for one in members for kind in PRIMARY_IMAGES if kind in one), None)
    return None if data is None else Image.fromarray(fit_cell(decode_image(data), cell))


def _write(draw: ImageDraw.ImageDraw, font: Font, place: tuple[int, int], row: SampleRow) -> None:
    """Write a row's text with the inserted spans in colour, or the reasons why there is none."""
    if row.status != "ok":
        draw.text(place, f"- {', '.join(row.reasons)}", fill=FAINT, font=font)
        return
    text, last, parts = row.parameters["text"], 0, []
    for start, end in sorted((one["start"], one["end"]) for one in row.parameters["insertions"]):
        parts += [(text[last:start], INK), (text[start:end], ACCENT)]
        last = end
    x = float(place[0])
    for part, colour in [*parts, (text[last:], INK)]:
        draw.text((x, place[1]), part, fill=colour, font=font)
        x += font.getlength(part)
