"""Photographs: formats, modes, cut files, stated sizes, EXIF blocks, wrong endings and broken headers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from PIL import Image, features

from tests.faults.case import Case, Expected, built
from tests.faults.drawing import build_from, encoded, labelled, photo, plan_from, png_header

READ, REFUSED = built(bad="", good=""), built(bad="source_unreadable", good="")
COMMAND = build_from("folder:labels.csv")
# Saved by Pillow, read back, and the disc found where it was drawn.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "TGA", "ICO", "JPEG2000", "PCX", "SGI", "DDS", "AVIF")
# ICO scales pictures down to a square of another size, so its mask does not fit.
OUTCOMES = {"ICO": built(bad="mask_size_mismatch", good="")}
CUTS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000", "DDS", "TGA")
EXIF = 0x0112


def cases() -> Iterator[Case]:
    """Yield all of them."""
    yield from _formats()
    yield from _modes()
    yield from _cut()
    yield from _mutated()
    yield from _exif()
    yield from _sizes()
    yield from _impostors()


def _case(name: str, data: bytes, expected: Expected, *, file: str = "bad.png", quick: bool = False) -> Case:
    return Case(f"pictures/{name}", partial(labelled, name=file, data=data), COMMAND, expected, quick)


def _known(form: str) -> bool:
    Image.init()
    return form in Image.SAVE and (form != "AVIF" or features.check("avif"))


def _formats() -> Iterator[Case]:
    for form in filter(_known, FORMATS):
        yield _case(f"format {form}", encoded(photo(), form), OUTCOMES.get(form, READ))


def _modes() -> Iterator[Case]:
    for mode in ("1", "L", "P", "CMYK"):
        form = "TIFF" if mode == "CMYK" else "PNG"
        yield _case(f"mode {mode}", encoded(photo(mode), form), READ, file=f"bad.{form.lower()}")
    for mode, clear, expected in (("RGBA", 255, READ), ("RGBA", 90, REFUSED), ("LA", 255, READ), ("LA", 0, REFUSED)):
        image = photo(mode)
        image.putalpha(Image.new("L", image.size, clear))
        yield _case(f"mode {mode} with alpha {clear}", encoded(image), expected)
    wide = Image.fromarray(np.asarray(photo("L")).astype(np.uint16) * 257)
    yield _case("mode I;16", encoded(wide), READ)
    yield _case("mode F", encoded(photo("F"), "TIFF"), REFUSED, file="bad.tiff")
    shown = int(np.asarray(photo("P"))[0, 0])
    yield _case("transparent colour", encoded(photo("P"), transparency=shown), REFUSED)


def _cut() -> Iterator[Case]:
    for form in filter(_known, CUTS):
        data = encoded(photo(), form)
        for share in (0.0, 0.1, 0.5):
            # A format without a header to miss, such as TGA, is not recognised at all.
            yield _case(f"{form} cut to {share:.0%}", data[: int(len(data) * share)], REFUSED)


def _mutated() -> Iterator[Case]:
    """Yield headers with single bytes replaced; either outcome is right, but it must be a row."""
    for form in filter(_known, ("PNG", "JPEG", "WEBP", "AVIF", "DDS", "TIFF", "GIF", "BMP")):
        data = encoded(photo(), form)
        for place in (4, 12, 20, 28):
            broken = bytearray(data)
            broken[place] ^= 0xFF
            yield _case(f"{form} with byte {place} wrong", bytes(broken), built(good=""))


def _block(*entries: tuple[int, int, int, bytes], order: str = "<") -> bytes:
    """Return an EXIF block with one directory of (tag, type, count, four bytes of value)."""
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    listed = b"".join(struct.pack(f"{order}HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"Exif\0\0" + start + struct.pack(f"{order}H", len(entries)) + listed + struct.pack(f"{order}I", 0)


def _exif() -> Iterator[Case]:
    turned = (EXIF, 3, 1, struct.pack("<HH", 3, 0))
    bad: dict[str, list[tuple[int, int, int, bytes]]] = {
        "rational without a value": [turned, (0x011A, 5, 1, b"\xff\xff\xff\x7f")],
        "text as a number": [turned, (0x010F, 3, 1, b"abcd")],
        "ten million values": [turned, (0x0100, 4, 10_000_000, b"\0\0\0\0")],
        "unknown type": [turned, (0x0131, 99, 1, b"\0\0\0\0")],
        "offset into itself": [turned, (0x8769, 4, 1, struct.pack("<I", 8))],
        "offset beyond the end": [turned, (0x8769, 4, 1, struct.pack("<I", 2**31))],
        "GPS nowhere": [turned, (0x8825, 4, 1, struct.pack("<I", 2**30))],
        "float resolution": [turned, (0x011A, 11, 1, struct.pack("<f", float("nan")))],
        "undefined as short": [turned, (0x9286, 3, 60000, b"\1\0\0\0")],
        "signed bytes": [turned, (0x0132, 6, 4, b"\xff\xfe\xfd\xfc")],
        "orientation as text": [(EXIF, 2, 4, b"six\0")],
        "orientation 9": [(EXIF, 3, 1, struct.pack("<HH", 9, 0))],
        "orientation 0": [(EXIF, 3, 1, struct.pack("<HH", 0, 0))],
        "orientation twice": [turned, turned],
        "two orientations in one": [(EXIF, 3, 2, struct.pack("<HH", 3, 6))],
    }
    for name, entries in bad.items():
        yield _case(f"EXIF {name}", encoded(photo(), "JPEG", exif=_block(*entries)), READ, file="bad.jpg")
    for name, block in (("cut", _block(turned)[:20]), ("no block", b"Exif\0\0junk"), ("big-endian", _wide_block())):
        yield _case(f"EXIF {name}", encoded(photo(), "JPEG", exif=block), READ, file="bad.jpg")
    yield _case("EXIF in PNG", encoded(photo(), exif=_block(turned, (0x010F, 3, 1, b"abcd"))[6:]), READ)


def _wide_block() -> bytes:
    return _block((EXIF, 3, 1, struct.pack(">HH", 3, 0)), order=">")


def _sizes() -> Iterator[Case]:
    for width, height in ((100_000, 100_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1), (0, 0), (0, 64), (2**31, 1)):
        yield _case(f"PNG of {width}x{height}", png_header(width, height), REFUSED)
    for depth, colour in ((3, 2), (8, 9), (16, 3)):
        yield _case(
            f"PNG of depth {depth} and colour {colour}", png_header(96, 64, depth=depth, colour=colour), REFUSED
        )
    small = encoded(photo().resize((1, 1)))
    yield _case("one pixel", small, built(bad="mask_size_mismatch", good=""))
    yield _case(
        "another size than its mask", encoded(photo().resize((97, 64))), built(bad="mask_size_mismatch", good="")
    )


def _impostors() -> Iterator[Case]:
    """Yield files that are no pictures, and pictures with another format's ending."""
    texts: dict[str, Any] = {
        "empty": b"",
        "text": b"this is a text",
        "HTML": b"<!DOCTYPE html><html><body>404</body></html>",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="96" height="64"/>',
        "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        "zeros": bytes(100_000),
        "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
        "signature alone": b"\x89PNG\r\n\x1a\n",
        "ZIP": b"PK\x03\x04" + bytes(60),
        "NumPy array": b"\x93NUMPY\x01\x00v\x00" + bytes(118),
    }
    for name, data in texts.items():
        yield _case(f"no picture: {name}", data, REFUSED, quick=name in ("empty", "HTML"))
    yield _case("JPEG called .png", encoded(photo(), "JPEG"), READ)
    yield _case("PNG called .jpg", encoded(photo()), READ, file="bad.jpg")
    yield _case("PNG called .tar", encoded(photo()), READ, file="bad.tar")
    yield _case("PNG without an ending", encoded(photo()), READ, file="bad")
    yield Case("pictures/missing", labelled, plan_from("folder:labels.csv"), REFUSED, quick=True)
