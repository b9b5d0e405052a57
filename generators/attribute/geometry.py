"""Placement of an object in the frame: one composed warp of scale, rotation and translation."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.loaded import Unusable
from editmill.generators.compositing.composite import object_share
from editmill.manifests.arrays import Feature, Mask, Picture

SUPERSAMPLING = 2
LEAST_VISIBLE = 0.8
# The search ends within the first; beyond the second, an object at the border is placed otherwise. The area guard
# allows 0.005.
AREA_TOLERANCE = 0.001
AREA_LIMIT = 0.004
AREA_ITERATIONS = 12


class GeometryError(Unusable):
    """A placement that can't be made."""


@dataclass(frozen=True)
class Outline:
    """An object's points and how it lies in its frame.

    Attributes:
        points: Float64 [n, 2], the (x, y) pixel indices on its contours.
        centre: (x, y) centroid of the mask.
        cuts: Indices of the points on the left, top, right and bottom border; empty where the object does not meet it.
        width, height: Of the frame in pixels.
    """

    points: Feature
    centre: Feature
    cuts: tuple[Feature, Feature, Feature, Feature]
    width: int
    height: int


def outline(mask: Mask) -> Outline:
    """Measure the object in ``mask`` (uint8 [H, W], 255 on the object)."""
    inside = (mask > 127).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = np.concatenate([contour[:, 0, :] for contour in contours]).astype(np.float64)
    rows, columns = np.nonzero(inside)
    height, width = mask.shape
    x, y = points[:, 0], points[:, 1]
    cuts = tuple(np.flatnonzero(near) for near in (x <= 1, y <= 1, x >= width - 2, y >= height - 2))
    return Outline(points, np.array([columns.mean(), rows.mean()]), (cuts[0], cuts[1], cuts[2], cuts[3]), width, height)


def linear_part(scale: float, angle: float) -> Feature:
    """Return scale and rotation, float64 [2, 2]; ``angle`` in degrees, counter-clockwise as the picture is seen."""
    theta = np.deg2rad(angle)
    # Rows count downwards, which swaps the signs of the sines.
    return scale * np.array([[np.cos(theta), np.sin(theta)], [-np.sin(theta), np.cos(theta)]])


def place(
    shape: Outline,
    scale: float,
    *,
    angle: float = 0.0,
    position: tuple[float, float] | None = None,
    hide_cuts: bool = True,
) -> Feature:
    """Return the matrix float64 [2, 3] that maps source pixel indices to output pixel indices.

    The object turns about its own centroid and keeps its centroid's place, or goes to ``position``: the fractions (x,
    y) of the free room left and above of it. An object that the frame cuts off stays at that border: with ``hide_cuts``
    so far out that its cut can't be seen, else just touching it. Of two opposite cuts only the longer one can be kept
    at its border.

    Raises:
        GeometryError: The object does not fit into the frame.
    """
    linear = linear_part(scale, angle)
    reach = (shape.points - shape.centre) @ linear.T
    # Points are the centres of pixels; half an enlarged pixel lies beyond them on either side.
    low, high = reach.min(axis=0) - 0.5 * scale, reach.max(axis=0) + 0.5 * scale
    target = np.empty(2)
    for axis, length in enumerate((shape.width, shape.height)):
        room = length - (high[axis] - low[axis])
        if room < -1:
            raise GeometryError(
                AttributeReason.OBJECT_OUT_OF_FRAME, f"the object needs {high[axis] - low[axis]:.0f} of {length} pixels"
            )
        # The frame begins half a pixel before the centre of its first pixel.
        lowest = -0.5 - low[axis]
        before, after = shape.cuts[axis], shape.cuts[axis + 2]
        if (before.size or after.size) and hide_cuts:
            target[axis] = _at_border(reach[:, axis], before, after, length, 0.5 * scale)
        elif before.size or after.size:
            target[axis] = lowest + (0.0 if before.size >= after.size else room)
        elif position is not None:
            target[axis] = lowest + position[axis] * max(room, 0.0)
        else:
            target[axis] = np.clip(shape.centre[axis], lowest, lowest + max(room, 0.0))
    return np.hstack([linear, (target - linear @ shape.centre)[:, None]])


def _at_border(reach: Feature, before: Feature, after: Feature, length: int, margin: float) -> float:
    """Return where the centroid lies when the longer cut is wholly on or beyond its border."""
    if before.size >= after.size:
        return float(-0.5 - (reach[before].max() - margin))
    return float(length - 0.5 - (reach[after].min() + margin))


def full_frame(shape: Outline) -> tuple[float, Picture]:
    """Return scale and matrix that enlarge the object until its box meets the frame; the window stays in the source."""
    # Edges of pixels from here on: pixel i covers i to i + 1.
    low, high = shape.points.min(axis=0), shape.points.max(axis=0) + 1
    size = np.array([shape.width, shape.height], float)
    scale = float((size / (high - low)).min())
    window = size / scale
    corner = np.clip((low + high) / 2 - window / 2, 0, size - window)
    # And back to centres, half a pixel from the edges on both sides.
    offset = 0.5 * scale - 0.5 - scale * corner
    return scale, np.hstack([np.eye(2) * scale, offset[:, None]])


