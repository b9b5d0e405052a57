"""The second classifier under test: the hierarchical vision transformer of SegFormer (Xie et al., arXiv 2105.15203), in
the transformers format.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import SegformerConfig, SegformerForImageClassification, SegformerImageProcessor

from editmill.packs.tabletop.training.recognition import AttributeHeads, Mix, collate, draw_scene, recognition_view
from editmill.packs.tabletop.world import CLASSES
from editmill.packs.tabletop.world.scene import scene_rng

SIDE = 96
WIDTHS = (32, 64, 96, 128)
# The stage whose tokens also say what each place shows: one for every eight pixels.
PLACES, STRIDE = 1, 8
SMOOTHING = 0.05
STEPS = 5000
# Crops come first: a transformer that has seen objects large finds them sooner in whole scenes.
EARLY, EARLY_WHOLE, WHOLE = 0.6, 0.5, 0.8


class SegformerNetwork(nn.Module):
    """SegFormer's encoder with its classifier, and linear heads that only training uses."""

    def __init__(self) -> None:
        super().__init__()
        self.segformer = SegformerForImageClassification(
            SegformerConfig(
                hidden_sizes=list(WIDTHS),
                depths=[1, 2, 2, 1],
                num_attention_heads=[1, 2, 3, 4],
                sr_ratios=[6, 3, 2, 1],
                mlp_ratios=[3] * 4,
                drop_path_rate=0.0,
                hidden_dropout_prob=0.0,
                classifier_dropout_prob=0.0,
                id2label=dict(enumerate(CLASSES)),
                label2id={name: i for i, name in enumerate(CLASSES)},
            )
        )
        # On the CPU the fused attention's backward pass takes two fifths of a step; the plain one is several times
        # faster.
        self.segformer.set_attn_implementation("eager")
        self.heads = AttributeHeads(WIDTHS[-1], WIDTHS[PLACES])


class ClassifierVitTask:
    """Cross-entropy of the object's class, of what each place shows, and of the object's attributes.

    Args:
        steps: Training steps.
        size: Views per step.
        start: Weights folder to go on from.
    """

    name = "classifier_vit"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.998
    mix = Mix(empty=0.0, composite=0.2)

    def __init__(self, *, steps: int = STEPS, size: int = 64, start: Path | None = None) -> None:
        self.steps, self.size, self.start = steps, size, start

    def module(self) -> nn.Module:
        network = SegformerNetwork()
        if self.start:
            network.segformer.load_state_dict(SegformerForImageClassification.from_pretrained(self.start).state_dict())
        return network

    def batch(self, step: int) -> dict[str, Any]:
        # By the constant: what a step shows must not depend on how many steps a run has.
        whole = EARLY_WHOLE if step < EARLY * STEPS else WHOLE
        views = []
        for index in range(step * self.size, (step + 1) * self.size):
            rng = scene_rng("train", index, self.name)
            views.append(
                recognition_view(draw_scene(index, rng, self.mix), rng, side=SIDE, grid=SIDE // STRIDE, whole=whole)
            )
        return collate(views)

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        maps = module.segformer.segformer(batch["image"], output_hidden_states=True).hidden_states
        feature, places = maps[-1].mean(dim=(2, 3)), maps[PLACES].flatten(2).transpose(1, 2)
        logits, label = module.segformer.classifier(feature).float(), batch["truth"][:, 0]
        others, figures = module.heads(feature, places, batch)
        accuracy = (logits.argmax(1) == label).float().mean().item()
        return F.cross_entropy(logits, label, label_smoothing=SMOOTHING) + 0.5 * others, {
            "accuracy": accuracy,
            **figures,
        }

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, SegformerNetwork)
        module.segformer.to(torch.float16).save_pretrained(folder)
        SegformerImageProcessor(
            size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3
        ).save_pretrained(folder)
