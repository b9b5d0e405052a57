"""Measures of plain sanity: a picture is neither constant, nor holed, nor noise, unless what it was made from is."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from editmill.manifests.arrays import Feature, Mask, Picture

# Rec. 601.
LUMA = (0.299, 0.587, 0.114)
# In grey levels: neighbours that differ by less are grain.
GRAIN = 12.0
# What is flatter, or has neighbours less alike, is no fault of a picture that should be so.
FLAT, ALIKE = 2.0, 0.4
# As grainy as it should be is a picture with up to so many times the expected grain; noise is one with more than that.
AS_GRAINY, NOISY = 2.0, 4.0


def sanity_scores(
    image: Picture, where: Mask, *, expected: Picture | None, known: Mask | None = None
) -> dict[str, float]:
    """Return the scores of a picture, uint8 [H, W, 3] RGB.

    Args:
        image: The picture.
        where: Bool [H, W], where neighbours are compared.
        expected: What it should look like, but for what was generated, uint8 [H', W', 3] RGB; None where nobody knows,
            so that nothing is newly black.
        known: Bool [H', W'], where its neighbours are compared; None for ``where``, or all of it if its size differs.

    Returns:
        ``contrast``, the standard deviation of all bytes; ``black_share``, the share of newly black pixels; and
        ``correlation``, see ``neighbour_correlation``. Where the expected picture's contrast is below ``FLAT``, the
        score is ``FLAT`` times their quotient; where its correlation is below ``ALIKE``, what it lacks is added, unless
        the picture is noisier; and a picture that is only as grainy as expected has at least ``ALIKE``, since sand or
        leaves have little else where a smaller part of them shows.
    """
    contrast, correlation = _contrast(image), neighbour_correlation(image, where)
    if expected is None:
        return {"contrast": contrast, "black_share": 0.0, "correlation": correlation}
    if known is None:
        known = where if expected.shape == image.shape else np.ones(expected.shape[:2], bool)
    flat, grain = _contrast(expected), _grain(expected, known)
    lacking = max(0.0, ALIKE - neighbour_correlation(expected, known))
    correlation += lacking if _grain(image, where) <= NOISY * grain else 0.0
    return {
        "contrast": contrast * FLAT / flat if 0 < flat < FLAT else contrast,
        "black_share": max(0.0, black_share(image) - black_share(expected)),
        "correlation": max(correlation, ALIKE) if _grain(image, where) <= AS_GRAINY * grain else correlation,
    }


def surroundings(image: Picture, mask: Mask) -> Picture:
    """Return a picture whose object (``mask`` uint8 [H, W], 255 on it) is filled with the nearest pixels around it."""
    inside = mask > 0
    if inside.all():
        return image
    nearest = distance_transform_edt(inside, return_distances=False, return_indices=True)
    return np.asarray(image[tuple(nearest)])


def _contrast(image: Picture) -> float:
    return float(image.astype(np.float32).std())


def black_share(image: Picture) -> float:
    """Return the share of black pixels."""
    return float((image.max(axis=-1) <= 3).mean())


def neighbour_correlation(image: Picture, where: Mask) -> float:
    """Return the correlation of horizontal and vertical neighbours in luma, both in ``where`` (bool [H, W]).

    White noise has 0, stipple less, and the tabletop grounds have 0.79 and more. Faint grain on an even ground may have
    any, so it counts as 1.
    """
    # Half the mean square of the difference over the variance is 1 less the correlation.
    grain = _grain(image, where)
    return 1 - grain / max(float(_luma(image)[where].var()), 1e-6) if grain > GRAIN**2 else 1.0


def _grain(image: Picture, where: Mask) -> float:
    """Return half the mean square of the differences of neighbours."""
    luma = _luma(image)
    rows = (luma[1:] - luma[:-1])[where[1:] & where[:-1]]
    columns = (luma[:, 1:] - luma[:, :-1])[where[:, 1:] & where[:, :-1]]
    return float(np.square(np.concatenate([rows, columns])).mean() / 2) if rows.size + columns.size else 0.0


def _luma(image: Picture) -> Feature:
    return np.asarray(image.astype(np.float32) @ np.array(LUMA, np.float32))