def warp(image: Picture, matrix: Feature, size: tuple[int, int], *, border: int = cv2.BORDER_CONSTANT) -> Mask:
    """Warp ``image`` (float32 [H, W] or [H, W, C]) to ``size`` (width, height), antialiased by area averaging when it
    shrinks.

    ``border`` says what lies beyond the image: zeros, or with ``cv2.BORDER_REPLICATE`` its outermost pixels.
    """
    image, matrix = _shrunk(image, matrix)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    factor = 1 if scale >= 1 else SUPERSAMPLING
    fine = matrix * factor
    # Pixel i of the frame is centred on factor * i + (factor - 1) / 2 of the finer one.
    fine[:, 2] += (factor - 1) / 2
    interpolation = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    warped = cv2.warpAffine(image, fine, (size[0] * factor, size[1] * factor), flags=interpolation, borderMode=border)
    return warped if factor == 1 else cv2.resize(warped, size, interpolation=cv2.INTER_AREA)


def _shrunk(image: Picture, matrix: Feature) -> tuple[Feature, Feature]:
    """Shrink by whole factors first, as far as the warp shrinks at all, so that a small supersampling is enough
    afterwards.
    """
    # The small addend keeps an exact half or third from being cut to the factor below.
    factor = int(1 / float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))) + 1e-6)
    if factor < 2:
        return image, matrix
    height, width = image.shape[:2]
    small = (max(1, width // factor), max(1, height // factor))
    ratio = np.array([width / small[0], height / small[1]])
    linear = matrix[:, :2] * ratio
    # Pixel i of the small image is centred on ratio * (i + 1/2) - 1/2 of the large one.
    offset = matrix[:, :2] @ (0.5 * ratio - 0.5) + matrix[:, 2]
    return cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.hstack([linear, offset[:, None]])


def warp_object(image: Picture, mask: Mask, matrix: Feature) -> tuple[Picture, Mask]:
    """Warp an object with premultiplied colours, so that its surroundings don't bleed in.

    Args:
        image: Uint8 [H, W, 3] RGB.
        mask: Uint8 [H, W], 255 on the object.
        matrix: Float64 [2, 3].

    Returns:
        Colours uint8 [H, W, 3] RGB and coverage float32 [H, W] in [0, 1].
    """
    size = (mask.shape[1], mask.shape[0])
    weight = mask.astype(np.float32) / 255
    layers = np.dstack([image.astype(np.float32) * weight[..., None], weight])
    warped = warp(layers, matrix, size)
    # Cubic interpolation overshoots at edges.
    coverage = warped[..., 3].clip(0, 1)
    colours = warped[..., :3] / np.maximum(warped[..., 3:], 1e-4)
    return np.rint(colours.clip(0, 255)).astype(np.uint8), coverage


def scale_for_share(
    mask: Mask, shape: Outline, share: float, *, angle: float = 0.0, position: tuple[float, float] | None = None
) -> tuple[float, Feature]:
    """Return scale and matrix that bring the object's share of the frame nearest to ``share``, by measuring the warped
    and matted object.

    In small frames the share moves by whole rows of pixels, so it may miss by some thousandths. Hiding the cut of a
    turned object may hide much of it; where less than four fifths stay visible, or no scale gives the share, the object
    just touches the border instead.

    Raises:
        GeometryError: The object does not fit into the frame at that share.
    """
    try:
        error, scale, matrix = _search_scale(mask, shape, share, angle=angle, position=position, hide_cuts=True)
    except GeometryError:
        if not any(cut.size for cut in shape.cuts):
            raise
        # Not a placement: the infinite error asks for one at the border below.
        error, scale, matrix = np.inf, 1.0, np.eye(2, 3)
    if any(cut.size for cut in shape.cuts) and (
        error > AREA_LIMIT or visible_share(mask, scale, matrix) < LEAST_VISIBLE
    ):
        _, scale, matrix = _search_scale(mask, shape, share, angle=angle, position=position, hide_cuts=False)
    return scale, matrix


def visible_share(mask: Mask, scale: float, matrix: Feature) -> float:
    """Return how much of the object the frame shows after the warp, in [0, 1] up to rounding."""
    weight = mask.astype(np.float32) / 255
    return float(warp(weight, matrix, (mask.shape[1], mask.shape[0])).clip(0, 1).sum() / (weight.sum() * scale**2))


def _search_scale(
    mask: Mask, shape: Outline, share: float, *, angle: float, position: tuple[float, float] | None, hide_cuts: bool
) -> tuple[float, float, Feature]:
    """Return the smallest error of the share that the search met, with its scale and matrix."""
    size = (mask.shape[1], mask.shape[0])
    weight = mask.astype(np.float32) / 255
    # Areas grow with the square of the scale.
    scale = float(np.sqrt(share / max(object_share(weight), 1e-6)))
    best = (np.inf, scale, np.empty((2, 3)))
    low, high = 0.0, np.inf
    for _ in range(AREA_ITERATIONS):
        try:
            matrix = place(shape, scale, angle=angle, position=position, hide_cuts=hide_cuts)
        except GeometryError:
            # An object that has outgrown the frame ends the search; what was found before still counts.
            if not np.isfinite(best[0]):
                raise
            break
        realised = object_share(warp(weight, matrix, size).clip(0, 1))
        best = min(best, (abs(realised - share), scale, matrix), key=lambda found: found[0])
        if best[0] <= AREA_TOLERANCE:
            break
        low, high = (scale, high) if realised < share else (low, scale)
        # At most doubled at once, for objects of which hardly anything was left.
        scale *= float(np.sqrt(share / max(realised, share / 4)))
        if not low < scale < high:
            # Where the share jumps, plain steps leave the bracket and alternate; halve it instead.
            scale = float(np.sqrt(low * high)) if low > 0 and np.isfinite(high) else scale
    return best
