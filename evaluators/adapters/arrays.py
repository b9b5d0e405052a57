"""Names of the arrays that evaluators work on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
# RGB, uint8 [height, width, 3].
Image = npt.NDArray[np.uint8]
# Of any and differing sizes.
Images = list[Image]
