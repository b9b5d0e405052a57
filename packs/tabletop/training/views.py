"""Views of scenes that recognisers learn from: the whole frame, or a crop around one object."""

from __future__ import annotations

import cv2
import numpy as np

from packs.tabletop.world import Scene

Array = np.ndarray


def resize(image: Array, side: int) -> Array:
    """Resize to [side, side] with area averaging when shrinking."""
    shrinking = image.shape[0] >= side
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)


def crop_around(image: Array, box: tuple[int, int, int, int], *, margin: float) -> Array:
    """The square crop centred on ``box``, its side ``1 + 2 * margin`` times the longer side of the box, reflected beyond the frame."""
    left, top, right, bottom = box
    half = max(1, round(max(right - left, bottom - top) * (0.5 + margin)))
    x, y = (left + right) // 2, (top + bottom) // 2
    padded = cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REFLECT_101) if half < min(image.shape[:2]) else cv2.copyMakeBorder(
        image, half, half, half, half, cv2.BORDER_REPLICATE
    )
    return padded[y : y + 2 * half, x : x + 2 * half]


def random_view(scene: Scene, rng: np.random.Generator, side: int, *, whole: float) -> tuple[Array, int]:
    """A view uint8 [side, side, 3] and the index of the object it centres on, or -1 for the whole frame."""
    if rng.random() < whole:
        view, chosen = scene.image, -1
    else:
        chosen = int(rng.integers(len(scene.objects)))
        view = crop_around(scene.image, scene.boxes[chosen], margin=float(rng.uniform(0.05, 0.9)))
    view = resize(view, side)
    return (view[:, ::-1] if rng.random() < 0.5 else view), chosen
