from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.manifests import MemberSpan
from editmill.manifests.canonical import canonical_json, digest, file_digest
from editmill.manifests.errors import DataError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_round_trip(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(max_size=4), st.integers(), max_size=6))
def test_insertion_order_does_not_matter(value: dict[str, int]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


def test_form() -> None:
    assert canonical_json({"b": 0.1, "a": ("é", 1, 1.0)}) == '{"a":["é",1,1.0],"b":0.1}'.encode()


def test_models_encode_as_their_fields_also_inside_containers() -> None:
    span = MemberSpan(offset=1, size=2, sha256="0" * 64)
    assert canonical_json([span]) == canonical_json([{"offset": 1, "size": 2, "sha256": "0" * 64}])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: "a"}, {"a": {1: 2}}, {1, 2}, b"x", "\ud800"])
def test_values_without_one_form_are_refused(value: object) -> None:
    with pytest.raises(DataError, match="no canonical JSON"):
        canonical_json(value)


def test_digests(tmp_path: Path) -> None:
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    (tmp_path / "f").write_bytes(b"{}")
    assert file_digest(tmp_path / "f") == digest({})
    assert file_digest(tmp_path / "f", "md5") == "99914b932bd37a50b983c5e7c90ae93b"
