"""Random images of differing sizes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def make_images(count: int, *, seed: int = 0) -> list[npt.NDArray[np.uint8]]:
    """Make RGB images, uint8 HWC, of sizes from 40 to 79 pixels."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(40, 80, size=(count, 2))
    return [rng.integers(0, 256, size=(*size, 3), dtype=np.uint8) for size in sizes]
