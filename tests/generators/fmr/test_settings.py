"""Settings of FMR datasets and what they plan."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from editmill.generators.fmr.settings import (
    ASCENT,
    ORIGINAL,
    RANDOM,
    ROUND_TRIP,
    AscentSettings,
    FmrSettings,
    StyleSettings,
)
from editmill.manifests.keys import sample_key


def test_a_source_has_controls_and_an_ascent_per_network_target_and_budget() -> None:
    settings = FmrSettings(networks=("vq", "autoencoder"), targets=("classifier", "classifier_vit"), budget=8)
    planned = settings.plan()
    labels = [label for label, _ in planned]
    assert labels[:9] == [
        "original",
        "round-trip-vq",
        "random-vq-2",
        "random-vq-4",
        "random-vq-8",
        "ascent-vq-classifier-2",
        "ascent-vq-classifier-4",
        "ascent-vq-classifier-8",
        "ascent-vq-classifier_vit-2",
    ]
    assert len(planned) == 1 + 2 * (1 + 3 + 2 * 3)
    assert len({sample_key("heldout-000001", label) for label in labels}) == len(planned)
    assert {edit.name for _, edit in planned} == {ORIGINAL, ROUND_TRIP, RANDOM, ASCENT}
    assert all(edit.level == edit["budget"] for _, edit in planned)


def test_small_budgets_plan_nothing_twice() -> None:
    assert [label for label, _ in FmrSettings(networks=("vq",), budget=1).plan()] == [
        "original",
        "round-trip-vq",
        "random-vq-1",
        "ascent-vq-classifier-1",
    ]


def test_an_ascent_has_the_recipes_settings_and_its_control_walks() -> None:
    settings = FmrSettings(mode="max_loss", eta=0.02, budget=4, batch=2, quantize=False)
    assert settings.ascent("vq", "classifier").mode == "max_loss"
    walk = settings.ascent("vq", "classifier", random=True)
    assert (walk.mode, walk.eta, walk.budget, walk.batch, walk.quantize) == ("random", 0.02, 4, 2, False)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"networks": ("vq", "vq")}, "networks must be different"),
        ({"targets": ()}, "at least 1"),
        ({"trained_on": {"other": ("vq",)}}, "not among targets"),
        ({"mode": "random"}, "max_loss"),
        ({"colour": 1}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_errors(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FmrSettings.model_validate(values)


@pytest.mark.parametrize(("budget", "kept"), [(16, (0, 4, 8, 16)), (10, (0, 2, 5, 10)), (1, (0, 1))])
def test_pictures_are_kept_at_quarters_of_the_budget(budget: int, kept: tuple[int, ...]) -> None:
    assert AscentSettings(budget=budget).checkpoints == kept


def test_only_max_loss_backtracks() -> None:
    assert AscentSettings(n_backtrack=4).halvings == 0
    assert AscentSettings(mode="max_loss", n_backtrack=4).halvings == 4


@pytest.mark.parametrize("model", [AscentSettings, StyleSettings])
def test_unknown_keys_are_errors_and_values_are_frozen(model: type[AscentSettings]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        model.model_validate({"strenght": 1})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(model(), next(iter(model.model_fields)), 1)
