"""The schemes of the package invisible-watermark 0.2 (Shield MNT): dwtDct and dwtDctSvd, and RivaGAN (arXiv 1909.01285)
by ONNX.

Its wrapper decides bits; here the embedding classes below it are called, which also give the evidence of each bit. They
differ in nothing else, but for the wrapper's refusal of pictures under 256 x 256, which is the recipe's
``least_pixels``. The package works in BGR.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pywt

from editmill.generators.watermark.schemes.base import EmbeddingError, ReadingError
from editmill.manifests.arrays import Feature, Picture
from editmill.manifests.canonical import file_digest

PACKAGE = "invisible-watermark"
# The package takes a mean of block decisions for 1 when 255 times it is above 127.
DECISION = 127 / 255
RIVAGAN_THRESHOLD = 0.52


class DwtScheme:
    """``dwtDct`` or ``dwtDctSvd``: quantisation of a coefficient of every 4 x 4 block of the U plane's Haar
    approximation.

    The package swaps two detail bands when it transforms back, which costs 48 dB even without a payload; that is what
    people use, and stays.
    """

    package = PACKAGE

    def __init__(self, name: str, bits: int) -> None:
        from imwatermark.dwtDctSvd import EmbedDwtDctSvd
        from imwatermark.maxDct import EmbedMaxDct

        self.name, self.bits, self.version = name, bits, version(PACKAGE)
        self.cls: Any = EmbedDwtDctSvd if name == "dwtDctSvd" else EmbedMaxDct
        codec = self.cls(wmLen=bits)
        self.parameters: dict[str, Any] = {"scales": list(codec._scales), "block": codec._block}

    def embed(self, image: Picture, payload: Feature) -> Picture:
        self._check(image)
        marked = self.cls(payload.tolist(), wmLen=self.bits).encode(_bgr(image))
        return np.ascontiguousarray(marked[..., ::-1])

    def scores(self, image: Picture) -> Feature:
        codec = self.cls(wmLen=self.bits)
        yuv = cv2.cvtColor(_bgr(image), cv2.COLOR_BGR2YUV)
        height, width = image.shape[0] // 4 * 4, image.shape[1] // 4 * 4
        evidence: list[list[float]] = [[] for _ in range(self.bits)]
        # As the package does, which never marks the V plane.
        for channel in range(2):
            if codec._scales[channel] > 0:
                approximation, _ = pywt.dwt2(yuv[:height, :width, channel], "haar")
                evidence = codec.decode_frame(approximation, codec._scales[channel], evidence)
        if not all(evidence):
            raise ReadingError(f"{image.shape[1]}x{image.shape[0]} pixels have fewer blocks than the {self.bits} bits")
        return np.array([np.mean(decisions) for decisions in evidence]) - DECISION

    def _check(self, image: Picture) -> None:
        # The package itself would leave bits without a block out and say nothing.
        blocks = (image.shape[0] // 4 // 2) * (image.shape[1] // 4 // 2)
        if blocks < self.bits:
            raise EmbeddingError(f"{image.shape[1]}x{image.shape[0]} pixels have {blocks} blocks for {self.bits} bits")


class RivaGan:
    """``rivaGan``: a network's additive mark of 32 bits; one thread, since sums in another order give other bytes."""

    package = PACKAGE

    def __init__(self, name: str, bits: int) -> None:
        import imwatermark
        from imwatermark.rivaGan import RivaWatermark
        from onnxruntime import InferenceSession, SessionOptions

        folder = Path(imwatermark.__file__).parent
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        files = {part: folder / f"rivagan_{part}.onnx" for part in ("encoder", "decoder")}
        sessions = {
            part: InferenceSession(file, options, providers=["CPUExecutionProvider"]) for part, file in files.items()
        }
        # The package's own loader would take all threads.
        RivaWatermark.encoder, self.decoder = sessions["encoder"], sessions["decoder"]
        self.cls: Any = RivaWatermark
        self.name, self.bits, self.version = name, bits, version(PACKAGE)
        self.parameters: dict[str, Any] = {
            "threshold": RIVAGAN_THRESHOLD,
            **{f"{part}_sha256": file_digest(file) for part, file in files.items()},
        }

    def embed(self, image: Picture, payload: Feature) -> Picture:
        return np.ascontiguousarray(self.cls(payload.tolist()).encode(_bgr(image))[..., ::-1])

    def scores(self, image: Picture) -> Feature:
        frame = (_bgr(image).astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None, :, None]
        evidence: Feature = self.decoder.run(None, {"frame": frame})[0][0]
        return evidence.astype(np.float64) - RIVAGAN_THRESHOLD


def _bgr(image: Picture) -> Picture:
    return np.ascontiguousarray(image[..., ::-1])
