"""A 64-bit perceptual hash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", section
3.2.1).
"""

from __future__ import annotations

import cv2
import numpy as np

from editmill.manifests.arrays import Picture

SIDE, KEPT = 32, 8


def perceptual_hash(image: Picture) -> int:
    """Return the signs of the 8 x 8 lowest frequencies of luma about their median, of a picture uint8 [H, W, 3] RGB.

    Below 2 ** 64.
    """
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(grey.astype(np.float32))[:KEPT, :KEPT].ravel()
    # The mean brightness is no content, so its term has no part in the median.
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hamming(first: int, second: int) -> int:
    """Return the number of bits in which two hashes differ."""
    return (first ^ second).bit_count()
