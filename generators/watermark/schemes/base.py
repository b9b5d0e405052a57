"""What a watermark scheme is."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from editmill.manifests.arrays import Feature, Picture
from editmill.manifests.errors import out_of_memory


class Scheme(Protocol):
    """A watermark with a payload of ``bits`` bits.

    Attributes:
        name: As the recipe names it.
        package, version: Whose code embeds and reads.
        bits: Payload length.
        parameters: What else the mark depends on, as JSON values: strengths, digests of weights.
    """

    name: str
    package: str
    version: str
    bits: int
    parameters: dict[str, Any]

    def embed(self, image: Picture, payload: Feature) -> Picture:
        """Mark a picture.

        Args:
            image: Uint8 [H, W, 3] RGB.
            payload: Uint8 [bits], 0 or 1.

        Returns:
            Uint8 [H, W, 3] RGB.

        Raises:
            EmbeddingError: The picture can't carry the payload.
        """

    def scores(self, image: Picture) -> Feature:
        """Read a picture, uint8 [H, W, 3] RGB: float [bits], above 0 for 1, at or below 0 for 0.

        Raises:
            ReadingError: The picture can't be read.
        """


def embed(scheme: Scheme, image: Picture, payload: Feature) -> Picture:
    """Return a copy of ``image`` with a scheme's mark; whatever the scheme does, the picture itself stays as it is.

    Raises:
        EmbeddingError: The scheme fails, gives no picture of the same size, or leaves the picture unmarked.
    """
    try:
        marked = np.array(scheme.embed(image.copy(), payload.copy()))
    except EmbeddingError:
        raise
    except Exception as error:
        raise EmbeddingError(_told(error)) from error
    if marked.dtype != np.uint8 or marked.shape != image.shape:
        gave = f"{marked.dtype} {list(marked.shape)}"
        raise EmbeddingError(f"the scheme gave {gave} for a picture uint8 {list(image.shape)}")
    if np.array_equal(marked, image):
        raise EmbeddingError("the scheme left the picture as it was")
    return marked


def read(scheme: Scheme, image: Picture) -> Feature:
    """Return a scheme's evidence of a picture, float64 [bits].

    Raises:
        ReadingError: The scheme fails, or gives something else.
    """
    try:
        scores = np.asarray(scheme.scores(image.copy()), np.float64)
    except Exception as error:
        raise ReadingError(_told(error)) from error
    if scores.shape != (scheme.bits,) or not np.isfinite(scores).all():
        gave = f"scores of shape {list(scores.shape)}, or some that are not finite"
        raise ReadingError(f"the decoder gave {gave}, for {scheme.bits} bits")
    return scores


def _told(error: Exception) -> str:
    """Return what rows say of a scheme's error, which must not name folders of this machine.

    Running out of memory is not the scheme's fault; it is raised again.
    """
    if out_of_memory(error):
        raise error
    what = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"{type(error).__name__}: {what}"


class EmbeddingError(Exception):
    """A picture that can't carry a payload."""


class ReadingError(Exception):
    """A picture that a decoder fails on; it counts as a miss."""
