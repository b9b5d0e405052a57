from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.models.features import ImageTextFeatures
from editmill.generators.text.language.operations import Operation, apply_operations, undo_operations
from editmill.generators.text.settings import XmaiSettings
from editmill.generators.text.word_vectors import WordVectors
from editmill.generators.text.xmai2023.ceiling import masked_model_ceiling
from editmill.generators.text.xmai2023.editor import Cosines, Xmai, insert_randomly
from editmill.generators.text.xmai2023.proposals import Blank, Proposal, Proposer
from editmill.generators.text.xmai2023.slots import MaskSlot
from tests.checkpoints import write_clip
from tests.generators.models.text_models import models_of
from tests.generators.text.xmai2023.tiny import make_bert

SIMILAR = {
    ("red", "brown"): 0.2,
    ("red", "big"): 0.4,
    ("green", "brown"): 0.1,
    ("green", "big"): 0.0,
    ("old", "brown"): 0.7,
    ("old", "big"): 0.3,
}
COSINES = {"red": 0.30, "green": 0.20, "old": 0.25}


def similarity(first: str, second: str) -> float:
    return SIMILAR.get((first, second), 0.0)


def cosines(positions: Sequence[int], sentences: Sequence[str]) -> list[float]:
    return [next((value for word, value in COSINES.items() if f" {word} " in sentence), 0.5) for sentence in sentences]


class Listed:
    """Proposes the same words for every blank, and remembers what was asked at a time."""

    def __init__(self, *words: tuple[str, float]) -> None:
        self.words, self.asked = words, list[list[str]]()

    def propose(self, blanks: Sequence[Blank]) -> list[list[Proposal]]:
        self.asked.append([f"{blank.text[: blank.place]}_ {blank.text[blank.place :]}" for blank in blanks])
        return [[Proposal(word, probability) for word, probability in self.words] for _ in blanks]


THREE = (("red", 0.5), ("green", 0.3), ("old", 0.1))


def test_terms_and_choice_by_hand() -> None:
    outcome = Xmai(Listed(*THREE), similarity, cosines, XmaiSettings()).edit(
        ["A dog runs"], [{"dog": ["brown", "big"]}]
    )[0]
    # B: red max(.2, .4), green max(.1, 0), old max(.7, .3); C: .7, .8, .75; scores 3.5, 5.5 and 7.5 elevenths.
    assert [one.word for one in outcome.candidates[0]] == ["red", "green", "old"]
    assert [one.fluency for one in outcome.candidates[0]] == pytest.approx([0.5, 0.3, 0.1], abs=1e-6)
    assert [one.attribute for one in outcome.candidates[0]] == pytest.approx([0.4, 0.1, 0.7], abs=1e-6)
    assert [one.image for one in outcome.candidates[0]] == pytest.approx([0.70, 0.80, 0.75], abs=1e-6)
    assert [one.score for one in outcome.candidates[0]] == pytest.approx([3.5 / 11, 5.5 / 11, 7.5 / 11], abs=1e-6)
    filled = outcome.filled[0]
    assert (filled.word, filled.runner_up, filled.score, filled.margin) == (
        "old",
        "green",
        pytest.approx(7.5 / 11),
        pytest.approx(2 / 11),
    )
    assert (outcome.text, outcome.operations) == ("A old dog runs", (Operation("insert", 2, "", "old "),))


def test_ties_go_to_the_first_proposed() -> None:
    outcome = Xmai(Listed(("new", 0.2), ("big", 0.2), ("tan", 0.2)), similarity, cosines, XmaiSettings()).edit(
        ["a dog"], [{"dog": ["brown"]}]
    )[0]
    assert [one.score for one in outcome.candidates[0]] == pytest.approx([6 / 11] * 3, abs=1e-6)
    assert (outcome.filled[0].word, outcome.filled[0].margin) == ("new", 0.0)


def test_fewer_candidates_than_wanted() -> None:
    outcome = Xmai(Listed(("red", 0.3), ("green", 0.1)), similarity, cosines, XmaiSettings()).edit(
        ["a dog"], [{"dog": []}]
    )[0]
    # A as if a third word had probability 0: 1, 1/3; B: nothing known; C: .7, .8 becomes 0, 1.
    assert [one.score for one in outcome.candidates[0]] == pytest.approx([1 / 11, (1 / 3 + 5) / 11], abs=1e-6)
    only = Xmai(Listed(("red", 0.3)), similarity, cosines, XmaiSettings()).edit(["a dog"], [{"dog": ["brown"]}])[0]
    # A: 1, B: .2 becomes 1, C: .7 becomes 1.
    assert (only.filled[0].score, only.filled[0].margin, only.filled[0].runner_up) == (
        pytest.approx(1.0),
        pytest.approx(1.0),
        "",
    )


