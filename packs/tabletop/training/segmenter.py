"""The segmenter: a small segment_anything Sam, trained on boxes and points with the losses of its paper (arXiv
2304.02643).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from editmill.generators.models.segment_anything import SamConfig, build_sam
from editmill.packs.tabletop.training.frames import random_frame
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.views import composite_view
from editmill.packs.tabletop.world.scene import object_box, scene_rng

SIDE = 128
CONFIG = SamConfig(
    img_size=SIDE,
    patch_size=8,
    embed_dim=128,
    depth=4,
    num_heads=4,
    out_chans=128,
    window_size=8,
    global_attn_indexes=(1, 3),
)
GROUND_SHARE = 0.2
COMPOSITE_SHARE = 0.2


def random_points(mask: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``count`` points (x, y) drawn from the true pixels of ``mask``: float32 [count, 2]."""
    rows, columns = np.nonzero(mask)
    drawn = rng.integers(len(rows), size=count)
    return np.stack([columns[drawn], rows[drawn]], axis=1).astype(np.float32)


def jittered_box(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the box of ``mask`` as float32 (left, top, right, bottom) with each side moved by up to a tenth of the box
    and a pixel.
    """
    box = np.array(object_box(mask.astype(np.float32)), np.float32)
    size = np.tile(box[2:] - box[:2], 2)
    return (box + rng.uniform(-1, 1, 4).astype(np.float32) * (0.1 * size + 1)).clip(0, mask.shape[0])


def decode(sam: Any, embeddings: Tensor, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
    """Return masks and predicted IoU of one prompt per image: logits [B, 4, S / 2, S / 2] and [B, 4], the single mask
    first.

    ``MaskDecoder.forward`` repeats one image for all prompts; this is its computation with an image per prompt.
    """
    decoder = sam.mask_decoder
    tokens = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).expand(len(sparse), -1, -1)
    places = sam.prompt_encoder.get_dense_pe().expand(len(sparse), -1, -1, -1)
    found, image = decoder.transformer(embeddings + dense, places, torch.cat([tokens, sparse], dim=1))
    image = decoder.output_upscaling(image.transpose(1, 2).unflatten(2, embeddings.shape[-2:]))
    weights = torch.stack([head(found[:, 1 + i]) for i, head in enumerate(decoder.output_hypernetworks_mlps)], dim=1)
    return torch.einsum("bnc,bchw->bnhw", weights, image), decoder.iou_prediction_head(found[:, 0])


def intersection_over_union(masks: Tensor, truth: Tensor) -> Tensor:
    """Return IoU over the last two dimensions of boolean masks; 1 where both are empty."""
    union = (masks | truth).sum(dim=(-2, -1))
    return torch.where(union > 0, (masks & truth).sum(dim=(-2, -1)) / union.clamp(min=1), 1.0)


def mask_losses(logits: Tensor, truth: Tensor) -> Tensor:
    """Return 20 parts focal and one part dice loss for each mask: [B, N, S, S] and [B, 1, S, S] to [B, N].

    The focal loss goes without the paper's weight for the background: ``truth`` is a coverage, and the weight would
    move edges inwards.
    """
    truth = truth.expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    focal = ((1 - torch.exp(-entropy)) ** 2 * entropy).mean(dim=(-2, -1))
    chance = logits.sigmoid()
    dice = 1 - (2 * (chance * truth).sum(dim=(-2, -1)) + 1) / (chance.sum(dim=(-2, -1)) + truth.sum(dim=(-2, -1)) + 1)
    return 20 * focal + dice


def prompt_loss(logits: Tensor, predicted: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of one prompt per image: the single mask, the best of the others, and the error of all predicted
    IoU.

    Returns:
        The mean loss, and the single mask's IoU for each image at the decoder's resolution.
    """
    logits, truth = logits.float(), F.adaptive_avg_pool2d(truth, (logits.shape[-2], logits.shape[-1]))
    losses = mask_losses(logits, truth)
    overlaps = intersection_over_union(logits.detach() > 0, truth > 0.5)
    # Several masks may fit one point, so of the others only the best one learns, as in the paper.
    return (losses[:, 0] + losses[:, 1:].amin(dim=1)).mean() + F.mse_loss(predicted.float(), overlaps), overlaps[:, 0]


class SegmenterTask:
    """Each image is asked by a box and by one point.

    A quarter also by two points, half of these with the earlier mask.
    """

    name = "segmenter"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.995

    def __init__(self, *, steps: int = 750, size: int = 32) -> None:
        self.steps, self.size = steps, size

    def module(self) -> nn.Module:
        return build_sam(CONFIG)

    def _example(self, index: int) -> dict[str, Any]:
        scene = train_scene(index)
        rng = scene_rng("train", index, "segmenter")
        if rng.random() < COMPOSITE_SHARE:
            scene = composite_view(scene, train_scene(index + int(rng.integers(1, 5000))), rng)
        frame = random_frame(scene, rng, needs_object=True)
        masks = [frame.cut(alpha, SIDE) > 0.5 for alpha in scene.alphas]
        ground = ~np.any(masks, axis=0)
        boxed = masks[frame.shown[int(rng.integers(len(frame.shown)))]]
        asked = ground if rng.random() < GROUND_SHARE else masks[frame.shown[int(rng.integers(len(frame.shown)))]]
        point = random_points(asked, 1, rng)
        second = bool(rng.random() < 0.5)
        return {
            "image": torch.from_numpy(frame.cut(scene.image, SIDE)).permute(2, 0, 1),
            "boxed": torch.from_numpy(boxed)[None],
            "box": torch.from_numpy(jittered_box(boxed, rng)),
            "asked": torch.from_numpy(asked)[None],
            "point": torch.from_numpy(point),
            "second": torch.from_numpy(random_points(asked if second else ~asked, 1, rng)),
            "label": torch.tensor([1, int(second)]),
        }

    def batch(self, step: int) -> dict[str, Any]:
        examples = [self._example(step * self.size + i) for i in range(self.size)]
        return {name: torch.stack([example[name] for example in examples]) for name in examples[0]}

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        embeddings = module.image_encoder((batch["image"].float() - module.pixel_mean) / module.pixel_std)
        boxed, asked = batch["boxed"].float(), batch["asked"].float()
        encode = module.prompt_encoder
        from_box, box_iou = prompt_loss(
            *decode(module, embeddings, *encode(points=None, boxes=batch["box"], masks=None)), boxed
        )
        one = decode(
            module, embeddings, *encode(points=(batch["point"], batch["label"][:, :1]), boxes=None, masks=None)
        )
        from_point, point_iou = prompt_loss(*one, asked)
        few = slice(0, len(boxed) // 4)
        earlier = one[0][few, :1].detach().float() if torch.rand((), generator=generator) < 0.5 else None
        points = (torch.cat([batch["point"], batch["second"]], dim=1)[few], batch["label"][few])
        from_two, two_iou = prompt_loss(
            *decode(module, embeddings[few], *encode(points=points, boxes=None, masks=earlier)), asked[few]
        )
        figures = {
            "box_iou": box_iou.mean().item(),
            "point_iou": point_iou.mean().item(),
            "two_iou": two_iou.mean().item(),
        }
        return from_box + from_point + from_two / 4, figures

    def save(self, module: nn.Module, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(asdict(CONFIG), indent=2) + "\n")
        save_file(
            {name: value.to(torch.float16).contiguous() for name, value in module.state_dict().items()},
            folder / "model.safetensors",
        )
