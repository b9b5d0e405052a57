"""Views of scenes that recognisers learn from: whole frames, crops around an object, composites on other grounds, and
empty grounds.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.packs.tabletop.world import Scene
from editmill.packs.tabletop.world.captions import ground_phrase, scene_caption
from editmill.packs.tabletop.world.scene import object_box
from editmill.packs.tabletop.world.vocabulary import SIZES


def resize(image: Picture, side: int) -> Feature:
    """Resize to [side, side] with area averaging when shrinking."""
    shrinking = image.shape[0] >= side
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)


def crop_around(image: Picture, box: tuple[int, int, int, int], *, margin: float) -> Picture:
    """Return the square crop centred on ``box``, its side ``1 + 2 * margin`` times the longer side of the box,
    reflected beyond the frame.
    """
    left, top, right, bottom = box
    half = max(1, round(max(right - left, bottom - top) * (0.5 + margin)))
    x, y = (left + right) // 2, (top + bottom) // 2
    padded = (
        # OpenCV mirrors no further than a picture reaches.
        cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REFLECT_101)
        if half < min(image.shape[:2])
        else cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REPLICATE)
    )
    return padded[y : y + 2 * half, x : x + 2 * half]


def random_view(scene: Scene, rng: np.random.Generator, side: int, *, whole: float) -> tuple[Picture, int]:
    """Return a view uint8 [side, side, 3] and the index of the object it centres on, or -1 for the whole frame."""
    if rng.random() < whole:
        view, chosen = scene.image, -1
    else:
        chosen = int(rng.integers(len(scene.objects)))
        view = crop_around(scene.image, scene.boxes[chosen], margin=float(rng.uniform(0.05, 0.9)))
    view = resize(view, side)
    return (view[:, ::-1] if rng.random() < 0.5 else view), chosen


def _draw_placement(radius: float, rng: np.random.Generator) -> tuple[str, float, tuple[float, float]]:
    """Return a size's name, a radius of that size within 0.55 to 1.6 times ``radius``, and a centre inside the frame.

    Fractions of the frame.
    """
    # Sizes have gaps between them, so the new radius has to be one that a caption has a word for.
    reachable = [name for name, (low, high) in SIZES.items() if low < radius * 1.6 and high > radius * 0.55]
    size = reachable[int(rng.integers(len(reachable)))]
    low, high = SIZES[size]
    drawn = float(rng.uniform(max(low, radius * 0.55), min(high, radius * 1.6)))
    # As the world places its own objects.
    margin = drawn * 1.08 + 0.02
    return size, drawn, (float(rng.uniform(margin, 1 - margin)), float(rng.uniform(margin, 1 - margin)))


def _cut_edge(coverage: Mask, rng: np.random.Generator) -> Mask:
    """Return coverage float32 [S, S] with its edge as it is, hard, or ramped over one or two pixels inside the object,
    as editors cut it.
    """
    style = int(rng.integers(4))
    if style == 0:
        return coverage
    inside = (coverage > 0.5).astype(np.uint8)
    if style == 1:
        return inside.astype(np.float32)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray((depth / (style - 1)).clip(0, 1), np.float32)


def composite_view(scene: Scene, other: Scene, rng: np.random.Generator, *, turn: float = 0.0) -> Scene:
    """Return the main object of ``scene`` cut out and pasted without a shadow on the clean ground of ``other``,
    elsewhere and at another scale.

    Args:
        scene: Where the object comes from.
        other: Where the ground comes from; of the same size in pixels.
        rng: Draws place, scale and the kind of edge.
        turn: The object turns by up to this angle in radians, either way.

    Returns:
        A scene with one object, its new coverage and box, and ``other``'s clean ground.
    """
    item, side = scene.objects[0], scene.image.shape[0]
    size, radius, centre = _draw_placement(item.radius, rng)
    angle = float(rng.uniform(-turn, turn)) if turn else 0.0
    matrix = cv2.getRotationMatrix2D(
        (item.centre[0] * side, item.centre[1] * side), np.degrees(angle), radius / item.radius
    )
    matrix[:, 2] += (np.asarray(centre) - item.centre) * side
    coverage = cv2.warpAffine(scene.alphas[0], matrix, (side, side), flags=cv2.INTER_LINEAR).clip(0, 1)
    colours = cv2.warpAffine(scene.image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = _cut_edge(coverage, rng)
    image = np.rint(alpha[..., None] * colours + (1 - alpha[..., None]) * other.clean).astype(np.uint8)
    moved = replace(item, size=size, radius=radius, centre=centre, angle=(item.angle + angle) % (2 * np.pi))
    ground = ground_phrase(other.ground, rng)
    return Scene(
        image=image,
        clean=other.clean,
        alphas=(alpha,),
        boxes=(object_box(alpha),),
        objects=(moved,),
        ground=other.ground,
        caption=scene_caption([moved.phrase()], ground, rng),
        plain_caption=scene_caption([moved.phrase(attributes=())], ground, rng),
    )


def empty_view(scene: Scene) -> Scene:
    """Return the clean ground of ``scene``, with nothing on it."""
    return replace(scene, image=scene.clean, alphas=(), boxes=(), objects=())
