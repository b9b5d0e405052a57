from __future__ import annotations

import cv2
import numpy as np

from editmill.generators.compositing.distance import distance_to


def test_equal_masks_have_equal_distances_wherever_they_lie_in_memory() -> None:
    mask = np.zeros((57, 57), np.uint8)
    cv2.circle(mask, (28, 28), 13, 255, -1)
    found, kept = set(), []
    for number in range(200):
        # Results of OpenCV then begin at other places.
        kept.append(np.zeros(1 + number * 7))
        found.add(distance_to(mask > 0).tobytes())
    assert len(found) == 1
    distance = distance_to(mask > 0)
    assert distance[28, 57 - 1] == 56 - 28 - 13
    assert distance[mask > 0].max() == 0
