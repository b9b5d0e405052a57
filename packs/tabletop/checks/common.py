"""Held-out scenes and small measures that several checks share."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor

from editmill.generators.guards.looking import object_crop
from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.packs.tabletop.world import Scene, make_scene

FIRST_SCENE = 500_000


def held_out(*, objects: int | None = 1) -> Iterator[Scene]:
    """Yield held-out scenes that neither training nor recipes use, in order.

    Only those with ``objects`` objects, or all.
    """
    index = FIRST_SCENE
    while True:
        scene = make_scene("heldout", index)
        if objects is None or len(scene.objects) == objects:
            yield scene
        index += 1


def main_mask(scene: Scene) -> Mask:
    """Return the main object's mask, uint8 [H, W] of 0 and 255."""
    return np.where(scene.alphas[0] > 0.5, 255, 0).astype(np.uint8)


def crop_of(scene: Scene) -> Picture:
    """Return the crop around the main object that the label guard looks at, uint8 RGB."""
    return object_crop(scene.image, main_mask(scene))


def to_picture(pixels: Tensor) -> Picture:
    """Return float [1, 3, H, W] in [-1, 1] to uint8 [H, W, 3] RGB."""
    return ((pixels[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()


def psnr(first: Picture, second: Picture) -> float:
    """Return the peak signal-to-noise ratio in dB of two uint8 pictures."""
    error = float(np.mean((first.astype(np.float64) - second) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-10)))


def edge_f1(found: Feature, wanted: Feature, *, tolerance: int = 2) -> float:
    """Return F1 of two edge maps, bool [H, W].

    An edge pixel counts as matched within ``tolerance`` pixels of the other map.
    """
    if not found.any() or not wanted.any():
        return float(found.any() == wanted.any())
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * tolerance + 1,) * 2)
    near_wanted, near_found = (cv2.dilate(edges.astype(np.uint8), kernel) > 0 for edges in (wanted, found))
    precision, recall = float(near_wanted[found].mean()), float(near_found[wanted].mean())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def share(flags: list[bool]) -> float:
    """Return the share of true flags."""
    return float(np.mean(flags))
