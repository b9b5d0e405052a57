"""The second classifier under test: a LeViT, a vision transformer with a convolutional stem, in the transformers format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import LevitConfig, LevitForImageClassification, LevitImageProcessor

from packs.tabletop.training.recognition import ATTRIBUTES, Mix, attribute_loss, collate, draw_scene, recognition_view
from packs.tabletop.world import CLASSES
from packs.tabletop.world.scene import scene_rng

SIDE = 128
WIDTHS = (80, 96, 128)
SMOOTHING = 0.05


class LevitNetwork(nn.Module):
    """LeViT with linear heads for the attributes other than the class, which only training uses."""

    def __init__(self) -> None:
        super().__init__()
        self.levit = LevitForImageClassification(LevitConfig(
            image_size=SIDE, hidden_sizes=list(WIDTHS), num_attention_heads=[3, 4, 4], depths=[2, 2, 2], key_dim=[16] * 3,
            attention_ratio=[2] * 3, mlp_ratio=[2] * 3, id2label=dict(enumerate(CLASSES)), label2id={name: i for i, name in enumerate(CLASSES)},
        ))
        self.heads = nn.ModuleDict({name: nn.Linear(WIDTHS[-1], len(values)) for name, values in ATTRIBUTES.items() if name != "name"})


class ClassifierVitTask:
    """Cross-entropy of the object's class and, at a quarter of the weight, of its other attributes."""

    name = "classifier_vit"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.998
    mix = Mix(empty=0.0, composite=0.35, whole=0.8)

    def __init__(self, *, steps: int = 2000, size: int = 64) -> None:
        self.steps, self.size = steps, size

    def module(self) -> nn.Module:
        return LevitNetwork()

    def batch(self, step: int) -> dict[str, Any]:
        views = []
        for index in range(step * self.size, (step + 1) * self.size):
            rng = scene_rng("train", index, self.name)
            views.append(recognition_view(draw_scene(index, rng, self.mix), rng, side=SIDE, grid=1, whole=self.mix.whole))
        return collate(views)

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        feature = module.levit.levit(batch["image"]).pooler_output
        logits, label = module.levit.classifier(feature).float(), batch["truth"][:, 0]
        others, figures = attribute_loss({name: head(feature) for name, head in module.heads.items()}, batch["truth"])
        accuracy = (logits.argmax(1) == label).float().mean().item()
        return F.cross_entropy(logits, label, label_smoothing=SMOOTHING) + 0.25 * others, {"accuracy": accuracy, **figures}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, LevitNetwork)
        module.levit.to(torch.float16).save_pretrained(folder)
        LevitImageProcessor(
            size={"height": SIDE, "width": SIDE}, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3
        ).save_pretrained(folder)
