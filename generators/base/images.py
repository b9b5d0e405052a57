"""Pictures as bytes, and back."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from editmill.manifests.arrays import Picture
from editmill.manifests.stages import stage

# For lossless WebP, quality is only the effort. Subsampling 0 keeps the colours of JPEG at full resolution.
OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"format": "PNG", "compress_level": 6},
    "webp": {"format": "WEBP", "lossless": True, "quality": 60, "exact": True},
    "jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
}
# Bytes of these kinds give back what was encoded, to the last bit.
LOSSLESS = frozenset({"png", "webp"})


@stage("encode")
def encode_image(image: Picture, kind: str) -> bytes:
    """Encode uint8 [H, W, 3] RGB or [H, W] grey without metadata."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, **OPTIONS[kind])
    return buffer.getvalue()


def decode_image(data: bytes) -> Picture:
    """Decode to uint8 [H, W, 3] RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
