from __future__ import annotations

import pytest

from editmill.evaluators.attribute.columns import CONTROLS, ROUND_TRIP, Column
from editmill.generators.attribute.edits import EDITS, named


@pytest.mark.parametrize(
    ("column", "name"),
    [
        (Column("full"), "full"),
        (Column("size", 0.05), "size 0.05"),
        (Column("complexity", 20.0), "complexity +20"),
        (Column("complexity", -20.0), "complexity -20"),
        (Column("complexity", 1.0), "complexity +1"),
        (Column("adversarial", 20.0), "adversarial +20"),
    ],
)
def test_names_hold_the_level_and_its_sign_where_it_has_one(column: Column, name: str) -> None:
    assert column.name == name


def test_controls_are_no_edits_and_have_no_net_drop() -> None:
    assert CONTROLS == ("original", "paste-back", "round-trip", "resample")
    assert all(Column(name).control and not Column(name).net_controls for name in CONTROLS)


@pytest.mark.parametrize("edit", ["complexity", "adversarial", "background"])
def test_regenerated_backgrounds_are_held_against_the_round_trip_first(edit: str) -> None:
    assert Column(edit).net_controls == ("round-trip", "paste-back")


@pytest.mark.parametrize("edit", ["size", "position", "direction", "full", "random-background"])
def test_geometry_is_held_against_paste_back(edit: str) -> None:
    assert Column(edit).net_controls == ("paste-back",)


def test_facts_of_edits_are_those_that_they_are_made_by() -> None:
    assert set(CONTROLS) == set(named("control"))
    assert {name for name in EDITS if "+" in Column(name, 1.0).name} == set(named("signed"))
    assert {name for name in EDITS if Column(name).net_controls[:1] == (ROUND_TRIP,)} == {
        name for name in named("generated") if not EDITS[name].control
    }
