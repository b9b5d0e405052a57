"""The deliberately weak classifier: a narrow ResNet on small pictures, trained briefly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

from editmill.packs.tabletop.training.recognition import AttributeHeads, Mix, collate, draw_scene, recognition_view
from editmill.packs.tabletop.world import CLASSES
from editmill.packs.tabletop.world.scene import scene_rng

SIDE, STRIDE = 96, 16
WIDTHS = (16, 32, 48, 64)


class WeakNetwork(nn.Module):
    """ResNet with linear heads that only training uses; patches are read from the third stage."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = ResNetForImageClassification(
            ResNetConfig(
                embedding_size=WIDTHS[0],
                hidden_sizes=list(WIDTHS),
                depths=[1] * 4,
                layer_type="basic",
                id2label=dict(enumerate(CLASSES)),
                label2id={name: i for i, name in enumerate(CLASSES)},
            )
        )
        self.heads = AttributeHeads(WIDTHS[-1], WIDTHS[-2])


class ClassifierWeakTask:
    """Cross-entropy of the main object's class, and of class and attributes on heads, for a few hundred steps."""

    name = "classifier_weak"
    lr, adam_lr, ema = 4e-3, 2e-3, 0.98
    mix = Mix(empty=0.0, composite=0.0, whole=0.7)

    def __init__(self, *, steps: int = 800, size: int = 64) -> None:
        self.steps, self.size = steps, size

    def module(self) -> nn.Module:
        return WeakNetwork()

    def batch(self, step: int) -> dict[str, Any]:
        views = []
        for index in range(step * self.size, (step + 1) * self.size):
            rng = scene_rng("train", index, self.name)
            views.append(
                recognition_view(
                    draw_scene(index, rng, self.mix), rng, side=SIDE, grid=SIDE // STRIDE, whole=self.mix.whole
                )
            )
        return collate(views)

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        seen = module.resnet.resnet(batch["image"], output_hidden_states=True)
        logits, label = module.resnet.classifier(seen.pooler_output).float(), batch["truth"][:, 0]
        patches = seen.hidden_states[3].flatten(2).transpose(1, 2)
        attributes, figures = module.heads(seen.pooler_output.flatten(1), patches, batch)
        accuracy = (logits.argmax(1) == label).float().mean().item()
        return F.cross_entropy(logits, label) + attributes, {"accuracy": accuracy, **figures}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, WeakNetwork)
        module.resnet.to(torch.float16).save_pretrained(folder)
        ConvNextImageProcessor(
            size={"shortest_edge": SIDE}, crop_pct=1.0, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3
        ).save_pretrained(folder)
