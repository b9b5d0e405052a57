"""The rule of an ascent on a scripted landscape, without networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.base.guards import Verdict
from editmill.generators.fmr.climb import Climb, Look, unit
from editmill.generators.fmr.oracle import Subject
from editmill.generators.fmr.settings import AscentSettings
from editmill.generators.guards.reasons import GuardReason

SUBJECT = Subject("one", np.zeros((2, 2, 3), np.uint8), 0, "ball")
START = torch.tensor([[[3.0, 4.0]]])
REFUSED = Verdict({}, (GuardReason.LABEL_MARGIN_LOW,))


def climb(settings: AscentSettings, losses: list[float], valid: Callable[[int, torch.Tensor], bool]) -> Climb:
    """Climb along the first latent; the n-th look sees the n-th loss, and its picture is filled with n."""
    state = Climb(SUBJECT, 0, START, settings)
    while state.stop is None:
        number = len(state.steps)
        image = np.full((2, 2, 3), number, np.uint8)
        look = Look(image, losses[number % len(losses)], 0, torch.tensor([[[2.0, 0.0]]]))
        state.record(look, Verdict({}) if valid(number, state.proposal()) else REFUSED)
    return state


def test_a_step_is_a_share_of_the_source_latents_norm() -> None:
    state = climb(AscentSettings(eta=0.1, budget=3), [0.0], lambda number, latents: True)
    torch.testing.assert_close(state.position, torch.tensor([[[3 + 3 * 0.1 * 5, 4.0]]]))
    assert (state.stop, [step.budget for step in state.steps]) == ("budget", [0, 1, 2, 3])


@given(st.lists(st.booleans(), min_size=9, max_size=9), st.lists(st.floats(0, 9), min_size=9, max_size=9))
def test_fmr_emits_the_last_picture_before_the_first_violation(valid: list[bool], losses: list[float]) -> None:
    settings = AscentSettings(budget=8)
    state = climb(settings, losses, lambda number, latents: valid[number])
    first = valid.index(False) if False in valid else 9
    assert len(state.steps) == min(first + 1, 9)
    if first == 0:
        assert (state.stop, state.images) == ("ineligible", {})
    else:
        assert {budget: int(image[0, 0, 0]) for budget, image in state.images.items()} == {
            b: min(b, first - 1) for b in settings.checkpoints
        }
        assert all(step.valid for step in state.steps[:-1])
        assert state.emitted == state.steps[first - 1]


@given(
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.lists(st.floats(0, 9), min_size=20, max_size=20),
    st.integers(0, 4),
)
def test_max_loss_emits_the_worst_valid_picture_of_each_budget(
    valid: list[bool], losses: list[float], halvings: int
) -> None:
    settings = AscentSettings(mode="max_loss", budget=8, n_backtrack=halvings)
    state = climb(settings, losses, lambda number, latents: number == 0 or valid[number])
    assert sum(not step.valid for step in state.steps) <= halvings + 1
    best = []
    for budget in settings.checkpoints:
        seen = [(step.loss, -number) for number, step in enumerate(state.steps) if step.valid and step.budget <= budget]
        loss, number = max(seen)
        assert int(state.images[budget][0, 0, 0]) == -number
        best.append(loss)
    assert best == sorted(best)


def test_backtracking_comes_closer_to_the_border_than_freezing() -> None:
    def inside(number: int, latents: torch.Tensor) -> bool:
        return bool(latents[0, 0, 0] <= 4.2)

    frozen = climb(AscentSettings(eta=0.1, budget=8), [1.0], inside)
    halved = climb(AscentSettings(eta=0.1, budget=8, mode="max_loss", n_backtrack=5), [1.0], inside)
    assert frozen.stop == "violated"
    assert float(frozen.position[0, 0, 0]) == pytest.approx(4.0)
    assert 4.1 < float(halved.position[0, 0, 0]) <= 4.2
    assert [step.eta for step in halved.steps][:5] == pytest.approx([0, 0.1, 0.1, 0.1, 0.05])


@pytest.mark.parametrize(
    "gradient", [torch.zeros(1, 2, 2), torch.full((1, 2, 2), torch.nan), torch.full((1, 2, 2), torch.inf)]
)
def test_without_a_gradient_there_is_no_step(gradient: torch.Tensor) -> None:
    assert not unit(gradient).any()
    state = Climb(SUBJECT, 0, START, AscentSettings())
    state.record(Look(SUBJECT.image, 1.0, 0, gradient), Verdict({}))
    assert state.stop == "flat"
    assert sorted(state.images) == [0, 2, 4, 8]


def test_a_gradient_is_scaled_to_a_norm_of_one() -> None:
    assert float(unit(torch.full((4, 2, 2), -3.0)).norm()) == pytest.approx(1)
