"""A restyling that keeps shapes: colour and contrast shifted alike over the whole picture."""

from __future__ import annotations

import numpy as np

from editmill.manifests.arrays import Picture

# Rec. 601 luma.
LUMA = np.array([0.299, 0.587, 0.114])


def restyle(image: Picture, *, saturation: float, contrast: float, brightness: float) -> Picture:
    """Return a picture in another style, in place of the publication's style transfer.

    Args:
        image: Uint8 [H, W, 3] RGB.
        saturation: Factor of the distance of each colour from its grey.
        contrast: Factor of the distance of each level from mid-grey.
        brightness: Added grey levels.

    Returns:
        Uint8 [H, W, 3] RGB.
    """
    levels = image.astype(np.float64)
    grey = (levels @ LUMA)[..., None]
    shifted = (grey + saturation * (levels - grey) - 127.5) * contrast + 127.5 + brightness
    return shifted.round().clip(0, 255).astype(np.uint8)
