from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from transformers import SiglipModel

from editmill.packs.tabletop.training.zero_shot_2 import SiglipNetwork, SiglipTask, sigmoid_loss


def test_sigmoid_loss_by_hand() -> None:
    """Two pairs fit and two don't: softplus of minus or plus their logits, per fitting pair."""
    logits = torch.tensor([[2.0, -1.0], [0.5, 3.0]])
    loss = sigmoid_loss(logits, torch.tensor([[True, False], [False, True]]))
    expected = (
        math.log1p(math.exp(-2.0)) + math.log1p(math.exp(-1.0)) + math.log1p(math.exp(0.5)) + math.log1p(math.exp(-3.0))
    ) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_sigmoid_loss_is_that_of_transformers_for_single_positives() -> None:
    torch.manual_seed(0)
    model = SiglipNetwork(60, 0, 1).siglip.eval()
    with torch.inference_mode():
        output = model(input_ids=torch.randint(60, (3, 24)), pixel_values=torch.randn(3, 3, 96, 96), return_loss=True)
    assert sigmoid_loss(output.logits_per_text, torch.eye(3, dtype=torch.bool)).item() == pytest.approx(
        output.loss.item(), rel=1e-5
    )


def test_going_on_starts_from_the_weights(tmp_path: Path) -> None:
    first = SiglipTask(steps=1, size=2)
    torch.manual_seed(0)
    first.save(first.module(), tmp_path)
    further = SiglipTask(steps=1, size=2, start=tmp_path)
    assert further.lr == first.lr / 2
    saved, loaded = SiglipModel.from_pretrained(tmp_path).state_dict(), further.module().siglip.state_dict()
    assert all(torch.equal(saved[name].float(), loaded[name].float()) for name in saved)
