from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.models.features import ImageTextFeatures
from editmill.generators.models.masked_lm import MaskedLm
from editmill.generators.text.controls.clare import Clare, ClareSettings
from editmill.generators.text.controls.similarity import TextSimilarity
from editmill.generators.text.language.operations import apply_operations, undo_operations
from editmill.generators.text.language.spans import words_of
from tests.checkpoints import write_clip
from tests.generators.models.text_models import models_of
from tests.generators.text.xmai2023.tiny import make_bert

PIECES = ("a", "the", "dog", "Dog", "man", "bear", "red", "old", "t-shirt", "é", ".", ",", " ", "[MASK]")
TEXTS = st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join)
BEST = ClareSettings(candidates=1)


class Judge:
    """A similarity that is the same for all pairs, and the pairs that it judged."""

    def __init__(self, value: float = 1.0) -> None:
        self.value, self.pairs = value, list[tuple[str, str]]()

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.pairs += pairs
        return [self.value] * len(pairs)


def rngs(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, position]) for position in range(count)]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> MaskedLm:
    return make_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def similar(tmp_path_factory: pytest.TempPathFactory) -> TextSimilarity:
    folder: Path = tmp_path_factory.mktemp("clip")
    return TextSimilarity(
        ImageTextFeatures(models_of("zero_shot", "transformers.CLIPModel", write_clip(folder / "clip")))
    )


def edited(
    model: MaskedLm,
    text: str,
    seed: int,
    *,
    settings: ClareSettings | None = None,
    judge: Judge | None = None,
    budget: int = 0,
) -> str:
    operations = Clare(model, judge or Judge(), settings).edit([text], rngs(1, seed), [budget])[0]
    return apply_operations(text, operations)


def test_all_three_kinds_of_changes(tmp_path: Path) -> None:
    model = make_bert(tmp_path, ("old",))
    found = {edited(model, "the red dog", seed, settings=BEST) for seed in range(60)}
    # Stopwords are neither replaced nor given a word before them, but merge with what follows.
    assert found == {"the old dog", "the red old", "the old red dog", "the red old dog", "the old", "old dog"}


def test_words_need_their_probability(bert: MaskedLm) -> None:
    settings = ClareSettings(replace=1.1, insert=1.1, merge=1.1)
    assert Clare(bert, Judge(), settings).edit(["the red dog"], rngs(1)) == [()]
    kinds = {
        edited(bert, "the red dog", seed, settings=ClareSettings(replace=1.1, merge=1.1)).count(" ")
        for seed in range(10)
    }
    assert kinds == {3}


def test_few_candidates_are_the_best(tmp_path: Path) -> None:
    model = make_bert(tmp_path, ("old", "blue", "two"))
    found = {
        word
        for seed in range(40)
        for word in edited(model, "the red dog", seed, settings=ClareSettings(candidates=2)).split()
    }
    assert found == {"the", "red", "dog", "old", "blue"}


def test_unlike_texts_are_left_alone(bert: MaskedLm) -> None:
    judge = Judge(0.69)
    assert edited(bert, "the red dog", 0, judge=judge) == "the red dog"
    assert len(set(judge.pairs)) > 20
    assert all(before == "the red dog" for before, _ in judge.pairs)
    assert edited(bert, "the red dog", 0, judge=Judge(0.7)) != "the red dog"


def test_short_texts_may_pass_unjudged(bert: MaskedLm) -> None:
    judge = Judge(0.0)
    assert edited(bert, "the red dog", 0, settings=ClareSettings(skip_short=True), judge=judge) != "the red dog"
    assert judge.pairs == []


def test_windows_lie_around_the_change(bert: MaskedLm) -> None:
    judge, text = Judge(), "a dog on grass and a man with a red ball on the old grass and a bear"
    changed = edited(bert, text, 4, judge=judge)
    before, after = judge.pairs[0]
    assert len(words_of(before)) == len(words_of(after)) == 15
    assert before in text
    assert after in changed
    assert before != after


def test_signs_and_capitals_stay(tmp_path: Path) -> None:
    model = make_bert(tmp_path, ("old",))
    found = {edited(model, "Red, dog.", seed, settings=BEST) for seed in range(30)}
    assert found == {"Old, dog.", "Red, old.", "old Red, dog.", "Red, old dog."}


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_budgets(bert: MaskedLm, budget: int) -> None:
    text = "the red dog and the old man with a teddy bear"
    for seed in range(10):
        operations = Clare(bert, Judge()).edit([text], rngs(1, seed), [budget])[0]
        assert len(operations) == budget


def test_without_budget_a_tenth_of_the_words_changes(bert: MaskedLm) -> None:
    text = " ".join(["dog man"] * 10)
    assert len(Clare(bert, Judge()).edit([text], rngs(1))[0]) == 2
    assert len(Clare(bert, Judge()).edit(["dog man"], rngs(1))[0]) == 1


def test_long_texts_keep_no_other_back(bert: MaskedLm) -> None:
    texts = ["the red dog", "a dog on grass and " * 8 + "a dog"]
    both = Clare(bert, Judge()).edit(texts, rngs(2))
    assert both[0] == Clare(bert, Judge()).edit(texts[:1], rngs(1))[0] != ()
    assert both[1]


@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(0, 99))
def test_edits_are_reversible_repeatable_and_independent(
    bert: MaskedLm, similar: TextSimilarity, texts: list[str], seed: int
) -> None:
    editor = Clare(bert, similar, ClareSettings(candidates=4, similarity=0.5))
    together = editor.edit(texts, rngs(len(texts), seed), [1] * len(texts))
    for position, (text, operations) in enumerate(zip(texts, together, strict=True)):
        result = apply_operations(text, operations)
        assert undo_operations(result, operations) == text
        assert len(operations) <= 1
        assert editor.edit([text], [np.random.default_rng([seed, position])], [1]) == [operations]


def test_similarity_of_texts(similar: TextSimilarity) -> None:
    pairs = [("a red cube", "a red cube"), ("a red cube", "a ball on grass")]
    assert similar([]) == []
    assert similar(pairs)[0] == pytest.approx(1.0, abs=1e-6)
    assert similar(pairs)[1] < 1
    assert similar(pairs[1:]) == similar(pairs)[1:]
