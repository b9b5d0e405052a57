"""The scheme of the package blind-watermark 0.4 (Guo Fei): quantised singular values of shuffled 4 x 4 blocks, in all
three YUV planes.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

from editmill.generators.watermark.schemes.base import EmbeddingError, ReadingError
from editmill.manifests.arrays import Feature, Picture

PACKAGE = "blind-watermark"
# The package's defaults. The payload is random already, so a secret order of its bits would add nothing.
PASSWORDS = {"password_img": 1, "password_wm": 1}


def _load() -> Any:
    """Return the package's class.

    Its import sets the process's start method to fork, and fails where another was set; here it sets nothing.
    """
    with patch("multiprocessing.set_start_method"):
        import blind_watermark
    # It would print a greeting at its first use.
    blind_watermark.bw_notes.close()
    return blind_watermark.WaterMark


class BlindWatermark:
    """``blind-watermark`` with a payload of bits.

    The package splits the evidence of the bits into two clusters, which decides them.
    """

    package = PACKAGE

    def __init__(self, name: str, bits: int) -> None:
        self.cls = _load()
        self.name, self.bits, self.version = name, bits, version(PACKAGE)
        core = self._codec().bwm_core
        self.parameters: dict[str, Any] = {"d1": core.d1, "d2": core.d2, **PASSWORDS}

    def _codec(self) -> Any:
        return self.cls(**PASSWORDS)

    def embed(self, image: Picture, payload: Feature) -> Picture:
        codec = self._codec()
        codec.read_img(img=np.ascontiguousarray(image[..., ::-1]))
        codec.read_wm(payload.astype(bool), mode="bit")
        try:
            marked = codec.embed()
        except AssertionError as error:
            raise EmbeddingError(self._crowded(image)) from error
        return np.ascontiguousarray(np.rint(marked).astype(np.uint8)[..., ::-1])

    def scores(self, image: Picture) -> Feature:
        from blind_watermark.bwm_core import one_dim_kmeans

        codec = self._codec()
        # The package sets it when it reads a payload, which a decoder never does.
        codec.wm_size = self.bits
        try:
            evidence: Feature = codec.bwm_core.extract(img=np.ascontiguousarray(image[..., ::-1]), wm_shape=self.bits)
        except (AssertionError, cv2.error) as error:
            raise ReadingError(self._crowded(image)) from error
        if evidence.min() == evidence.max():
            # The two clusters are one: no bit is told.
            return np.zeros(self.bits)
        ones = one_dim_kmeans(evidence)
        threshold = (evidence[ones].mean() + evidence[~ones].mean()) / 2
        return codec.extract_decrypt(evidence - threshold)

    def _crowded(self, image: Picture) -> str:
        return f"{image.shape[1]}x{image.shape[0]} pixels have no blocks for {self.bits} bits"
