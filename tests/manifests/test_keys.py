from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.manifests.errors import DataError, RequestError
from editmill.manifests.keys import MAX_KEY_LENGTH, MAX_REPLICA, sample_key, shard_of, validate_key

# Ids that slugging would merge: separators, case, dots, and more than fits.
IDS = st.one_of(
    st.text(min_size=1, max_size=120),
    st.text(alphabet="aAb0._- ", min_size=1, max_size=8),
    st.text(alphabet="ab", min_size=70, max_size=90),
)
INPUTS = st.tuples(IDS, IDS, st.integers(0, MAX_REPLICA))


@given(INPUTS)
def test_keys_are_valid(inputs: tuple[str, str, int]) -> None:
    key = sample_key(*inputs)
    assert re.fullmatch(r"[a-z0-9_-]+", key, re.ASCII)
    assert key[-1].isdigit()
    assert len(key.encode()) <= MAX_KEY_LENGTH
    validate_key(key)


@given(INPUTS, INPUTS)
def test_keys_are_unique(one: tuple[str, str, int], other: tuple[str, str, int]) -> None:
    assert (sample_key(*one) == sample_key(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a-b", "c", 0), ("a", "b-c", 0)),
        (("a__b", "c", 0), ("a", "b__c", 0)),
        (("a_", "b", 0), ("a", "_b", 0)),
        (("IMG1", "c", 0), ("img1", "c", 0)),
        (("x_0.5", "c", 0), ("x_0.7", "c", 0)),
        (("x" * 90 + "a", "c", 0), ("x" * 90 + "b", "c", 0)),
        (("a", "b", 1), ("a", "b", 10)),
        ((unicodedata.normalize("NFC", "é"), "c", 0), (unicodedata.normalize("NFD", "é"), "c", 0)),
    ],
)
def test_near_collisions_stay_apart(one: tuple[str, str, int], other: tuple[str, str, int]) -> None:
    assert sample_key(*one) != sample_key(*other)


def test_plain_inputs_stay_legible() -> None:
    assert sample_key("n01443537_goldfish", "size-008", 3) == "n01443537_goldfish__size-008__3"


def test_lossless_text_cannot_forge_a_hashed_key() -> None:
    hashed = sample_key("IMG1", "full", 0)
    source, edit, code, _ = hashed.split("__")
    assert sample_key(f"{source}__{edit}", code, 0) != hashed
    assert sample_key(source, f"{edit}__{code}", 0) != hashed


@pytest.mark.parametrize("key", ["", "a.b0", "A0", "a", "a0\n", "é0", "a 0", "x" * 80 + "0", "a/0", "٣"])
def test_bad_keys_are_refused(key: str) -> None:
    with pytest.raises(DataError, match="bad sample key"):
        validate_key(key)


@pytest.mark.parametrize("inputs", [("", "e", 0), ("s", "", 0), ("s", "e", -1), ("s", "e", MAX_REPLICA + 1)])
def test_bad_inputs_are_refused(inputs: tuple[str, str, int]) -> None:
    with pytest.raises(RequestError):
        sample_key(*inputs)


@given(st.text(), st.integers(1, 5000))
def test_shard_of_depends_on_the_id_alone(source_id: str, shards: int) -> None:
    assert 0 <= shard_of(source_id, shards) < shards
    assert shard_of(source_id, shards) == shard_of(source_id, shards)


def test_shard_of_is_pinned_and_even() -> None:
    assert [shard_of(f"img{number:03d}", 8) for number in range(6)] == [1, 0, 2, 0, 3, 6]
    sizes = [0] * 8
    for number in range(8000):
        sizes[shard_of(f"img{number}", 8)] += 1
    assert min(sizes) > 900


def test_shard_of_needs_a_shard() -> None:
    with pytest.raises(RequestError, match="at least one shard"):
        shard_of("a", 0)
