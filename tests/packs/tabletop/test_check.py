"""A short form of ``editmill models check tabletop`` on the shipped weights; the long form prints the card's figures."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from flows.cli import main
from packs.tabletop.check import BOUNDS, measure, psnr, shortfalls
from pipelines.packs import find_pack


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    return measure(find_pack("tabletop"), scenes=32, edits=4)


def test_shipped_weights_hold_their_bounds_on_a_few_scenes(figures: dict[str, float]) -> None:
    # With 32 scenes a share is known to some hundredths only.
    assert shortfalls({name: value + 0.08 for name, value in figures.items()}) == {}
    assert figures["removal_psnr"] > figures["removal_psnr_object_left_in"] + 3
    assert figures["background_recognised"] >= 0.5


def test_shares_are_shares(figures: dict[str, float]) -> None:
    assert all(0 <= value <= 1 for name, value in figures.items() if "psnr" not in name)


def test_a_figure_below_its_bound_is_a_shortfall(figures: dict[str, float]) -> None:
    assert "reconstruction_psnr" in shortfalls({**figures, "reconstruction_psnr": BOUNDS["reconstruction_psnr"] - 0.1})
    assert shortfalls(BOUNDS) == {}


def test_psnr_of_a_known_error() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(grey, grey + 1) == pytest.approx(48.13, abs=0.01)


@pytest.mark.slow
def test_the_command_prints_json_and_its_exit_code_says_whether_bounds_hold() -> None:
    result = CliRunner().invoke(main, ["models", "check", "tabletop", "--scenes", "64", "--edits", "8", "--json"])
    document = json.loads(result.output)
    assert result.exit_code == (1 if document["short"] else 0)
    assert document["figures"].keys() >= {"zero_shot_class", "removal_success", "object_kept", "classifier_accuracy"}
