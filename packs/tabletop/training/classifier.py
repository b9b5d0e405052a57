"""The classifier under test: a small ResNet in the transformers format, trained on whole scenes with one object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.views import random_view
from editmill.packs.tabletop.world import CLASSES
from editmill.packs.tabletop.world.scene import scene_rng

SIDE = 96


class ClassifierTask:
    """Cross-entropy of the main object's class."""

    name = "classifier"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.998

    def __init__(self, *, steps: int = 1500, size: int = 64) -> None:
        self.steps, self.size = steps, size

    def module(self) -> nn.Module:
        return ResNetForImageClassification(
            ResNetConfig(
                embedding_size=32,
                hidden_sizes=[32, 64, 128, 192],
                depths=[1, 1, 1, 1],
                layer_type="basic",
                num_labels=len(CLASSES),
                id2label=dict(enumerate(CLASSES)),
                label2id={name: i for i, name in enumerate(CLASSES)},
            )
        )

    def _example(self, index: int) -> tuple[Tensor, int]:
        scene = train_scene(index)
        image, _ = random_view(scene, scene_rng("train", index, "classifier"), SIDE, whole=0.8)
        return to_tensor(image.copy()), CLASSES.index(scene.objects[0].name)

    def batch(self, step: int) -> dict[str, Any]:
        images, labels = zip(*(self._example(step * self.size + i) for i in range(self.size)), strict=True)
        return {"image": torch.stack(images), "label": torch.tensor(labels)}

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        logits = module(batch["image"]).logits.float()
        accuracy = (logits.argmax(1) == batch["label"]).float().mean().item()
        return F.cross_entropy(logits, batch["label"], label_smoothing=0.05), {"accuracy": accuracy}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, ResNetForImageClassification)
        module.to(torch.float16).save_pretrained(folder)
        # By default this processor enlarges pictures and cuts their rim off; scenes are shown whole.
        ConvNextImageProcessor(
            size={"shortest_edge": SIDE}, crop_pct=1.0, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3
        ).save_pretrained(folder)
