"""Pixels of image files, the same for whoever reads them, and one gate for everything that decoders raise."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from editmill.manifests.arrays import Picture

# From this size on, Pillow takes a picture for one that is made to fill the memory.
MOST_PIXELS = 1024 * 1024 * 1024 // 4 // 3
# What that many pixels take twice over without compression.
MOST_BYTES = 2 * 3 * MOST_PIXELS
# Formats of drawings, for which Pillow starts other programs.
DRAWINGS = ("EPS", "WMF")
# Formats that may say behind the pixels how they are turned, or that Pillow turns itself.
LATE = ("PNG", "TIFF")
# By EXIF orientation, what brings a picture upright; from 5 on, width and height change places.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

T = TypeVar("T")

# What it logs, it also raises. Its warnings go to nobody, for the whole process: `catch_warnings` is not for threads.
logging.getLogger("PIL").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"PIL\.")


class PictureError(ValueError):
    """Raised when a picture can't be decoded or used; its text says why, without paths and addresses in memory."""


def decode(data: bytes, read: Callable[[Image.Image], T]) -> T:
    """Open an encoded picture and return what ``read`` makes of it.

    Decoders raise anything on damaged files: errors of types, of memory and of their own, and warn besides.

    Raises:
        PictureError: The decoder or ``read`` raised something, or the picture is larger than any that is read.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            _check_size(image)
            return read(image)
    except PictureError:
        raise
    except Exception as error:
        raise PictureError(_said(error)) from error


def upright_rgb(data: bytes) -> Picture:
    """Decode a picture to uint8 [H, W, 3] RGB, upright as its EXIF orientation says.

    Raises:
        PictureError: It can't be decoded, has no known range, or is partly transparent.
    """
    return decode(data, _upright_rgb)


def upright_size(data: bytes) -> tuple[int, int]:
    """Return the width and height of a picture as ``upright_rgb`` gives it, where possible without decoding it.

    Raises:
        PictureError: It is no picture, or of a kind that can't be used.
    """
    return decode(data, _upright_size)


def upright(image: Image.Image) -> Image.Image:
    """Return an opened picture in its own mode, turned as its EXIF orientation says."""
    image.load()
    method = UPRIGHT.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _upright_rgb(image: Image.Image) -> Picture:
    _check_range(image)
    # Pillow itself turns a TIFF as soon as it is loaded, and then says that nothing is left to turn.
    image.load()
    pixels, method = _to_rgb(image), UPRIGHT.get(_orientation(image))
    return pixels if method is None else np.asarray(Image.fromarray(pixels).transpose(method))


def _upright_size(image: Image.Image) -> tuple[int, int]:
    _check_range(image)
    if image.format in LATE:
        image.load()
    width, height = image.size
    return (height, width) if _orientation(image) in SIDEWAYS else (width, height)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none that can be read.

    Other fields are not read, since any may be damaged. In a JPEG, Pillow itself leaves out a block that is none.
    """
    with suppress(Exception):
        orientation: int = image.getexif().get(ExifTags.Base.Orientation, 1)
        return orientation
    return 1


def _check_size(image: Image.Image) -> None:
    if image.format in DRAWINGS:
        raise PictureError(f"{image.format} is a format of drawings; save it as PNG")
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise PictureError(f"{width}x{height} pixels are too many; at most {MOST_PIXELS:,} are read, so scale it down")


def _check_range(image: Image.Image) -> None:
    if image.mode == "F":
        raise PictureError("floating-point pictures have no fixed range; save it with 8 bits")


def _to_rgb(image: Image.Image) -> Picture:
    """Return uint8 RGB of any picture whose range is known.

    Pillow itself clips 16-bit grey, and drops transparency.
    """
    if image.mode.startswith("I"):
        # 65535 = 257 * 255: both ends of the 16-bit range meet those of the 8-bit one.
        grey = (np.asarray(image).clip(0, 65535) // 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    # Palettes and single transparent colours are in the info, not in the mode.
    transparent = image.convert("RGBA") if "transparency" in image.info else image
    if transparent.mode in ("RGBA", "LA", "PA") and np.asarray(transparent.getchannel("A")).min() < 255:
        raise PictureError("the picture is partly transparent; save it on the background that it is meant to have")
    # Pillow copies even what it does not convert.
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _said(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not a picture of a known format"
    if isinstance(error, Image.DecompressionBombError):
        return f"too many pixels; at most {MOST_PIXELS:,} are read, so scale it down"
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    return ADDRESS.sub("", text) or f"the decoder failed with {type(error).__name__}"
