"""What sources of labelled and of captioned images are."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from editmill.generators.base import Array, LoadedSource
from editmill.generators.reasons import Reason
from editmill.generators.text.base import CaptionedImage
from editmill.manifests.pictures import upright_rgb
from editmill.manifests.records import SourceRecord

EXIF_ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)


class SourceProblem(Exception):
    """One source image can't be used; ``reason`` is from the closed list."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Source(Protocol):
    """Labelled images with masks. ``records`` looks at files, but decodes no pixels that it need not."""

    name: str
    licence: str

    def records(self) -> Iterator[SourceRecord]:
        """Return every source image in a fixed order; one that can't be used carries its problem."""

    def load(self, record: SourceRecord) -> LoadedSource:
        """Decode a record's image and mask.

        Raises:
            SourceProblem: The image or the mask can't be used.
        """


class CaptionSource(Protocol):
    """Images with captions, which ``records`` gives exactly as the source holds them.

    It decodes no pixels that it need not.
    """

    name: str
    licence: str

    def records(self) -> Iterator[SourceRecord]:
        """Return every captioned image in a fixed order; one that can't be used carries its problem."""

    def load_captioned(self, record: SourceRecord) -> CaptionedImage:
        """Decode a record's image.

        Raises:
            SourceProblem: The image can't be used.
        """


def read_image(file: Path | io.BytesIO, where: str = "") -> Array:
    """Decode an image file, or its bytes, to uint8 [H, W, 3] RGB, upright as its EXIF orientation says.

    Masks are drawn on the upright picture.

    Raises:
        SourceProblem: The file is missing or can't be decoded; it names ``where``, or the file.
    """
    try:
        return upright_rgb(file)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceProblem(Reason.SOURCE_UNREADABLE, f"{where or file}: {error}") from error


def read_mask(path: Path) -> Array:
    """Decode a mask file to uint8 [H, W]; any value of at least half counts as object.

    Raises:
        SourceProblem: The file is missing or can't be decoded.
    """
    try:
        with Image.open(path) as image:
            # Pillow clips 16-bit grey when it converts it.
            grey = (
                np.asarray(image).astype(np.int64) // 257
                if image.mode.startswith("I")
                else np.asarray(image.convert("L"))
            )
            return np.where(grey > 127, 255, 0).astype(np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceProblem(Reason.MASK_UNREADABLE, f"{path}: {error}") from error


def check_mask(shape: tuple[int, ...], mask: Array, where: str) -> None:
    """Refuse a mask that does not fit an image of ``shape`` (height, width), or that holds no object or no background.

    Raises:
        SourceProblem: The mask is of another size, empty or full.
    """
    if mask.shape != shape:
        sizes = f"mask {mask.shape[1]}x{mask.shape[0]}, image {shape[1]}x{shape[0]}"
        raise SourceProblem(Reason.MASK_SIZE_MISMATCH, f"{where}: {sizes}")
    if not (mask > 127).any():
        raise SourceProblem(Reason.MASK_EMPTY, f"{where}: no pixel of the mask is object")
    if (mask > 127).all():
        raise SourceProblem(Reason.MASK_FULL, f"{where}: every pixel of the mask is object")


def image_facts(path: Path) -> tuple[int, int, str]:
    """Return width, height and sha256 of an image file's bytes, from its header.

    Raises:
        SourceProblem: The file is missing or no image.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceProblem(Reason.SOURCE_UNREADABLE, f"{path}: {error}") from error
    return facts_of(data, str(path))


def facts_of(data: bytes, where: str) -> tuple[int, int, str]:
    """Return the same of an image's bytes that were read from ``where``."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            if image.getexif().get(EXIF_ORIENTATION, 1) in SIDEWAYS:
                width, height = height, width
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceProblem(Reason.SOURCE_UNREADABLE, f"{where}: {error}") from error
    return width, height, hashlib.sha256(data).hexdigest()
