"""Colours of a generated fill brought to those of its surroundings, as what the model made of the surroundings
tells.
"""

from __future__ import annotations

import cv2
import numpy as np

from editmill.manifests.arrays import Feature, Mask, Picture

# In squared grey levels: the map stays near to identity where colours vary less than this.
RIDGE = 4.0


def match_palette(image: Picture, fill: Picture, distance: Mask, *, reach: float) -> Picture:
    """Return ``fill`` through the affine map of colours that best turns its surroundings into the picture's, by ridge
    regression.

    A model that gives white a tint gives it elsewhere too: one shift for all colours can't correct that, one map can.

    Args:
        image: Uint8 [H, W, 3] RGB.
        fill: What the model made of the whole frame, uint8 [H, W, 3] RGB.
        distance: From the hole in pixels, float32 [H, W]; 0 in the hole.
        reach: Standard deviation of the pixels' weights by distance.

    Returns:
        Float32 [H, W, 3].
    """
    # Nothing in the hole counts: the picture still shows the object there.
    weight = np.where(distance > 0, np.exp(-((distance / reach) ** 2) / 2), 0).ravel().astype(np.float64)
    weight /= weight.sum()
    made, true = fill.reshape(-1, 3).astype(np.float64), image.reshape(-1, 3).astype(np.float64)
    made_mean, true_mean = weight @ made, weight @ true
    made -= made_mean
    weighted = made.T * weight
    # On both sides, since it draws the map to identity and not to zero.
    ridge = RIDGE * np.eye(3)
    mapping = np.linalg.solve(weighted @ made + ridge, weighted @ (true - true_mean) + ridge)
    return (made @ mapping + true_mean).reshape(fill.shape).astype(np.float32)


def _spread(image: Picture, fill: Picture, ring: Mask, sigma: float) -> tuple[Mask, Mask]:
    """Return what the picture differs from the fill by in ``ring`` (float32 [H, W]), averaged by a Gaussian, and the
    weight of each average.
    """
    layers = np.dstack([(image.astype(np.float32) - fill) * ring[..., None], ring])
    # So wide a blur loses nothing on a smaller picture, and is much faster there.
    factor = max(1, int(sigma / 8))
    height, width = ring.shape
    small = (max(1, width // factor), max(1, height // factor))
    blurred = cv2.GaussianBlur(
        cv2.resize(layers, small, interpolation=cv2.INTER_AREA), (0, 0), sigma / factor, borderType=cv2.BORDER_REPLICATE
    )
    blurred = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    # Divided by the blurred weights, the average is one over the ring alone.
    return blurred[..., :3] / np.maximum(blurred[..., 3:], 1e-4), blurred[..., 3:]


def local_shift(image: Picture, fill: Picture, distance: Mask, *, depth: float, feather: float) -> Feature:
    """Return how far the surroundings differ from the fill, spread smoothly from a ring around the hole, float32 [H, W,
    3].

    It is as smooth as the hole is wide, so that a texture that doesn't line up at the seam leaves no stain.

    Args:
        image: The picture, [H, W, 3] in grey levels.
        fill: What the hole was filled with, the same.
        distance: As in ``match_palette``.
        depth: Of the hole in pixels.
        feather: Width of the seam in pixels.
    """
    ring = ((distance > 0) & (distance <= 3 * feather)).astype(np.float32)
    return _spread(image, fill, ring, max(depth, 2 * feather))[0]


def rim_shift(image: Picture, fill: Picture, distance: Mask, inside: Mask, *, feather: float) -> Picture:
    """Return how far the surroundings at the hole's rim differ from the fill, fading out within some pixels inside of
    the hole, float32 [H, W, 3].

    A shadow that reaches beyond the hole, or a line that does not go on in it, ends softly then instead of drawing the
    hole's outline.

    Args:
        image: As in ``local_shift``.
        fill: As in ``local_shift``.
        distance: As in ``local_shift``.
        inside: Distance from the hole's rim in the hole, in pixels, float32 [H, W]; 0 outside.
        feather: As in ``local_shift``.
    """
    ring = ((distance > 0) & (distance <= feather / 2)).astype(np.float32)
    difference, weight = _spread(image, fill, ring, 0.75 * feather)
    # Where no part of the ring is near, the quotient above is one of rounding errors.
    fading = np.where(weight > 1e-4, np.exp(-((inside / (1.25 * feather)) ** 2) / 2)[..., None], 0)
    return np.asarray(difference * fading, np.float32)
