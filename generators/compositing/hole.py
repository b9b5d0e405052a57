"""The hole that a removal fills: what the mask marks, the gaps in it, its rim, and the shadow that the object casts."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes

from editmill.generators.compositing.defaults import DILATION
from editmill.generators.compositing.distance import distance_to
from editmill.manifests.arrays import Feature, Mask, Picture

MARGIN = 2
# Pixels around a hole that are looked at in any case.
LEAST_CONTEXT = 12
# Shadows are looked for in a picture whose object's box is at most this long; they are large and soft.
SHADOW_SIDE = 128
# How far around the box, as a share of its longer side.
SHADOW_REACH = 0.6
# The part of the object, from below, that a shadow has to touch.
FOOT = 0.35
# A shadow lets between these shares of the light through, of each colour nearly as much.
DARKEST, LIGHTEST = 0.2, 0.75
TINT = 0.3
# Largest and least shadow, as shares of the object; and how even the ground has to be, in natural logarithms of light.
LARGEST_SHADOW, LEAST_SHADOW = 0.6, 0.01
UNEVEN = 0.45


@dataclass(frozen=True)
class HoleRule:
    """How a mask becomes a hole.

    Attributes:
        dilation: By how much of the longer side of its box the mask grows.
        margin: By how many pixels it grows beyond that.
        closing: Gaps of the mask up to twice this share of the longer side are closed, and holes in it filled; 0 for
            none.
        shadows: Whether a cast shadow belongs to the hole.
    """

    dilation: float = DILATION
    margin: int = MARGIN
    closing: float = 0.0
    shadows: bool = False

    def hole(self, image: Picture, mask: Mask) -> Mask:
        """Return the region to fill, bool [H, W].

        Args:
            image: The photograph, uint8 [H, W, 3] RGB.
            mask: Its object, uint8 [H, W]; anything above 0 counts.
        """
        inside = mask > 0
        longer = longer_side(inside)
        whole = closed(inside, round(longer * self.closing)) if self.closing else inside
        if self.shadows:
            whole = whole | cast_shadow(image, whole)
        return grown(whole, round(longer * self.dilation) + self.margin)


PLAIN = HoleRule()


def longer_side(mask: Mask) -> int:
    """Return the pixels of the longer side of a mask's box, bool [H, W]."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(max(rows[-1] - rows[0], columns[-1] - columns[0])) + 1


def search_window(hole: Mask, context: float) -> tuple[slice, slice]:
    """Return the rows and columns of a hole's box, grown by ``context`` of its longer side and cut at the frame."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    grow = round(context * longer_side(hole)) + LEAST_CONTEXT
    return (
        slice(max(0, int(rows[0]) - grow), int(rows[-1]) + 1 + grow),
        slice(max(0, int(columns[0]) - grow), int(columns[-1]) + 1 + grow),
    )


def grown(mask: Mask, radius: float) -> Mask:
    """Return a mask, bool [H, W], with all that lies within ``radius`` of it."""
    return distance_to(mask) <= radius


def closed(mask: Mask, radius: int) -> Mask:
    """Return a mask, bool [H, W], without gaps of up to twice ``radius`` and without holes.

    Beyond the frame the mask goes on as at the frame, so that gaps at the border close as well.
    """
    padded = np.pad(mask, radius + 1, mode="edge")
    shut = distance_to(~grown(padded, radius)) > radius
    inner = slice(radius + 1, -radius - 1)
    return np.asarray(binary_fill_holes(mask | shut[inner, inner]))


def cast_shadow(image: Picture, mask: Mask) -> Mask:
    """Return the shadow that an object casts on even ground, bool [H, W]; nothing where there is any doubt.

    A shadow is darker than the ground around it, of nearly its colour, and touches the object's foot.

    Args:
        image: Uint8 [H, W, 3] RGB.
        mask: The object, bool [H, W].
    """
    height, width = mask.shape
    longer = longer_side(mask)
    scale = min(1.0, SHADOW_SIDE / longer)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
    picture = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    found = _small_shadow(np.log(picture.astype(np.float32) + 4), small)
    return cv2.resize(found.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0


def _small_shadow(light: Feature, mask: Mask) -> Mask:
    """Return the shadow in a small picture; ``light`` is the logarithm of its colours, float32 [H, W, 3]."""
    nothing = np.zeros_like(mask)
    rows = np.flatnonzero(mask.any(axis=1))
    longer, distance = longer_side(mask), distance_to(mask)
    foot = rows[-1] - FOOT * (rows[-1] - rows[0] + 1)
    # Ground is what lies beside and below the foot.
    near = (distance > 2) & (distance <= SHADOW_REACH * longer) & (np.arange(len(mask))[:, None] >= foot)
    if near.sum() < 50:
        return nothing
    ground = np.median(light[near], axis=0)
    # 1.48 times the median of what is left is the deviation, whatever a few dark pixels are.
    if 1.48 * np.median(np.abs(light[near] - ground).mean(axis=-1)) > UNEVEN / 2:
        return nothing
    darker = light - ground
    mean = darker.mean(axis=-1)
    dark = (mean > np.log(DARKEST)) & (mean < np.log(LIGHTEST)) & (np.abs(darker - mean[..., None]).max(axis=-1) < TINT)
    dark = cv2.morphologyEx((dark & near).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, parts = cv2.connectedComponents(dark)
    touching = np.unique(parts[(distance <= 5) & (parts > 0)])
    shadow = np.isin(parts, touching[touching > 0])
    # What reaches the edge of where it is looked for is ground of its own.
    edge = near & (distance > SHADOW_REACH * longer - 1.5)
    share = float(shadow.sum() / mask.sum())
    return shadow if LEAST_SHADOW <= share <= LARGEST_SHADOW and not (shadow & edge).any() else nothing
