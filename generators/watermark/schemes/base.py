"""What a watermark scheme is."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

Array = np.ndarray


class Scheme(Protocol):
    """A watermark with a payload of ``bits`` bits.

    Attributes:
        name: as the recipe names it.
        package, version: whose code embeds and reads.
        bits: payload length.
        parameters: what else the mark depends on, as JSON values: strengths, digests of weights.
    """

    name: str
    package: str
    version: str
    bits: int
    parameters: dict[str, Any]

    def embed(self, image: Array, payload: Array) -> Array:
        """Mark a picture.

        Args:
            image: uint8 [H, W, 3] RGB.
            payload: uint8 [bits], 0 or 1.

        Returns:
            uint8 [H, W, 3] RGB.

        Raises:
            EmbeddingError: the picture can't carry the payload.
        """

    def scores(self, image: Array) -> Array:
        """Read a picture, uint8 [H, W, 3] RGB: float [bits], above 0 for 1, at or below 0 for 0.

        Raises:
            ReadingError: the picture can't be read.
        """


class EmbeddingError(Exception):
    """A picture that can't carry a payload."""


class ReadingError(Exception):
    """A picture that a decoder fails on; it counts as a miss."""
