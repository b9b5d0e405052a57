"""Pictures with texture, on which marks hold."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.manifests.arrays import Picture


def textured(seed: int, *, height: int = 256, width: int = 256) -> Picture:
    """Noise at several scales, more in brightness than in colour, uint8 [H, W, 3] RGB."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128.0)
    for cells in (4, 16, 64, 128):
        for channels, spread in ((1, 16), (3, 6)):
            noise = cv2.resize(
                rng.normal(0, spread, (cells, cells, channels)), (width, height), interpolation=cv2.INTER_CUBIC
            )
            picture += noise.reshape(height, width, channels)
    return picture.clip(0, 255).astype(np.uint8)
