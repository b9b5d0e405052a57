"""Whatever a decoder raises is one kind of error, and pictures are turned by their orientation alone."""

from __future__ import annotations

import io
import random
import struct
import warnings
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from editmill.manifests import pictures
from editmill.manifests.pictures import MOST_PIXELS, PictureError, decode, upright_rgb, upright_size

NOISE = np.random.default_rng(0).integers(0, 256, (10, 20, 3), dtype=np.uint8)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "DDS", "ICO", "PPM", "TGA", "JPEG2000", "QOI", "SGI")


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    (image or Image.fromarray(NOISE)).save(stream, kind, **options)
    return stream.getvalue()


def exif(orientation: int) -> bytes:
    fields = Image.Exif()
    fields[0x0112], fields[0x011A] = orientation, 72.0
    return fields.tobytes()


def shown(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def turned(orientation: int) -> Image.Image:
    method = pictures.UPRIGHT.get(orientation)
    return Image.fromarray(NOISE) if method is None else Image.fromarray(NOISE).transpose(method)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(10))
def test_a_picture_is_turned_as_pillow_turns_it(kind: str, orientation: int) -> None:
    data = encoded(kind, exif=exif(orientation))
    found = upright_rgb(data)
    assert np.array_equal(found, shown(data))
    assert (
        upright_size(data) == (found.shape[1], found.shape[0]) == ((10, 20) if orientation in range(5, 9) else (20, 10))
    )


@pytest.mark.parametrize(("place", "value"), [(29, 0), (29, 7), (31, 1), (31, 2)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_malformed_field_beside_the_orientation_changes_nothing(kind: str, place: int, value: int) -> None:
    fields = bytearray(exif(6))
    fields[place] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((struct.error, TypeError)):
            shown(encoded("JPEG", exif=bytes(fields)))
    data = encoded(kind, exif=bytes(fields))
    assert np.array_equal(upright_rgb(data), upright_rgb(encoded(kind, exif=exif(6))))
    assert upright_size(data) == (10, 20)


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_pictures_raise_one_kind_of_error_and_warn_of_nothing(kind: str) -> None:
    rng, whole, agree = random.Random(kind), encoded(kind), 0
    options = {"exif": exif(6)} if kind in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF") else {}
    for _ in range(60):
        data = bytearray(rng.choice([whole, encoded(kind, **options)]))
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(rng.choice([len(data), min(len(data), 120)]))] = rng.choice(
                [0, 1, 255, rng.randrange(256)]
            )
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        try:
            # A warning would be an error here.
            size = upright_size(bytes(data))
            found = upright_rgb(bytes(data))
        except PictureError:
            continue
        agree += 1
        assert size == (found.shape[1], found.shape[0])
    # Not all of them are beyond recognition, or nothing was tried; PNG has a checksum for every byte.
    assert agree or kind == "PNG"


def test_damaged_exif_turns_a_picture_by_its_orientation() -> None:
    turns = {one: upright_rgb(encoded("BMP", turned(one))) for one in range(1, 9)}
    rng = random.Random(0)
    for _ in range(300):
        orientation = rng.randint(1, 8)
        fields = bytearray(exif(orientation))
        for _ in range(rng.randint(1, 3)):
            # Behind the orientation's own field.
            fields[rng.randrange(26, len(fields))] = rng.randrange(256)
        assert np.array_equal(upright_rgb(encoded("PNG", exif=bytes(fields))), turns[orientation])


@pytest.mark.parametrize(
    "error", [RuntimeError, NotImplementedError, struct.error, TypeError, AttributeError, MemoryError, KeyError]
)
def test_any_error_of_a_decoder_is_told(error: type[Exception]) -> None:
    def fail(image: Image.Image) -> None:
        raise error(f"no tile in {object()}")

    with pytest.raises(PictureError, match="no tile in ") as caught:
        decode(encoded("PNG"), fail)
    assert " at 0x" not in str(caught.value)

    def fail_silently(image: Image.Image) -> None:
        raise error

    with pytest.raises(PictureError, match=error.__name__):
        decode(encoded("PNG"), fail_silently)


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_passes(end: type[BaseException]) -> None:
    def stop(image: Image.Image) -> None:
        raise end

    with pytest.raises(end):
        decode(encoded("PNG"), stop)


def test_what_is_no_picture_is_told_without_addresses() -> None:
    for data in (b"", b"<html>", b"\0" * 100):
        with pytest.raises(PictureError, match=r"^not a picture of a known format$"):
            upright_rgb(data)


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_pictures_that_would_fill_the_memory_are_refused_unread(factor: int) -> None:
    data = bytearray(encoded("BMP"))
    data[18:26] = struct.pack("<ii", MOST_PIXELS // 1000 + 1, 1000 * factor)
    for read in (upright_size, upright_rgb):
        with pytest.raises(PictureError, match=f"at most {MOST_PIXELS:,} are read"):
            read(bytes(data))


def test_formats_for_which_pillow_starts_programs_are_refused() -> None:
    with pytest.raises(PictureError, match="EPS is a format of drawings"):
        upright_rgb(encoded("EPS"))


def test_pictures_without_a_range_or_a_background_are_refused() -> None:
    for read in (upright_size, upright_rgb):
        with pytest.raises(PictureError, match="floating-point"):
            read(encoded("TIFF", Image.fromarray(np.zeros((4, 4), np.float32))))
    cut = Image.fromarray(np.dstack([NOISE, np.full((10, 20), 254, np.uint8)]))
    with pytest.raises(PictureError, match="partly transparent"):
        upright_rgb(encoded("PNG", cut))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_whose_exif_is_none_lies_as_it_is_stored(kind: str) -> None:
    data = encoded(kind, exif=b"Exif\0\0no block at all")
    assert np.array_equal(upright_rgb(data), upright_rgb(encoded(kind)))
    assert upright_size(data) == (20, 10)


def test_all_orientations_have_a_turn() -> None:
    assert set(pictures.SIDEWAYS) < set(pictures.UPRIGHT) == set(range(2, 9))
