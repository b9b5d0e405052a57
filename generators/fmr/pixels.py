"""Between float tensors, the uint8 pictures that are stored, and the bytes that guards judge."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from editmill.manifests.arrays import Picture

LEVELS = 255


def to_tensor(images: list[Picture], device: torch.device) -> Tensor:
    """Convert uint8 [H, W, 3] RGB each, of one size, to float32 [n, 3, H, W] in [-1, 1]."""
    stacked = torch.from_numpy(np.stack(images)).to(device)
    return stacked.permute(0, 3, 1, 2).float() / LEVELS * 2 - 1


def stored_levels(pictures: Tensor) -> Tensor:
    """Convert float [n, 3, H, W] in about [-1, 1] to the grey levels that are stored: float32 in {0, …, 255}.

    Rounding is straight-through: the value is the stored one, the gradient that of the clamped picture, so that the
    loss which is climbed and recorded is that of the stored picture. Attacks that are scored before quantisation partly
    vanish with it.
    """
    levels = (pictures.float() + 1).mul(LEVELS / 2).clamp(0, LEVELS)
    return levels + (levels.round() - levels).detach()


def to_images(levels: Tensor) -> list[Picture]:
    """Convert grey levels [n, 3, H, W] in {0, …, 255} to uint8 [H, W, 3] RGB each."""
    # Rounded again: the straight-through sum may miss a whole number by its last bit.
    return list(levels.detach().round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy())


def png_round_trip(image: Picture) -> Picture:
    """Return uint8 [H, W, 3] RGB through the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    with Image.open(buffer) as decoded:
        return np.asarray(decoded.convert("RGB"))
