"""Masks in every encoding: those that say what the object is are taken, the others are refused by what they are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from PIL import Image

from tests.faults.case import Case, Expected, built
from tests.faults.drawing import HEIGHT, WIDTH, build_from, encoded, labelled, mask, photo

TAKEN, REFUSED = built(bad="", good=""), built(bad="mask_unreadable", good="")


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for name, image in _taken().items():
        yield _case(name, encoded(image), TAKEN)
    for name, image in _refused().items():
        yield _case(name, encoded(image), REFUSED)
    for name, (data, reason) in _others().items():
        yield _case(name, data, built(bad=reason, good=""))


def _case(name: str, data: bytes, expected: Expected) -> Case:
    make = partial(labelled, data=encoded(photo()), drawn=data)
    return Case(f"masks/{name}", make, build_from("folder:labels.csv"), expected)


def _taken() -> dict[str, Image.Image]:
    grey, wide = mask(), Image.fromarray(np.asarray(mask()).astype(np.uint16) * 257)
    opaque = grey.convert("RGBA")
    return {
        "one bit": grey.convert("1"),
        "grey": grey,
        "grey 128 and more": mask(value=128),
        "16 bit": wide,
        "equal channels": grey.convert("RGB"),
        "equal channels and full alpha": opaque,
        "grey and full alpha": grey.convert("LA"),
    }


def _palette(*colours: int) -> Image.Image:
    image = Image.fromarray(np.where(np.asarray(mask()) > 0, 1, 0).astype(np.uint8), "L").convert("P")
    image.putpalette([*colours, *[0] * (768 - len(colours))])
    return image


def _refused() -> dict[str, Image.Image]:
    cut = photo().convert("RGBA")
    cut.putalpha(mask())
    red = Image.merge("RGB", (mask(), *(Image.new("L", (WIDTH, HEIGHT)),) * 2))
    border = _palette(0, 0, 0, 128, 0, 0, 224, 224, 192)
    return {
        "the photograph itself": photo(),
        "a cut-out": cut,
        "one channel": red,
        "CMYK-like colours": photo().convert("HSV").convert("RGB"),
        "a VOC palette": border,
        "a palette of two colours": _palette(10, 20, 30, 200, 30, 40),
        "half transparent": _half_transparent(),
    }


def _half_transparent() -> Image.Image:
    image = mask().convert("LA")
    image.putalpha(Image.new("L", image.size, 120))
    return image


def _others() -> dict[str, tuple[bytes, str]]:
    png = encoded(mask())
    return {
        "all black": (encoded(Image.new("L", (WIDTH, HEIGHT))), "mask_empty"),
        "all white": (encoded(Image.new("L", (WIDTH, HEIGHT), 255)), "mask_full"),
        "of 0 and 1": (encoded(mask(value=1)), "mask_empty"),
        "of 0 and 127": (encoded(mask(value=127)), "mask_empty"),
        "turned": (encoded(mask((HEIGHT, WIDTH))), "mask_size_mismatch"),
        "one column too wide": (encoded(mask((WIDTH + 1, HEIGHT))), "mask_size_mismatch"),
        "of half the size": (encoded(mask().resize((WIDTH // 2, HEIGHT // 2))), "mask_size_mismatch"),
        "empty file": (b"", "mask_unreadable"),
        "text": (b"0 0 1 1", "mask_unreadable"),
        "NumPy array": (b"\x93NUMPY\x01\x00v\x00" + bytes(118), "mask_unreadable"),
        "cut in half": (png[: len(png) // 2], "mask_unreadable"),
        "JSON": (b'{"counts": [1, 2], "size": [64, 96]}', "mask_unreadable"),
        "floats": (encoded(mask().convert("F"), "TIFF"), ""),
        "floats of 0 and 1": (encoded(mask(value=1).convert("F"), "TIFF"), "mask_empty"),
    }
