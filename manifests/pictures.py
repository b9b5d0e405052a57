"""Pixels of image files, the same for whoever reads them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from editmill.manifests.arrays import Picture


def upright_rgb(file: Path | io.BytesIO) -> Picture:
    """Decode an image file to uint8 [H, W, 3] RGB, upright as its EXIF orientation says.

    Raises:
        OSError, SyntaxError, ValueError, Image.DecompressionBombError: The file is missing, can't be decoded, or has no
            known range.
    """
    with Image.open(file) as image:
        return _to_rgb(ImageOps.exif_transpose(image))


def _to_rgb(image: Image.Image) -> Picture:
    """Return uint8 RGB of any picture whose range is known.

    Pillow itself clips 16-bit grey and floats, and drops transparency.
    """
    if image.mode.startswith("I"):
        # 65535 = 257 * 255: both ends of the 16-bit range meet those of the 8-bit one.
        return np.repeat(
            (np.asarray(image).astype(np.int64).clip(0, 65535) // 257).astype(np.uint8)[..., None], 3, axis=2
        )
    if image.mode == "F":
        raise ValueError("floating-point pictures have no fixed range; save it with 8 bits")
    # Palettes and single transparent colours are in the info, not in the mode.
    transparent = image.convert("RGBA") if "transparency" in image.info else image
    if transparent.mode in ("RGBA", "LA", "PA") and np.asarray(transparent.getchannel("A")).min() < 255:
        raise ValueError("the picture is partly transparent; save it on the background that it is meant to have")
    return np.asarray(image.convert("RGB"))
