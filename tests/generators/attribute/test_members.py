"""Encoding: lossless formats return the bytes they were given, and the JSON has one shape."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from editmill.generators.attribute.candidates import Candidate
from editmill.generators.attribute.members import describe
from editmill.generators.base.edits import make_edit
from editmill.generators.base.images import decode_image, encode_image
from editmill.generators.base.samples import PlannedSample
from editmill.manifests.records import SourceRecord

SOURCE = SourceRecord(id="s", image="s.png", label=3, class_name="cup", width=4, height=4, sha256="0" * 64)
CANDIDATE = Candidate(None, parameters={"area": 0.1, "scale": 1, "matrix": [1, 0, 0, 0, 1, 0]})
EDITS = (
    make_edit("attribute", "original"),
    make_edit("attribute", "size", level=0.1),
    make_edit("attribute", "direction", level=0.05, angle=-3),
    make_edit("attribute", "position", level=0.05, x=0.25, y=1.0),
    make_edit("attribute", "background", prompt="grass"),
)


@pytest.mark.parametrize("kind", ["png", "webp"])
@given(image=arrays(np.uint8, (6, 5, 3)))
def test_lossless_formats_keep_every_byte(kind: str, image: np.ndarray) -> None:
    assert np.array_equal(decode_image(encode_image(image, kind)), image)


@given(image=arrays(np.uint8, (4, 4, 3), elements=st.integers(0, 255)))
def test_equal_pictures_give_equal_bytes(image: np.ndarray) -> None:
    assert encode_image(image, "png") == encode_image(image.copy(), "png")


def test_every_edit_has_the_same_json_keys_and_types() -> None:
    documents = [
        json.loads(json.dumps(describe(PlannedSample("k0", SOURCE, edit, 0), edit, CANDIDATE))) for edit in EDITS
    ]
    shapes = [{name: type(value) for name, value in document.items()} for document in documents]
    assert all(shape == shapes[0] for shape in shapes)
    assert all(isinstance(value, float) for document in documents for value in document["matrix"])
