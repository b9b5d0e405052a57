from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.controls.matched import false_attribute, open_class_words, random_attribute
from editmill.generators.text.language.attribute_words import GROUPS

COLOURS = GROUPS["colour"]


def test_random_attributes_follow_the_pools_histogram() -> None:
    rng = np.random.default_rng(0)
    drawn = Counter(random_attribute(("red", "red", "red", "blue"), rng) for _ in range(4000))
    assert drawn["red"] / 4000 == pytest.approx(0.75, abs=0.03)
    with pytest.raises(ValueError, match="no words"):
        random_attribute((), rng)


@given(st.integers(0, 2**32), st.sets(st.sampled_from(COLOURS)))
def test_false_attributes_are_never_true(seed: int, true: set[str]) -> None:
    word = false_attribute(COLOURS, true, np.random.default_rng(seed))
    assert word is None if true == set(COLOURS) else word in set(COLOURS) - true
    assert word == false_attribute(COLOURS, true, np.random.default_rng(seed))


def test_synonyms_of_true_words_are_not_false() -> None:
    rng = np.random.default_rng(0)
    assert {false_attribute(("blue", "azure", "red"), {"blue"}, rng) for _ in range(20)} == {"red"}
    assert {false_attribute(("blue", "azure", "red"), {"azure"}, rng) for _ in range(20)} == {"red"}
    assert false_attribute(("blue", "azure"), {"azure"}, rng) is None


def test_random_words_are_no_stopwords_and_do_not_follow_the_vocabularys_order() -> None:
    assert open_class_words(["the", "The", "I", "x", "zebra", "red", "Paris", "red"]) == ("red", "zebra")
