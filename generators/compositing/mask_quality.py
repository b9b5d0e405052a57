"""Whether a mask leaves out parts of its object: measured on the photograph, without weights."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.generators.compositing.defaults import CLOSING
from editmill.generators.compositing.distance import distance_to
from editmill.generators.compositing.fill_quality import colour_codes, histogram, lab_of
from editmill.generators.compositing.hole import closed, longer_side
from editmill.manifests.arrays import Mask, Picture

# The object is measured at up to this many pixels of its longer side, beside it as far as this share of that side, and
# not this near to the mask's outline, where colours are mixed.
SIDE, BESIDE, OUTLINE = 256, 0.1, 2.0
# How much likelier a colour is on the object than far from it, to count as the object's.
LIKELIER = 6.0


def mask_scores(image: Picture, mask: Mask) -> dict[str, float]:
    """Return what has the object's colours in the gaps of its mask and beside it, as shares of the mask.

    Nothing where the mask is empty, or leaves nothing to compare with.

    Args:
        image: Uint8 [H, W, 3] RGB.
        mask: Uint8 [H, W], 255 on the object.
    """
    own = mask > 127
    if not own.any():
        return {}
    scale = min(1.0, SIDE / longer_side(own))
    size = (max(1, round(own.shape[1] * scale)), max(1, round(own.shape[0] * scale)))
    own = cv2.resize(own.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    colours = colour_codes(lab_of(cv2.resize(image, size, interpolation=cv2.INTER_AREA)))
    if not own.any():
        return {}
    longer, distance = longer_side(own), distance_to(own)
    whole = closed(own, round(longer * CLOSING))
    far, deep = (distance > BESIDE * longer) & ~whole, distance_to(~own) > OUTLINE
    if not far.any() or not deep.any():
        return {}
    telling = (histogram(colours[deep]) > LIKELIER * histogram(colours[far]))[colours] & (distance > OUTLINE)
    beside = ~whole & (distance <= BESIDE * longer)
    return {
        "mask_gaps": float((telling & whole).sum() / own.sum()),
        "mask_missed": float((telling & beside).sum() / own.sum()),
    }
