"""Measures of plain sanity: a picture is neither constant, nor holed, nor noise."""

from __future__ import annotations

import numpy as np

from editmill.manifests.arrays import Mask, Picture

# Rec. 601.
LUMA = (0.299, 0.587, 0.114)
# In grey levels: neighbours that differ by less are grain.
GRAIN = 12.0


def sanity_scores(image: Picture, where: Mask, *, black: float) -> dict[str, float]:
    """Return the scores of a picture, uint8 [H, W, 3] RGB.

    Args:
        image: The picture.
        where: Bool [H, W], where neighbours are compared.
        black: Share of black pixels that it may have without any being new.

    Returns:
        ``contrast``, the standard deviation of all bytes; ``black_share``, the share of newly black pixels; and
        ``correlation``, see ``neighbour_correlation``.
    """
    return {
        "contrast": float(image.astype(np.float32).std()),
        "black_share": max(0.0, black_share(image) - black),
        "correlation": neighbour_correlation(image, where),
    }


def black_share(image: Picture) -> float:
    """Return the share of black pixels."""
    return float((image.max(axis=-1) <= 3).mean())


def neighbour_correlation(image: Picture, where: Mask) -> float:
    """Return the correlation of horizontal and vertical neighbours in luma, both in ``where`` (bool [H, W]).

    White noise has 0, stipple less, and the tabletop grounds have 0.79 and more. Faint grain on an even ground may have
    any, so it counts as 1.
    """
    luma = image.astype(np.float32) @ np.array(LUMA, np.float32)
    rows = (luma[1:] - luma[:-1])[where[1:] & where[:-1]]
    columns = (luma[:, 1:] - luma[:, :-1])[where[:, 1:] & where[:, :-1]]
    # Half the mean square of the difference over the variance is 1 less the correlation.
    halved = float(np.square(np.concatenate([rows, columns])).mean() / 2) if rows.size + columns.size else 0.0
    return 1 - halved / max(float(luma[where].var()), 1e-6) if halved > GRAIN**2 else 1.0
