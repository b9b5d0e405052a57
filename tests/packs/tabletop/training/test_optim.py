from __future__ import annotations

import pytest
import torch
from torch import nn

from editmill.packs.tabletop.training.optim import Muon, make_optimisers, orthogonalise


@pytest.mark.parametrize("shape", [(8, 8), (6, 20), (20, 6), (1, 9), (9, 1)])
def test_orthogonalised_matrix_has_singular_values_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    result = orthogonalise(torch.randn(shape) * 30)
    assert result.shape == shape
    values = torch.linalg.svdvals(result)
    # The quintic trades precision for speed: it stops between 0.7 and 1.2.
    assert 0.6 < values.min() <= values.max() < 1.3


def test_orthogonalised_matrix_keeps_the_singular_vectors() -> None:
    torch.manual_seed(1)
    matrix = torch.randn(5, 12)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ orthogonalise(matrix) @ right.T
    # bfloat16 leaves about two digits.
    assert torch.allclose(turned, torch.diag(turned.diag()), atol=0.08)
    assert (turned.diag() > 0).all()


def test_zero_gradient_gives_no_direction() -> None:
    assert torch.equal(orthogonalise(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_muon_lowers_a_quadratic_loss() -> None:
    torch.manual_seed(0)
    weight, target = nn.Parameter(torch.randn(6, 4, 3, 3)), torch.randn(6, 4, 3, 3)
    optimiser = Muon([weight], lr=0.4, weight_decay=0.0)
    losses = []
    for step in range(80):
        optimiser.param_groups[0]["lr"] = 0.4 * (1 - step / 80)
        loss = (weight - target).square().mean()
        losses.append(loss.item())
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert losses[-1] < 0.02 * losses[0]


def test_update_has_the_size_of_an_adam_step() -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.zeros(16, 64))
    weight.grad = torch.randn(16, 64) * 1e-3
    Muon([weight], lr=0.5).step()
    # 0.2 per entry on average, whatever the gradient's size.
    assert weight.square().mean().sqrt().item() / 0.5 == pytest.approx(0.2, rel=0.25)


def test_weight_decay_shrinks_and_missing_gradients_are_skipped() -> None:
    still, decayed = nn.Parameter(torch.ones(3, 3)), nn.Parameter(torch.ones(3, 3))
    decayed.grad = torch.zeros(3, 3)
    Muon([still, decayed], lr=0.5, weight_decay=0.1).step()
    assert torch.equal(still, torch.ones(3, 3))
    assert torch.allclose(decayed, torch.full((3, 3), 0.95))


def test_state_survives_saving() -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(4, 4), torch.randn(3, 4, 4)

    def run(optimiser: Muon, weight: nn.Parameter, steps: torch.Tensor) -> None:
        for gradient in steps:
            weight.grad = gradient.clone()
            optimiser.step()

    whole = nn.Parameter(start.clone())
    run(Muon([whole], lr=0.1), whole, gradients)
    first = nn.Parameter(start.clone())
    before = Muon([first], lr=0.1)
    run(before, first, gradients[:2])
    second = nn.Parameter(first.detach().clone())
    after = Muon([second], lr=0.1)
    after.load_state_dict(before.state_dict())
    run(after, second, gradients[2:])
    assert torch.equal(second, whole)


def test_outer_layers_norms_and_biases_go_to_adam() -> None:
    module = nn.ModuleDict(
        {
            "conv_in": nn.Conv2d(3, 4, 3),
            "hidden": nn.Conv2d(4, 4, 3),
            "norm": nn.GroupNorm(2, 4),
            "embedding": nn.Embedding(5, 4),
            "frozen": nn.Linear(4, 4, bias=False),
            "classifier": nn.Linear(4, 2),
        }
    )
    module["frozen"].requires_grad_(False)
    muon, adam = make_optimisers(module, lr=0.1, adam_lr=0.2)
    groups = [{id(parameter) for group in one.param_groups for parameter in group["params"]} for one in (muon, adam)]
    names = [{name for name, parameter in module.named_parameters() if id(parameter) in group} for group in groups]
    assert isinstance(muon, Muon)
    assert names[0] == {"hidden.weight"}
    assert names[1] == {name for name, _ in module.named_parameters()} - {"hidden.weight", "frozen.weight"}
    assert [one.param_groups[0]["lr"] for one in (muon, adam)] == [0.1, 0.2]
