"""Prompts for the segmenter, as the columns of a labels file give them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from editmill.pipelines.masks.refusal import Refusal, Refused
from editmill.pipelines.sources.table import Row

EDGES = ("left", "top", "right", "bottom")
CORNER = ("x", "y", "width", "height")
POINTS = ("px", "py")

Kind = Literal["box", "point", "automatic", "detector"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Prompt:
    """What the segmenter is shown, in pixels of the upright photograph.

    Attributes:
        kind: Which of the fields counts; ``automatic`` and ``detector`` have none.
        box: (left, top, right, bottom).
        points: (x, y) of points on the object.
    """

    kind: Kind
    box: Box = (0, 0, 0, 0)
    points: tuple[tuple[float, float], ...] = ()


def read_prompt(row: Row) -> Prompt:
    """Return the prompt of a row: a box (left, top, right, bottom, or x, y, width, height), else points (px, py;
    several by semicolons), else automatic.

    Raises:
        Refused: A cell holds no number, or only some cells of a box or of points are filled.
    """
    for names in (EDGES, CORNER):
        if set(names) <= row.keys() and any(_cell(row, name) for name in names):
            first, second, third, fourth = (_numbers(row, name)[0] for name in names)
            return Prompt(
                "box",
                box=(first, second, third, fourth)
                if names is EDGES
                else (first, second, first + third, second + fourth),
            )
    if set(POINTS) <= row.keys() and any(_cell(row, name) for name in POINTS):
        across, down = (_numbers(row, name) for name in POINTS)
        if len(across) != len(down):
            raise Refused(Refusal.PROMPT_UNUSABLE, f"px has {len(across)} numbers and py {len(down)}")
        return Prompt("point", points=tuple(zip(across, down, strict=True)))
    return Prompt("automatic")


def fit_to_frame(prompt: Prompt, width: int, height: int) -> Prompt:
    """Cut a box to the frame.

    Raises:
        Refused: The box is empty or lies outside, or a point does.
    """
    if prompt.kind == "box":
        left, top, right, bottom = prompt.box
        cut = (max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))
        if cut[2] - cut[0] < 1 or cut[3] - cut[1] < 1:
            raise Refused(
                Refusal.PROMPT_UNUSABLE, f"the box {prompt.box} holds no pixel of the {width}x{height} photograph"
            )
        return Prompt("box", box=cut)
    outside = [point for point in prompt.points if not (0 <= point[0] < width and 0 <= point[1] < height)]
    if outside:
        raise Refused(
            Refusal.PROMPT_UNUSABLE, f"the point {outside[0]} lies outside of the {width}x{height} photograph"
        )
    return prompt


def _cell(row: Row, name: str) -> str:
    return row[name].strip()


def _numbers(row: Row, name: str) -> list[float]:
    try:
        numbers = [float(part) for part in _cell(row, name).split(";")]
    except ValueError as error:
        raise Refused(Refusal.PROMPT_UNUSABLE, f"column {name} holds {row[name]!r} instead of numbers") from error
    if not all(map(math.isfinite, numbers)):
        raise Refused(Refusal.PROMPT_UNUSABLE, f"column {name} holds {row[name]!r}")
    return numbers
