"""Masks in picture files: which of their values are the object, and which files are no masks.

A mask is grey. Whatever else lies in its place (a cut-out, a photograph, class ids, colours of classes) would give a
wrong object if it were only made grey, so it is refused with the field that reads it.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests.arrays import Mask
from editmill.manifests.pictures import PictureError, upright
from editmill.pipelines.sources.reading import decode_mask_file

MaskFrom = Literal["grey", "alpha"] | Annotated[int, Field(strict=True, ge=0, lt=65536)]
Values = npt.NDArray[Any]

FIELD = "--set source.mask_from"
HALF = 128
# Of 16-bit values; both ends of their range meet those of the 8-bit one.
WIDE = 257
# Lossy formats leave so much colour in grey.
TINGE = 16
# A mask that is not smooth has few values, and so have class ids; a photograph has many.
FEW = 16
# Pixels across the steps of a rim that was smoothed and then enlarged.
RIM = 5
# The object of a soft mask is mostly as bright as this share of its greatest value, and what is darker than half but
# brighter than this is only its rim.
BRIGHT, DIM = 0.85, 32
# Values that messages list.
LISTED = 8


def decode_mask(data: bytes, name: str, mask_from: MaskFrom = "grey") -> Mask:
    """Decode a mask to uint8 [H, W], 255 on the object.

    Args:
        data: The encoded picture.
        name: What messages call it.
        mask_from: ``grey`` for values of at least half the range, ``alpha`` for what is at least half opaque, or the
            one value that is the object: a palette's index where there is one, or else a grey value.

    Raises:
        Unusable: It can't be decoded or is no mask, or it has values and none of them is the object.
    """
    values, half = decode_mask_file(data, name, partial(_read, mask_from=mask_from))
    found = values == mask_from if isinstance(mask_from, int) else values >= half
    if values.any() and not found.any():
        why = f"it has no value {mask_from}, but {_list(values)}" if isinstance(mask_from, int) else _dark(values, half)
        raise Unusable(Reason.MASK_EMPTY, f"{name}: no pixel of the mask is object: {why}")
    return np.where(found, 255, 0).astype(np.uint8)


def _read(image: Image.Image, mask_from: MaskFrom) -> tuple[Values, int]:
    """Return the values [H, W] that ``mask_from`` names, and from which on they are the object.

    Raises:
        PictureError: The picture has none, or is no mask.
    """
    image = upright(image)
    if mask_from == "alpha":
        return _alpha(image), HALF
    if isinstance(mask_from, int):
        return (np.asarray(image) if image.mode == "P" else _grey(image)), 0
    values, half = _grey(image), HALF * WIDE if image.mode.startswith("I") else HALF
    _check_looks(values // (half // HALF))
    return values, half


def _alpha(image: Image.Image) -> Values:
    if not image.has_transparency_data:
        raise PictureError(f"it has no alpha channel (its mode is {image.mode}); leave out {FIELD}=alpha")
    return np.asarray(image.convert("RGBA").getchannel("A"))


def _grey(image: Image.Image) -> Values:
    """Return grey values: 0 to 255, with 16 bits 0 to 65535.

    Raises:
        PictureError: The picture is not grey, or partly transparent.
    """
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise PictureError("it holds values that are no numbers")
        return values
    if image.has_transparency_data and _alpha(image).min() < 255:
        raise PictureError(
            f"it is partly transparent, so the object may be in the alpha channel: {FIELD}=alpha reads it"
        )
    if image.mode not in ("1", "L", "LA") and _tinge(image) > TINGE:
        if image.mode == "P":
            which = f"its palette has colours (indices {_list(np.asarray(image))}): {FIELD}=INDEX reads one of them"
        else:
            which = f"it is a picture in colours (mode {image.mode}); save it in grey, with 255 on the object"
        raise PictureError(f"a mask is grey, and {which}")
    return np.asarray(image.convert("L"))


def _tinge(image: Image.Image) -> int:
    """Return the largest difference between the channels of a pixel."""
    red, green, blue = (np.asarray(channel) for channel in image.convert("RGB").split())
    # Not along the axis of the channels, where NumPy takes twenty times as long.
    greatest, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return int((greatest - least).max())


def _check_looks(values: Values) -> None:
    """Refuse grey values, 0 to 255, that half the range would part wrongly.

    Raises:
        PictureError: They look like class ids, or like a cut-out or a photograph.
    """
    # Sorting takes ten times as long.
    found = np.flatnonzero(np.bincount(values.reshape(-1))) if values.dtype == np.uint8 else np.unique(values)
    if len(found) <= FEW:
        if any(_is_solid(values == value) for value in found[1:-1]):
            raise PictureError(f"it looks like class ids ({_list(values)}): {FIELD}=VALUE reads one of them")
        return
    shown, top = int((values >= HALF).sum()), int(found[-1])
    bright, dim = int((values >= BRIGHT * top).sum()), int(((values >= DIM) & (values < HALF)).sum())
    if shown and (bright < shown / 2 or dim > shown):
        what = "much of it is neither black nor white, as in a photograph or a cut-out"
        raise PictureError(f"{what}; save a mask with 255 on the object and 0 elsewhere")


def _is_solid(region: npt.NDArray[np.bool_]) -> bool:
    """Return whether a region is anywhere wider than the steps of a smooth or enlarged rim."""
    import cv2

    return bool(cv2.erode(region.astype(np.uint8), np.ones((RIM, RIM), np.uint8)).any())


def _dark(values: Values, half: int) -> str:
    found, full = np.unique(values), 255 * (half // HALF)
    # Of two values the greater one is the object; among more, only who made the mask knows.
    value = f"{found[-1]:g}" if len(found) <= 2 and found[-1] > 0 else "VALUE"
    named = f", or name the object's value, as in {FIELD}={value}" if (found == found.round()).all() else ""
    return f"its values are {_list(values)}, and object is from {half} up; save it with {full} on the object{named}"


def _list(values: Values) -> str:
    found = [f"{value:g}" for value in np.unique(values)]
    return ", ".join(found if len(found) <= LISTED else [*found[:LISTED], "…"])
