"""How far a picture is from another: PSNR and SSIM."""

from __future__ import annotations

import math

import cv2
import numpy as np

from editmill.manifests.arrays import Picture

# Wang et al. 2004 (IEEE TIP 13:4), section III-B: window of 11 pixels with a standard deviation of 1.5.
WINDOW, SIGMA = (11, 11), 1.5
# Pixels at each edge whose windows would reach beyond the picture.
RIM = WINDOW[0] // 2
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


# What equal pictures get, so that means stay finite.
EQUAL_PSNR = 100.0


def psnr(first: Picture, second: Picture) -> float:
    """Return the peak signal-to-noise ratio in dB of two pictures uint8 [H, W, 3], at most ``EQUAL_PSNR``."""
    error = float(np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2))
    return min(EQUAL_PSNR, 10 * math.log10(255**2 / error)) if error else EQUAL_PSNR


def ssim(first: Picture, second: Picture) -> float:
    """Return the structural similarity, at most 1, of two pictures uint8 [H, W, 3], at least 11 pixels on a side.

    It is the mean over channels and over pixels whose whole window lies in the picture (Wang et al. 2004), as
    scikit-image computes it.
    """
    # In float64: variances are small differences of large squares.
    x, y = first.astype(np.float64), second.astype(np.float64)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y, cov = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2, _blur(x * y) - mean_x * mean_y
    values = ((2 * mean_x * mean_y + C1) * (2 * cov + C2)) / ((mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2))
    return float(values[RIM:-RIM, RIM:-RIM].mean())


def _blur(values: Picture) -> Picture:
    return cv2.GaussianBlur(values, WINDOW, SIGMA)
