"""The image encoder: a Dinov2Model whose CLS feature tells objects apart, trained with labels and not by
self-distillation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

from editmill.packs.tabletop.training.recognition import FURTHEST, AttributeHeads, View, collate, recognition_view
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.views import composite_view
from editmill.packs.tabletop.world import Scene
from editmill.packs.tabletop.world.scene import scene_rng

SIDE, PATCH, WIDTH = 96, 12, 128
TEMPERATURE = 0.1
TURN = 0.35
WHOLE = 0.35


class EncoderNetwork(nn.Module):
    """DINOv2's architecture with linear heads that only training uses."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Dinov2Model(
            Dinov2Config(
                hidden_size=WIDTH,
                num_hidden_layers=6,
                num_attention_heads=4,
                mlp_ratio=3,
                image_size=SIDE,
                patch_size=PATCH,
                layerscale_value=0.5,
            )
        )
        self.encoder.set_attn_implementation("eager")
        self.heads = AttributeHeads(WIDTH, WIDTH)


def identity_loss(first: Tensor, second: Tensor) -> tuple[Tensor, float]:
    """Return the contrastive loss of two views per object (Chen et al., arXiv 2002.05709, equation 1) and the share of
    first views that find theirs.

    Args:
        first: Features of one view per object, float [n, width].
        second: Features of another view of the same objects in the same order.
    """
    count = first.shape[0]
    features = F.normalize(torch.cat([first, second]).float(), dim=-1)
    logits = features @ features.T / TEMPERATURE
    logits = logits.masked_fill(torch.eye(2 * count, dtype=torch.bool, device=logits.device), float("-inf"))
    # The partner of view i is view i + count, and the other way round.
    target = torch.arange(2 * count, device=logits.device).roll(count)
    found = (logits.argmax(1) == target).float().mean().item()
    return F.cross_entropy(logits, target), found


class ImageEncoderTask:
    """Two views of one object are near each other and far from all other objects.

    Its attributes are readable, the ground from the patches.
    """

    name = "image_encoder"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.998

    def __init__(self, *, steps: int = 1000, size: int = 64) -> None:
        self.steps, self.objects = steps, size // 2

    def module(self) -> nn.Module:
        return EncoderNetwork()

    def _view(self, scene: Scene, rng: np.random.Generator) -> View:
        return recognition_view(scene, rng, side=SIDE, grid=SIDE // PATCH, whole=WHOLE, chosen=0)

    def _pair(self, index: int) -> tuple[View, View]:
        rng = scene_rng("train", index, self.name)
        scene = train_scene(index)
        grounds = [train_scene(index + int(offset)) for offset in rng.integers(1, FURTHEST, 2)]
        first = scene if rng.random() < 0.5 else composite_view(scene, grounds[0], rng, turn=TURN)
        return self._view(first, rng), self._view(composite_view(scene, grounds[1], rng, turn=TURN), rng)

    def batch(self, step: int) -> dict[str, Any]:
        pairs = [self._pair(step * self.objects + number) for number in range(self.objects)]
        return collate([pair[0] for pair in pairs] + [pair[1] for pair in pairs])

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        tokens = module.encoder(batch["image"]).last_hidden_state
        feature, patches = tokens[:, 0], tokens[:, 1:]
        identity, found = identity_loss(*feature.chunk(2))
        attributes, figures = module.heads(feature, patches, batch, ground=patches.mean(1))
        return identity + attributes, {"identity": identity.item(), "found": found, **figures}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, EncoderNetwork)
        module.encoder.to(torch.float16).save_pretrained(folder)
        BitImageProcessor(
            size={"height": SIDE, "width": SIDE},
            do_center_crop=False,
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
            resample=3,
        ).save_pretrained(folder)
