"""Known faults, put into good pictures: what each guard is there to reject."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.generators.attribute.complexity import BAND
from editmill.generators.compositing.composite import compose
from editmill.generators.compositing.distance import distance_to
from editmill.generators.guards.boxes import box_of
from editmill.manifests.arrays import Mask, Picture

TILES = 5
# Pixels around the object that may be mixed with it.
RIM = 3


def shifted(layer: Picture, right: int, down: int) -> Mask:
    """Return a layer [H, W] or [H, W, C] moved by whole pixels; zeros come in."""
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return cv2.warpAffine(layer, matrix, (layer.shape[1], layer.shape[0]), flags=cv2.INTER_NEAREST)


def grown_object(image: Picture, alpha: Mask, pixels: int) -> Picture:
    """Return the picture with the object's rim carried on outwards by ``pixels``, as inpainting does that takes it for
    a part of something larger.
    """
    kept = alpha == 255
    distance, nearest = cv2.distanceTransformWithLabels(
        (~kept).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # Every kept pixel has a label of its own, by which the others name their nearest.
    colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    colours[nearest[kept]] = image[kept]
    # One more pixel: the ramp inside of the mask is not kept.
    return np.where(((distance > 0) & (distance <= pixels + 1))[..., None], colours[nearest], image)


def ringed(image: Picture, alpha: Mask, *, pixels: int = 2, strength: float = 0.9) -> Picture:
    """Return the picture with a line around the object, bright before dark surroundings and dark before bright ones."""
    distance = distance_to(alpha == 255)
    ring, around = (distance > 1) & (distance <= 1 + pixels), (distance > 0) & (distance <= 10)
    level = 255.0 if image[around].mean() < 128 else 0.0
    result = image.copy()
    result[ring] = np.rint((1 - strength) * image[ring] + strength * level).astype(np.uint8)
    return result


def second_copy(image: Picture, alpha: Mask) -> Picture | None:
    """Return the picture with the object once more, as far away as fits without touching.

    None where there is no room.
    """
    left, top, right, bottom = (int(edge) for edge in box_of(alpha > 0))
    width, height = right - left, bottom - top
    corners = [
        (x, y)
        for x in np.linspace(0, alpha.shape[1] - width, TILES).astype(int)
        for y in np.linspace(0, alpha.shape[0] - height, TILES).astype(int)
        if abs(x - left) >= width or abs(y - top) >= height
    ]
    if not corners:
        return None
    x, y = max(corners, key=lambda corner: (corner[0] - left) ** 2 + (corner[1] - top) ** 2)
    copy, kept = shifted(image, x - left, y - top), shifted(alpha, x - left, y - top) > 127
    return np.where(kept[..., None], copy, image)


def busier(image: Picture, alpha: Mask, rng: np.random.Generator, *, deviation: float = 15.0) -> Picture:
    """Return the picture with grey noise of the mid frequencies on its background."""
    height, width = alpha.shape
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    spectrum = np.fft.fft2(rng.standard_normal((height, width))) * ((radius >= BAND[0]) & (radius <= BAND[1]))
    noise = np.fft.ifft2(spectrum).real
    changed = np.rint((image + (noise * deviation / noise.std())[..., None]).clip(0, 255)).astype(np.uint8)
    return np.where((alpha == 0)[..., None], changed, image)


def simpler(image: Picture, alpha: Mask, *, deviation: float = 2.0) -> Picture:
    """Return the picture with a blurred background, into which neither the object nor its rim bleeds."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM + 1,) * 2)
    weight = (cv2.dilate(alpha, kernel) == 0).astype(np.float32)[..., None]
    blurred = cv2.GaussianBlur(np.dstack([image * weight, weight]), (0, 0), deviation)
    spread = np.rint((blurred[..., :3] / np.maximum(blurred[..., 3:], 1e-4)).clip(0, 255)).astype(np.uint8)
    return compose(image, np.where(blurred[..., 3:] > 1e-4, spread, image), alpha)


def noisy_background(image: Picture, alpha: Mask, rng: np.random.Generator) -> Picture:
    """Return the picture with white noise for a background."""
    return np.where((alpha == 0)[..., None], rng.integers(0, 256, image.shape, dtype=np.uint8), image)


def smeared(image: Picture, hole: Mask) -> Picture:
    """Return the picture with a hole (bool [H, W]) into which its surroundings are drawn (Telea 2004)."""
    return np.asarray(cv2.inpaint(image, hole.astype(np.uint8), 5, cv2.INPAINT_TELEA))


def one_level_off(image: Picture, alpha: Mask) -> Picture:
    """Return the picture with one byte of the object changed by one grey level."""
    row, column = np.argwhere(alpha == 255)[0]
    result = image.copy()
    # The lowest bit: one level up or down, and never out of range.
    result[row, column, 0] ^= 1
    return result
