"""Free-form controls: reversible, seeded, of the size that was asked for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from generators.text.controls.edits import augment, delete_words, replace_synonyms
from generators.text.controls.synonyms import SYNONYMS
from generators.text.language.operations import apply_operations, undo_operations
from generators.text.language.spans import words_of

TEXTS = st.one_of(st.text(max_size=50), st.lists(st.sampled_from([*SYNONYMS, "a", "Photo", "of", "-", "😀"]), max_size=12).map(" ".join))


@given(TEXTS, st.integers(0, 2**32), st.integers(0, 4))
def test_every_edit_can_be_undone_and_drawn_again(text: str, seed: int, budget: int) -> None:
    for change in (
        lambda rng: delete_words(text, rng, budget=budget), lambda rng: replace_synonyms(text, rng, budget=max(1, budget)),
        lambda rng: augment(text, rng),
    ):
        operations = change(np.random.default_rng(seed))
        assert operations == change(np.random.default_rng(seed))
        assert undo_operations(apply_operations(text, operations), operations) == text


def test_deletion_keeps_the_budget_and_one_word() -> None:
    for seed in range(20):
        operations = delete_words("a red cube on grass", np.random.default_rng(seed), budget=2)
        assert len(words_of(apply_operations("a red cube on grass", operations))) == 3
        assert words_of(apply_operations("red cube", delete_words("red cube", np.random.default_rng(seed), budget=5)))
    assert delete_words("cube", np.random.default_rng(0), budget=1) == ()


def test_synonyms_keep_capitals() -> None:
    assert apply_operations("Mug", replace_synonyms("Mug", np.random.default_rng(0), budget=1)) == "Cup"
    assert replace_synonyms("xyz", np.random.default_rng(0), budget=1) == ()
