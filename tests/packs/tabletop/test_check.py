"""A short form of ``editmill models check tabletop --measure`` on the shipped weights.

The long form prints the card's figures.
"""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner

from editmill.flows.cli import main
from editmill.packs.tabletop.check import CHECKS, GENERATING, RECOGNISING, bounds, limits, measure, shortfalls
from editmill.packs.tabletop.train import ROLES
from editmill.pipelines.packs import find_pack

# With a few dozen scenes a share is known to some hundredths only.
SLACK = 0.08


def loosened(figures: dict[str, float]) -> dict[str, float]:
    """Figures moved to the good side of their bound or limit by what few scenes leave open."""
    least, most = set(bounds()), set(limits())
    signs = dict.fromkeys(least - most, 1.0) | dict.fromkeys(most - least, -1.0)
    return {name: value + SLACK * signs.get(name, 0.0) for name, value in figures.items()}


@pytest.mark.parametrize("check", [name for name in RECOGNISING if name in find_pack("tabletop").roles])
def test_shipped_weights_hold_their_bounds_on_a_few_scenes(check: str) -> None:
    figures = measure(find_pack("tabletop"), scenes=32, checks=(check,))
    assert figures
    assert all(name.startswith(check) for name in figures)
    assert shortfalls(loosened(figures)) == {}


def test_removal_takes_objects_away_and_grounds_are_the_prompted_ones() -> None:
    figures = measure(find_pack("tabletop"), edits=4, checks=("inpaint",))
    assert figures["removal_psnr"] > figures["removal_psnr_object_left_in"] + 3
    assert figures["removal_success"] >= 0.5
    assert figures["background_recognised"] >= 0.5


@pytest.mark.parametrize("check", [name for name in GENERATING if name != "inpaint"])
def test_what_generates_is_measured_with_a_single_step(check: str) -> None:
    figures = measure(find_pack("tabletop").model_copy(update={"steps": 1}), scenes=2, edits=2, checks=(check,))
    assert figures
    assert all(map(math.isfinite, figures.values()))


def test_every_trained_role_is_checked() -> None:
    assert set(CHECKS) == set(ROLES)
    assert not set(RECOGNISING) & set(GENERATING)


def test_a_figure_beyond_its_bound_or_limit_is_a_shortfall() -> None:
    least, most = bounds(), limits()
    assert shortfalls({"autoencoder_psnr": least["autoencoder_psnr"] - 0.1}) == {
        "autoencoder_psnr": least["autoencoder_psnr"]
    }
    assert shortfalls({"classifier_weak_accuracy": 0.9}) == {
        "classifier_weak_accuracy": most["classifier_weak_accuracy"]
    }
    assert shortfalls(least) == {}
    assert shortfalls({"a figure of no bound": -1.0}) == {}


def test_the_command_prints_json_and_its_exit_code_says_whether_bounds_hold() -> None:
    result = CliRunner().invoke(
        main, ["models", "check", "tabletop", "--measure", "--scenes", "16", "--roles", "classifier,vq", "--json"]
    )
    document = json.loads(result.output)
    assert result.exit_code == (1 if document["short"] else 0)
    assert document["figures"].keys() >= {"classifier_accuracy", "vq_psnr"}


def test_an_unknown_role_is_refused_with_the_known_ones() -> None:
    result = CliRunner().invoke(main, ["models", "check", "tabletop", "--roles", "zeroshot"])
    assert result.exit_code == 2
    assert "zero_shot_2" in result.output


@pytest.mark.slow
def test_the_whole_check_passes() -> None:
    result = CliRunner().invoke(main, ["models", "check", "tabletop", "--measure"])
    assert result.exit_code == 0, result.output
