"""Delivery of an attacked picture: what a site would do to it before anybody reads the mark."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from editmill.generators.watermark.settings import AttackSettings
from editmill.manifests.arrays import Picture


def deliver(image: Picture, attack: AttackSettings) -> Picture:
    """Return the picture, uint8 [H, W, 3] RGB, as it comes out of the attack's codec."""
    # Lossless, and the picture is stored as one anyway.
    if attack.codec == "png":
        return image
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, attack.codec.upper(), quality=attack.quality)
    with Image.open(buffer) as delivered:
        return np.asarray(delivered.convert("RGB"))
