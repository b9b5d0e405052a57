from __future__ import annotations

import pytest

from editmill.manifests.errors import DataError
from editmill.manifests.jsontypes import check_same_types, json_types


def test_types_are_flat_paths() -> None:
    assert json_types(b'{"a": 1, "b": {"c": [0.5, 1.0]}, "d": [], "e": true}') == {
        "": "object",
        "a": "int",
        "b": "object",
        "b.c": "list",
        "b.c[]": "float",
        "d": "empty list",
        "e": "bool",
    }


@pytest.mark.parametrize(
    "data", [b"[1]", b"1", b"{", b'{"a": null}', b'{"a": NaN}', b'{"a": [1, 0.5]}', b'{"a": [{"b": null}]}', b"\xff"]
)
def test_what_datasets_misreads_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="bad json member"):
        json_types(data)


@pytest.mark.parametrize(
    ("first", "later", "path"),
    [
        (b'{"level": 0}', b'{"level": 0.5}', "level"),
        (b'{"a": 1}', b'{"a": 1, "b": 2}', "b"),
        (b'{"a": 1, "b": 2}', b'{"a": 1}', "b"),
        (b'{"a": {"x": 1}}', b'{"a": {"y": 1}}', "a.x"),
        (b'{"a": []}', b'{"a": ["x"]}', "a"),
    ],
)
def test_types_that_change_between_samples_are_refused(first: bytes, later: bytes, path: str) -> None:
    with pytest.raises(DataError, match=f"'{path}'"):
        check_same_types(json_types(first), json_types(later), where="k0.json")


def test_other_values_of_the_same_types_pass() -> None:
    check_same_types(json_types(b'{"a": 1, "b": "x"}'), json_types(b'{"b": "", "a": -1}'), where="")
