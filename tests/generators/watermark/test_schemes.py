"""Schemes embed what they read, in RGB, and their evidence decides the bits that the packages themselves decide."""

from __future__ import annotations

import multiprocessing
from typing import Any

import numpy as np
import pytest

from editmill.generators.watermark.quality import psnr
from editmill.generators.watermark.schemes import EmbeddingError, ReadingError, Scheme, make_scheme
from editmill.generators.watermark.settings import SchemeSettings
from editmill.manifests.arrays import Feature, Picture
from editmill.manifests.errors import RequestError
from tests.generators.watermark.pictures import textured

NAMES = ("dwtDct", "dwtDctSvd", "rivaGan", "blind-watermark")
# Photographs of 512 pixels have some 38 to 41 dB.
# Share of the bits; dwtDct misses some before any attack.
LEAST = {"dwtDct": 0.8, "dwtDctSvd": 1.0, "rivaGan": 0.95, "blind-watermark": 1.0}
QUALITY = {"dwtDct": 37, "dwtDctSvd": 37, "rivaGan": 39, "blind-watermark": 36}


@pytest.fixture(scope="module", params=NAMES)
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return make_scheme(SchemeSettings(name=request.param))


def payload_of(seed: int, bits: int = 32) -> Feature:
    return np.random.default_rng(seed).integers(0, 2, bits, dtype=np.uint8)


def accuracy(scheme: Scheme, image: Picture, payload: Feature) -> float:
    return float(np.mean((scheme.scores(image) > 0) == payload.astype(bool)))


def test_a_mark_is_read_back_and_hardly_seen(scheme: Scheme) -> None:
    for seed in range(3):
        image, payload = textured(seed), payload_of(seed)
        marked = scheme.embed(image, payload)
        assert marked.shape == image.shape
        assert marked.dtype == np.uint8
        assert psnr(marked, image) > QUALITY[scheme.name]
        assert accuracy(scheme, marked, payload) >= LEAST[scheme.name]
        assert accuracy(scheme, marked, 1 - payload) <= 1 - LEAST[scheme.name]


def test_pictures_and_payloads_are_left_as_they_were(scheme: Scheme) -> None:
    image, payload = textured(5), payload_of(5)
    kept = image.copy(), payload.copy()
    scheme.scores(scheme.embed(image, payload))
    assert np.array_equal(image, kept[0])
    assert np.array_equal(payload, kept[1])


def test_sides_that_no_block_divides(scheme: Scheme) -> None:
    image, payload = textured(7, height=267, width=301), payload_of(7)
    marked = scheme.embed(image, payload)
    assert marked.shape == image.shape
    assert accuracy(scheme, marked, payload) >= LEAST[scheme.name] - 0.05


@pytest.mark.parametrize("name", ["dwtDct", "dwtDctSvd", "rivaGan"])
def test_the_package_decides_the_same_bits(name: str) -> None:
    from imwatermark import WatermarkDecoder, WatermarkEncoder

    ours = make_scheme(SchemeSettings(name=name))
    image, payload = textured(11), payload_of(11)
    bgr = np.ascontiguousarray(image[..., ::-1])
    encoder = WatermarkEncoder()
    encoder.set_watermark("bits", payload.tolist())
    theirs = encoder.encode(bgr.copy(), name)
    assert np.array_equal(theirs[..., ::-1], ours.embed(image, payload))
    if name != "rivaGan":
        read = WatermarkDecoder("bits", 32).decode(theirs, name)
        assert np.array_equal(np.asarray(read, bool), ours.scores(np.ascontiguousarray(theirs[..., ::-1])) > 0)


def test_blind_watermark_decides_the_same_bits() -> None:
    ours = make_scheme(SchemeSettings(name="blind-watermark"))
    import blind_watermark

    image = textured(13)
    marked = ours.embed(image, payload_of(13))
    for picture in (image, marked):
        theirs = blind_watermark.WaterMark(password_img=1, password_wm=1).extract(
            embed_img=np.ascontiguousarray(picture[..., ::-1]), wm_shape=32, mode="bit"
        )
        assert np.array_equal(np.asarray(theirs, bool), ours.scores(picture) > 0)


def test_importing_blind_watermark_does_not_choose_how_processes_start() -> None:
    before = multiprocessing.get_start_method(allow_none=True)
    make_scheme(SchemeSettings(name="blind-watermark"))
    assert multiprocessing.get_start_method(allow_none=True) == before


def test_an_even_picture_gives_no_evidence() -> None:
    grey = np.full((256, 256, 3), 128, np.uint8)
    assert not make_scheme(SchemeSettings(name="blind-watermark")).scores(grey).any()


@pytest.mark.parametrize("name", ["dwtDct", "dwtDctSvd", "blind-watermark"])
def test_payloads_that_a_picture_has_no_blocks_for(name: str) -> None:
    scheme, image = make_scheme(SchemeSettings(name=name, bits=128)), textured(1, height=64, width=64)
    with pytest.raises(EmbeddingError, match="blocks"):
        scheme.embed(image, payload_of(1, 128))
    with pytest.raises(ReadingError, match="blocks"):
        scheme.scores(image)


class Mine:
    """A scheme of somebody else."""

    name, package, version, bits = "mine", "tests", "1", 8
    parameters: dict[str, Any] = {}

    def embed(self, image: Picture, payload: Feature) -> Picture:
        return image

    def scores(self, image: Picture) -> Feature:
        return np.ones(8)


def test_a_scheme_of_others_comes_from_its_factory() -> None:
    assert make_scheme(SchemeSettings(name="mine", bits=8, factory=f"{__name__}:Mine")).scores(textured(0)).sum() == 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"factory": "no_such_module:make"}, "fails"),
        ({"factory": f"{__name__}:nothing"}, "fails"),
        ({"factory": f"{__name__}:Mine", "options": {"strength": 1}}, "no arguments"),
        ({"factory": "builtins:dict"}, "without name, package"),
        ({"factory": f"{__name__}:Mine", "bits": 9}, "8 bits, the recipe says 9"),
    ],
)
def test_factories_that_give_no_scheme(changes: dict[str, object], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        make_scheme(SchemeSettings.model_validate({"name": "mine", "bits": 8, **changes}))


def test_a_payload_of_as_many_bits_as_blocks_is_embedded() -> None:
    """A picture of 64 x 64 pixels has 8 x 8 blocks."""
    payload = np.arange(64) % 2
    picture = textured(0, height=64, width=64)
    assert not np.array_equal(make_scheme(SchemeSettings(name="dwtDctSvd", bits=64)).embed(picture, payload), picture)
    with pytest.raises(EmbeddingError, match="64 blocks for 65 bits"):
        make_scheme(SchemeSettings(name="dwtDctSvd", bits=65)).embed(picture, np.arange(65) % 2)
