"""What arrays hold, by name; shapes, dtypes and ranges are in the docstrings of what takes and gives them."""

from __future__ import annotations

import numpy as np

# Pixels [H, W, 3] RGB or [H, W] grey: uint8 in [0, 255], or float where a docstring says so.
Picture = np.ndarray
# One value per pixel [H, W]: uint8 of 0 and 255, a coverage in [0, 1], or bool.
Mask = np.ndarray
# Any other numbers: feature vectors, latents, matrices, scores per item.
Feature = np.ndarray