def test_the_slots_of_all_captions_are_filled_together_from_the_left() -> None:
    proposer = Listed(*THREE)
    names: dict[str, list[str]] = {"dog": [], "cat": []}
    outcomes = Xmai(proposer, similarity, cosines, XmaiSettings()).edit(
        ["A dog and a cat sit", "the cat runs", "nothing"], [names] * 3
    )
    assert proposer.asked == [["A _ dog and a cat sit", "the _ cat runs"], ["A green dog and a _ cat sit"]]
    assert [outcome.text for outcome in outcomes] == [
        "A green dog and a green cat sit",
        "the green cat runs",
        "nothing",
    ]


def test_reasons() -> None:
    outcomes = Xmai(Listed(), similarity, cosines, XmaiSettings()).edit(
        ["a dog", "a cat"], [{"dog": ["big"]}, {"dog": ["big"]}]
    )
    assert [outcome.reason for outcome in outcomes] == ["no_candidate", "no_match"]
    assert [(outcome.text, outcome.operations) for outcome in outcomes] == [("a dog", ()), ("a cat", ())]


def test_persons_get_words_as_published() -> None:
    assert (
        Xmai(Listed(*THREE), similarity, cosines, XmaiSettings()).edit(["a woman sits"], [{"woman": []}])[0].text
        == "a green woman sits"
    )


def test_naive_draws_attributes_of_the_matched_object() -> None:
    def draw(seed: int, attributes: Mapping[str, Sequence[str]]) -> str:
        return insert_randomly(
            "A dog and a cat sit", attributes, similarity, XmaiSettings(), np.random.default_rng(seed)
        ).text

    known = {"dog": ["brown", "big"], "cat": ["light blue"], "mug": ["red"]}
    assert {draw(seed, known) for seed in range(20)} == {
        "A brown dog and a light blue cat sit",
        "A big dog and a light blue cat sit",
    }
    assert draw(3, known) == draw(3, known)
    assert (
        insert_randomly("a dog", {"dog": []}, similarity, XmaiSettings(), np.random.default_rng(0)).reason
        == "no_candidate"
    )
    assert insert_randomly("a dog", {}, similarity, XmaiSettings(), np.random.default_rng(0)).reason == "no_match"


def test_ceiling_counts_slots_whose_truth_is_known() -> None:
    names: dict[str, list[str]] = {"dog": [], "cat": [], "mug": []}
    outcomes = Xmai(Listed(*THREE), similarity, cosines, XmaiSettings()).edit(
        ["A dog and a cat sit", "the mug here", "none"], [names] * 3
    )
    true = {(0, "dog"): {"old"}, (0, "cat"): {"tiny"}}

    def words(position: int, slot: MaskSlot) -> set[str] | None:
        return true.get((position, slot.names[0]))

    ceiling = masked_model_ceiling(outcomes, words)
    assert (ceiling.slots, ceiling.reached, ceiling.share) == (2, 1, 0.5)
    assert masked_model_ceiling([], words).share == 0.0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[int, ...]], Xmai]:
    folder: Path = tmp_path_factory.mktemp("whole")
    bert = make_bert(folder)
    features = ImageTextFeatures(models_of("zero_shot", "transformers.CLIPModel", write_clip(folder / "clip")))
    image = features.images([np.full((32, 32, 3), 99, np.uint8)])[0].double().numpy()
    near: Cosines = lambda _, sentences: [  # noqa: E731 - a protocol of one call.
        float(one @ image) for one in (features.texts(tuple(sentences)).double().numpy() if sentences else ())
    ]

    def make(bugs: tuple[int, ...]) -> Xmai:
        settings = XmaiSettings(legacy_bugs=bugs)
        return Xmai(
            Proposer(bert, top=settings.top, kept=settings.kept, legacy_bugs=bugs),
            WordVectors(bert).similarity,
            near,
            settings,
        )

    return make


NAMES: dict[str, list[str]] = {"dog": ["red"], "man": ["old", "blue"], "teddy bear": ["two"], "ball": ["red"]}
CAPTIONS = st.lists(
    st.sampled_from(
        ["a", "the", "dog", "dogs", "man", "teddy", "bear", "ball", "and", "é", "t-shirt", ".", "man's", " "]
    ),
    max_size=10,
).map(" ".join)


@given(st.lists(CAPTIONS, min_size=1, max_size=4), st.sets(st.integers(1, 5), max_size=2))
def test_whole_edits_are_reversible_and_independent(
    whole: Callable[[tuple[int, ...]], Xmai], texts: list[str], bugs: set[int]
) -> None:
    editor = whole(tuple(sorted(bugs)))
    outcomes = editor.edit(texts, [NAMES] * len(texts))
    for text, outcome in zip(texts, outcomes, strict=True):
        assert undo_operations(outcome.text, outcome.operations) == text
        assert apply_operations(text, outcome.operations) == outcome.text
        assert bool(outcome.reason) != bool(outcome.filled)
        alone = editor.edit([text], [NAMES])[0]
        assert (alone.text, alone.filled, alone.candidates, alone.reason) == (
            outcome.text,
            outcome.filled,
            outcome.candidates,
            outcome.reason,
        )
        if not bugs:
            assert [outcome.text[span.start : span.end] for span in outcome.spans] == [
                one.word for one in outcome.filled
            ]
