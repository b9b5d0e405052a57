"""Which files are masks, and which of their values are the object."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests.pictures import upright_rgb
from editmill.pipelines.sources.folder import FolderSpec
from editmill.pipelines.sources.mask_files import MaskFrom, decode_mask

OBJECT = np.zeros((20, 30), bool)
OBJECT[5:14, 8:20] = True
WANTED = np.where(OBJECT, 255, 0)
PHOTO = np.random.default_rng(3).integers(20, 236, (20, 30, 3), dtype=np.uint8)


def values(inside: int, outside: int = 0, kind: Any = np.uint8) -> np.ndarray:
    return np.where(OBJECT, inside, outside).astype(kind)


def png(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, kind, **options)
    return stream.getvalue()


def stack(grey: np.ndarray, alpha: np.ndarray | int | None = None, *, colour: np.ndarray | None = None) -> bytes:
    channels = [grey] * 3 if colour is None else [*np.moveaxis(colour, 2, 0)]
    if alpha is not None:
        channels.append(np.broadcast_to(np.uint8(alpha) if isinstance(alpha, int) else alpha, grey.shape))
    return png(np.stack(channels, axis=2))


def palette(indices: np.ndarray, colours: dict[int, tuple[int, int, int]], **options: Any) -> bytes:
    image = Image.frombytes("P", indices.shape[::-1], indices.tobytes())
    flat = [0] * 768
    for index, colour in colours.items():
        flat[3 * index : 3 * index + 3] = colour
    image.putpalette(flat)
    return png(image, **options)


VOC = {1: (128, 0, 0), 15: (192, 128, 128), 255: (224, 224, 192)}
BORDERED = values(15)
BORDERED[4, 8:20] = 255


@pytest.mark.parametrize(
    "data",
    [
        png(values(255)),
        png(values(200, 40)),
        png(values(255, 1)),
        png(Image.fromarray(OBJECT)),
        png(values(65535, kind=np.uint16)),
        png(values(65535, kind=np.int32), "TIFF"),
        png(values(255, kind=np.float32), "TIFF"),
        stack(values(255)),
        stack(values(255), 255),
        png(Image.fromarray(values(255)).convert("LA")),
        png(Image.fromarray(values(255)).convert("CMYK"), "TIFF"),
        png(Image.fromarray(values(255)).convert("RGB"), "WEBP", quality=60),
        palette(values(1), {1: (255, 255, 255)}),
        png(Image.fromarray(values(255)), "GIF"),
    ],
)
def test_grey_of_every_kind_is_read(data: bytes) -> None:
    assert np.array_equal(decode_mask(data, "m"), WANTED)


@pytest.mark.parametrize(
    ("data", "mask_from"),
    [
        (png(values(1)), 1),
        (png(values(15)), 15),
        (png(BORDERED), 15),
        (png(values(1, kind=np.uint16)), 1),
        (png(values(300, kind=np.uint16)), 300),
        (png(values(255, kind=np.int32), "TIFF"), 255),
        (png(values(1, kind=np.float32), "TIFF"), 1),
        (stack(values(1)), 1),
        (palette(values(1), VOC), 1),
        (palette(BORDERED, VOC), 15),
        (stack(values(0), values(255), colour=PHOTO), "alpha"),
        (stack(values(255), values(255)), "alpha"),
        (png(Image.merge("LA", [Image.fromarray(values(9)), Image.fromarray(values(200))])), "alpha"),
        (palette(values(1), VOC, transparency=0), "alpha"),
    ],
)
def test_a_field_reads_what_is_not_grey(data: bytes, mask_from: MaskFrom) -> None:
    assert np.array_equal(decode_mask(data, "m", mask_from), WANTED)
    with pytest.raises(Unusable) as caught:
        decode_mask(data, "masks/m.png")
    # The message names the file, and the field that reads it.
    assert str(caught.value).startswith("masks/m.png: ")
    assert "--set source.mask_from=" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (stack(values(0), colour=PHOTO), Reason.MASK_UNREADABLE, r"in colours \(mode RGB\)"),
        (png(PHOTO[..., 0]), Reason.MASK_UNREADABLE, "as in a photograph"),
        (stack(PHOTO[..., 0]), Reason.MASK_UNREADABLE, "as in a photograph"),
        (png(np.dstack([values(255), values(0), values(0)])), Reason.MASK_UNREADABLE, "in colours"),
        (stack(values(255), 254), Reason.MASK_UNREADABLE, "partly transparent"),
        (palette(BORDERED, VOC), Reason.MASK_UNREADABLE, r"palette has colours \(indices 0, 15, 255\)"),
        (png(BORDERED), Reason.MASK_UNREADABLE, r"class ids \(0, 15, 255\)"),
        (
            png(values(1)),
            Reason.MASK_EMPTY,
            r"values are 0, 1, and object is from 128 up; .* 255 on the object, or .*mask_from=1$",
        ),
        (
            png(values(255, kind=np.uint16)),
            Reason.MASK_EMPTY,
            "are 0, 255, and object is from 32896 up; save it with 65535",
        ),
        (png(np.full((4, 4), np.nan, np.float32), "TIFF"), Reason.MASK_UNREADABLE, "no numbers"),
        (b"\x93NUMPY", Reason.MASK_UNREADABLE, "not a picture"),
    ],
)
def test_what_is_no_mask_is_refused_by_what_is_there(data: bytes, reason: Reason, words: str) -> None:
    with pytest.raises(Unusable, match=words) as caught:
        decode_mask(data, "m")
    assert caught.value.reason == reason


def test_a_value_or_a_channel_that_is_not_there_is_told() -> None:
    with pytest.raises(Unusable, match="it has no value 7, but 0, 255"):
        decode_mask(png(values(255)), "m", 7)
    with pytest.raises(Unusable, match="no alpha channel"):
        decode_mask(png(values(255)), "m", "alpha")
    # A picture in colours has no values to choose from.
    with pytest.raises(Unusable, match="a mask is grey"):
        decode_mask(png(PHOTO), "m", 7)
    # Black alone is an empty mask, which the source tells.
    assert not decode_mask(png(values(0)), "m").any()


@given(st.integers(0, 127), st.integers(128, 255))
def test_two_values_are_parted_by_half_the_range(low: int, high: int) -> None:
    assert np.array_equal(decode_mask(png(values(high, low)), "m"), WANTED)


@pytest.mark.parametrize("wrong", ["index", -1, 65536, True, 1.5, None])
def test_the_field_takes_nothing_else(wrong: object) -> None:
    with pytest.raises(ValidationError):
        FolderSpec.model_validate({"labels": "x.csv", "mask_from": wrong})


LARGE = cv2.circle(np.zeros((120, 160), np.uint8), (70, 60), 30, 255, -1)
OTHER = cv2.rectangle(np.zeros((120, 160), np.uint8), (110, 20), (150, 100), 255, -1) > 0
INSIDE = LARGE > 0


def ids(background: int, inside: int, other: int) -> np.ndarray:
    found = np.full(INSIDE.shape, background, np.uint8)
    found[INSIDE], found[OTHER] = inside, other
    return found


@pytest.mark.parametrize(
    "mask",
    [ids(150, 13, 3), ids(0, 13, 200), ids(0, 38, 128), ids(0, 100, 200), ids(0, 200, 100), ids(0, 1, 255)],
    ids=["no black", "another id above", "the other alone above", "both bright", "the other dark", "ignored"],
)
def test_class_ids_are_refused_whatever_half_the_range_would_take(mask: np.ndarray) -> None:
    with pytest.raises(Unusable, match=r"class ids .*mask_from=VALUE"):
        decode_mask(png(mask), "m")


def test_a_cut_out_in_grey_is_refused() -> None:
    shades = np.random.default_rng(0).integers(20, 250, INSIDE.shape, dtype=np.uint8)
    for mask in (np.where(INSIDE, shades, 0), np.where(INSIDE, shades // 2, 0) + 100 * (shades > 245)):
        with pytest.raises(Unusable, match="photograph or a cut-out"):
            decode_mask(png(mask.astype(np.uint8)), "m")


@pytest.mark.parametrize("sigma", [0.7, 2.0, 5.0])
@pytest.mark.parametrize("inside", [255, 200])
def test_soft_masks_are_parted_at_half(sigma: float, inside: int) -> None:
    soft = cv2.GaussianBlur(np.where(INSIDE, inside, 0).astype(np.uint8), (0, 0), sigma)
    assert np.array_equal(decode_mask(png(soft), "m") > 0, soft >= 128)
    lossy = png(soft, "JPEG")
    assert np.array_equal(decode_mask(lossy, "m") > 0, np.asarray(Image.open(io.BytesIO(lossy))) >= 128)


def test_steps_of_an_enlarged_rim_are_no_class_ids() -> None:
    small = cv2.resize(LARGE, (40, 30), interpolation=cv2.INTER_AREA)
    rim = np.unique(small)
    enlarged = cv2.resize((small // 64 * 64).astype(np.uint8), (160, 120), interpolation=cv2.INTER_NEAREST)
    assert len(rim) > 2
    assert np.array_equal(decode_mask(png(enlarged), "m") > 0, enlarged >= 128)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_masks_are_turned_as_pictures_are(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"exif": exif.tobytes()}
    if kind == "WEBP":
        options["lossless"] = True
    data = png(np.where(OBJECT, 255, 0).astype(np.uint8), kind, **options)
    assert np.array_equal(decode_mask(data, "m"), upright_rgb(data)[..., 0])
