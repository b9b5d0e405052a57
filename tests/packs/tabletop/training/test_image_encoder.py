from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from editmill.packs.tabletop.training import store
from editmill.packs.tabletop.training.image_encoder import TEMPERATURE, ImageEncoderTask, identity_loss
from editmill.packs.tabletop.training.store import SceneStore


def test_identity_loss_by_hand() -> None:
    """Two objects whose views agree and are orthogonal to the others': log(e + 2) - 1 at temperature one, scaled."""
    first = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    loss, found = identity_loss(first, first * 3)
    near = np.exp(1 / TEMPERATURE)
    assert loss.item() == pytest.approx(np.log(near + 2) - 1 / TEMPERATURE, abs=1e-5)
    assert found == 1.0


def test_identity_loss_of_swapped_views() -> None:
    first = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    loss, found = identity_loss(first, first.flip(0))
    assert loss.item() > 5
    assert found == 0.0


def test_pairs_show_the_same_object_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = SceneStore(tmp_path, count=24)
    monkeypatch.setattr(store, "_shared", lambda: scenes)
    batch = ImageEncoderTask(steps=1, size=24).batch(0)
    first, second = batch["truth"].chunk(2)
    assert torch.equal(first[:, :3], second[:, :3])
    assert not torch.equal(first[:, 3], second[:, 3])
    assert bool((batch["image"][:12] != batch["image"][12:]).flatten(1).any(dim=1).all())
