"""Prompts from columns."""

from __future__ import annotations

import pytest

from editmill.pipelines.masks.prompts import Prompt, fit_to_frame, read_prompt
from editmill.pipelines.masks.refusal import Refusal, Refused


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"left": "1", "top": "2", "right": "30.5", "bottom": "40"}, Prompt("box", box=(1, 2, 30.5, 40))),
        ({"x": "1", "y": "2", "width": "30", "height": "40"}, Prompt("box", box=(1, 2, 31, 42))),
        ({"px": "5", "py": "6"}, Prompt("point", points=((5, 6),))),
        ({"px": "5; 7", "py": "6;8"}, Prompt("point", points=((5, 6), (7, 8)))),
        ({"left": "", "top": "", "right": "", "bottom": "", "px": "5", "py": "6"}, Prompt("point", points=((5, 6),))),
        ({"px": "", "py": ""}, Prompt("automatic")),
        # Width and height without x and y are the photograph's.
        ({"width": "640", "height": "480"}, Prompt("automatic")),
    ],
)
def test_what_columns_say(row: dict[str, str], prompt: Prompt) -> None:
    assert read_prompt(row) == prompt


@pytest.mark.parametrize(
    "row",
    [
        {"left": "1", "top": "", "right": "3", "bottom": "4"},
        {"px": "a", "py": "1"},
        {"px": "1;2", "py": "1"},
        {"px": "nan", "py": "1"},
        {"x": "1", "y": "1", "width": "inf", "height": "2"},
    ],
)
def test_cells_that_are_wrong(row: dict[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        read_prompt(row)
    assert caught.value.reason == Refusal.PROMPT_UNUSABLE


def test_boxes_are_cut_to_the_frame_and_must_lie_in_it() -> None:
    assert fit_to_frame(Prompt("box", box=(-5, 2, 99, 20)), 64, 48).box == (0, 2, 64, 20)
    for wrong in (
        Prompt("box", box=(70, 2, 99, 20)),
        Prompt("box", box=(9, 2, 4, 20)),
        Prompt("point", points=((64, 1),)),
    ):
        with pytest.raises(Refused):
            fit_to_frame(wrong, 64, 48)
