"""Pictures with texture of several scales, as photographs have it."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.manifests.arrays import Mask, Picture

HEIGHT, WIDTH = 160, 200


def meadow() -> Picture:
    """Grass of several scales: noise of octaves, green."""
    rng, total = np.random.default_rng(4), np.zeros((HEIGHT, WIDTH), np.float32)
    for scale in (1, 2, 4, 8, 16):
        small = rng.standard_normal((HEIGHT // scale + 1, WIDTH // scale + 1)).astype(np.float32)
        total += cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) * 12
    return np.clip(total[..., None] + np.array([90, 130, 60]), 0, 255).astype(np.uint8)


def with_ball(ground: Picture, *, x: int = 100) -> tuple[Picture, Mask]:
    """A red and white striped ball on a ground, and its mask, uint8 [H, W]."""
    mask, image = np.zeros((HEIGHT, WIDTH), np.uint8), ground.copy()
    cv2.circle(mask, (x, 85), 26, 255, -1)
    stripes = np.where((np.arange(WIDTH) // 6 % 2 == 0)[None, :, None], (210, 30, 30), (240, 240, 240))
    return np.where((mask > 0)[..., None], stripes, image).astype(np.uint8), mask
