"""Every recogniser's task: data by step, a training step, and weights that the stock class reads back."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn
from transformers import AutoImageProcessor, AutoTokenizer

from editmill.packs.tabletop.train import ROLES
from editmill.packs.tabletop.training import store
from editmill.packs.tabletop.training.loop import Run, Trainer
from editmill.packs.tabletop.training.store import SceneStore

SIZE = 6
CLASSES = {
    "zero_shot_2": ("SiglipModel", "siglip"),
    "image_encoder": ("Dinov2Model", "encoder"),
    "classifier_vit": ("SegformerForImageClassification", "segformer"),
    "classifier_weak": ("ResNetForImageClassification", "resnet"),
    "evaluation_encoder": ("VisionTextDualEncoderModel", "dual"),
}
roles = pytest.mark.parametrize("role", CLASSES)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> SceneStore:
    return SceneStore(tmp_path_factory.mktemp("scenes"), count=24)


@pytest.fixture(autouse=True)
def small_store(scenes: SceneStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_shared", lambda: scenes)


def make_task(role: str, *, steps: int = 2) -> Any:
    module, name = ROLES[role].split(":")
    return getattr(importlib.import_module(module), name)(steps=steps, size=SIZE)


def leaves(batch: Any) -> list[Tensor]:
    return [leaf for value in batch.values() for leaf in leaves(value)] if isinstance(batch, dict) else [batch]


def outputs(network: nn.Module, folder: Path) -> Tensor:
    image = torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(1))
    pixels = AutoImageProcessor.from_pretrained(folder)(images=(image * 255).byte(), return_tensors="pt").pixel_values
    texts = (
        AutoTokenizer.from_pretrained(folder)(["a red cube", "no object"], padding="max_length", return_tensors="pt")
        if (folder / "tokenizer.json").exists()
        else {}
    )
    with torch.inference_mode():
        found = network.eval()(pixel_values=pixels, **texts)
    return next(
        getattr(found, name) for name in ("logits_per_image", "logits", "last_hidden_state") if hasattr(found, name)
    )


@roles
def test_batches_depend_on_the_step_alone(role: str) -> None:
    one, two = make_task(role), make_task(role)
    two.batch(7)
    assert all(torch.equal(a, b) for a, b in zip(leaves(one.batch(3)), leaves(two.batch(3)), strict=True))
    assert not torch.equal(one.batch(3)["image"], one.batch(4)["image"])
    assert one.batch(3)["image"].shape[0] == SIZE


@roles
def test_steps_lower_the_loss_of_one_batch(role: str) -> None:
    task = make_task(role)
    torch.manual_seed(0)
    module, batch = task.module(), task.batch(0)
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-3)
    losses = []
    for _ in range(4):
        loss, figures = task.loss(module, batch, torch.Generator())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        assert all(
            0 <= value <= 1
            for name, value in figures.items()
            if name in ("name", "colour", "ground", "accuracy", "found")
        )
    assert losses[-1] < losses[0] * 0.97


@roles
def test_saved_weights_load_as_the_stock_class(role: str, tmp_path: Path) -> None:
    task = make_task(role, steps=1)
    trainer = Trainer(
        task, Run(folder=tmp_path / "run", weights=tmp_path / "weights", threads=1, loaders=0, checkpoint_every=1)
    )
    trainer.train()
    cls, part = CLASSES[role]
    network, report = getattr(transformers, cls).from_pretrained(
        tmp_path / "weights", dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    trained = getattr(trainer.module, part)
    # Saving rounds the trained network itself to half precision.
    torch.testing.assert_close(
        outputs(network, tmp_path / "weights"), outputs(trained.float(), tmp_path / "weights"), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("role", ["zero_shot_2", "evaluation_encoder"])
def test_saved_tokenizers_pad_to_the_length_that_training_used(role: str, tmp_path: Path) -> None:
    task = make_task(role)
    task.tokenizer.save_pretrained(tmp_path)
    stored = AutoTokenizer.from_pretrained(tmp_path)
    tokens = stored(
        ["a red cube on green grass", "no object"], padding="max_length", truncation=True, return_tensors="pt"
    )
    trained = task.batch(0)["tokens"]
    assert tokens.input_ids.shape == (2, trained["input_ids"].shape[1])
    assert set(tokens) == set(trained)
