"""Other views of a picture, on which a stable guard gives the same verdict."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from editmill.manifests.arrays import Picture

KEPT = 0.9
QUALITY = 75


def flipped(image: Picture) -> Picture:
    """Return left and right exchanged; uint8 [H, W, 3] as all views."""
    # A copy, as torch takes no arrays that run backwards.
    return np.ascontiguousarray(image[:, ::-1])


def cropped(image: Picture) -> Picture:
    """Return the middle nine tenths of both sides."""
    height, width = image.shape[:2]
    rows, columns = round(height * KEPT), round(width * KEPT)
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(image[top : top + rows, left : left + columns])


def compressed(image: Picture) -> Picture:
    """Return the picture through JPEG of quality 75."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=QUALITY)
    with Image.open(buffer) as decoded:
        return np.asarray(decoded.convert("RGB"))


def other_views(crop: Picture) -> tuple[Picture, ...]:
    """Return the three views of what a judge looks at, uint8 [H, W, 3] RGB."""
    return flipped(crop), cropped(crop), compressed(crop)
