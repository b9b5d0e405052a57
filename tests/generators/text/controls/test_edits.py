from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.controls.edits import augment, cased_like, delete_words, replace_synonyms
from editmill.generators.text.controls.synonyms import synonyms
from editmill.generators.text.language.operations import Operation, apply_operations, undo_operations
from editmill.generators.text.language.spans import words_of
from editmill.generators.text.language.tagging import part_of_speech
from editmill.generators.text.xmai2023.stopwords import STOPWORDS

PIECES = (
    "A",
    "a",
    "red",
    "Small",
    "DOG",
    "dogs",
    "cat",
    "picture",
    "man's",
    "t-shirt",
    "on",
    "the",
    "é",
    ",",
    ".",
    '"',
    " ",
    "\n",
    "🎈",
    "e\u0301",
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)
SEEDS = st.integers(0, 2**32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def edited(text: str, operations: tuple[Operation, ...]) -> str:
    result = apply_operations(text, operations)
    assert undo_operations(result, operations) == text
    return result


def deleted(text: str, seed: int, budget: int = 0) -> str:
    return edited(text, delete_words(text, rng(seed), budget=budget))


@given(TEXTS, SEEDS, st.integers(0, 4))
def test_deletions_keep_their_budget_and_everything_else(text: str, seed: int, budget: int) -> None:
    words = [word.text for word in words_of(text)]
    result = deleted(text, seed, budget)
    left = [word.text for word in words_of(result)]
    if len(words) < 2:
        assert result == text
    elif budget:
        assert len(left) == max(1, len(words) - budget)
    else:
        assert 1 <= len(left) < len(words)
    assert not Counter(left) - Counter(words)
    assert [sign for sign in result if not (sign.isalnum() or sign.isspace() or sign in "'-\u0301")] == [
        sign for sign in text if not (sign.isalnum() or sign.isspace() or sign in "'-\u0301")
    ]
    assert delete_words(text, rng(seed), budget=budget) == delete_words(text, rng(seed), budget=budget)


def test_deletions_take_a_blank_with_them() -> None:
    assert {deleted("A dog, here.", seed, 1) for seed in range(30)} == {"dog, here.", "A, here.", "A dog,."}
    assert {deleted("A dog, here.", seed, 2) for seed in range(60)} == {"A,.", "dog,.", ", here."}


def test_each_word_is_deleted_with_its_probability() -> None:
    text = " ".join(["word"] * 50)
    counts = [len(delete_words(text, rng(seed))) for seed in range(400)]
    assert min(counts) >= 1
    assert sum(counts) / 400 == pytest.approx(5, abs=0.5)
    assert all(len(delete_words("a b", rng(seed), probability=1.0)) == 1 for seed in range(20))


@given(TEXTS, SEEDS, st.integers(1, 3))
def test_synonyms_replace_words_one_by_one(text: str, seed: int, budget: int) -> None:
    operations = replace_synonyms(text, rng(seed), budget=budget)
    result = edited(text, operations)
    before, after = [word.text for word in words_of(text)], [word.text for word in words_of(result)]
    assert len(before) == len(after)
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    assert changed == len(operations) <= budget
    # What has synonyms depends on the sentence: "picture" may be read as a verb.
    known = [
        word
        for word, tag in zip(before, part_of_speech(before), strict=True)
        if word.lower() not in STOPWORDS and synonyms(word, tag)
    ]
    assert changed == min(budget, len(known))


def test_synonyms_keep_form_and_capitals() -> None:
    assert edited("Dogs sleep", replace_synonyms("Dogs sleep", rng(), budget=1)) == "Hounds sleep"
    assert edited("A DOG", replace_synonyms("A DOG", rng(), budget=1)) == "A HOUND"
    # The published methods don't correct articles either.
    assert edited("a truck", replace_synonyms("a truck", rng(), budget=1)) == "a lorry"
    assert {edited("a plane", replace_synonyms("a plane", rng(seed), budget=1)) for seed in range(9)} == {
        "a airplane",
        "a aircraft",
    }
    assert replace_synonyms("of the", rng(), budget=3) == ()


@given(TEXTS, SEEDS)
def test_augmentations_are_reversible_and_repeatable(text: str, seed: int) -> None:
    operations = augment(text, rng(seed))
    result = edited(text, operations)
    assert (result != text) == bool(operations)
    assert operations == augment(text, rng(seed))


def test_augmentation_draws_all_four_operations() -> None:
    text = "A small dog sits on the red grass beside a big cat"
    count = len(words_of(text))
    kinds = Counter[str]()
    for seed in range(200):
        operations = augment(text, rng(seed))
        words = [word.text for word in words_of(edited(text, operations))]
        same = sorted(words) == sorted(word.text for word in words_of(text))
        kinds[
            "swap" if same else {"insert": "insert", "delete": "delete", "replace": "replace"}[operations[0].kind]
        ] += 1
        if operations[0].kind == "insert":
            # A fifth of eleven words.
            assert len(words) == count + 2
    assert set(kinds) == {"swap", "insert", "delete", "replace"}
    assert min(kinds.values()) > 25


def test_what_can_not_be_changed_stays() -> None:
    assert augment("of", rng()) == augment("", rng()) == augment("...", rng()) == ()


@pytest.mark.parametrize(
    ("model", "expected"), [("dog", "hound"), ("Dog", "Hound"), ("DOG", "HOUND"), ("A", "Hound"), ("McDog", "Hound")]
)
def test_capitals(model: str, expected: str) -> None:
    assert cased_like("hound", model) == expected
