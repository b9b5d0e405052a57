"""The extra that brings a package is read from the distribution's own metadata."""

from __future__ import annotations

import pytest

from editmill.flows.extras import extra_of


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch", "generate"),
        ("cv2", "generate"),
        ("segment_anything.modeling", "generate"),
        ("imwatermark", "watermark"),
        ("blind_watermark", "watermark"),
        ("prefect_dask", "dask"),
        ("s3fs", "s3"),
        ("editmill.packs.tabletop", "generate"),
        ("editmill.packs.tabletop.world.scene", "generate"),
        ("editmill.no_such_part", ""),
        ("numpy", ""),
        ("nothing_like_it", ""),
    ],
)
def test_the_extra_of_a_module(module: str, extra: str) -> None:
    assert extra_of(module) == extra
