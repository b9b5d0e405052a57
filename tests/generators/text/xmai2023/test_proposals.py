from __future__ import annotations

from pathlib import Path

import pytest

from editmill.generators.models.masked_lm import MaskedLm
from editmill.generators.text.xmai2023.proposals import Blank, Proposer
from tests.generators.models.text_models import models_of, write_roberta
from tests.generators.text.xmai2023.tiny import VOCABULARY, make_bert, probabilities

DOG = Blank("a red dog on grass", 6)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> MaskedLm:
    return make_bert(tmp_path_factory.mktemp("bert"))


def test_probabilities_are_the_models(bert: MaskedLm) -> None:
    proposals = Proposer(bert, top=len(VOCABULARY), kept=99).propose([DOG])[0]
    expected = probabilities(bert, ["[CLS]", "a", "red", "[MASK]", "dog", "on", "grass", "[SEP]"], 3)
    assert {one.word: one.probability for one in proposals} == pytest.approx(
        {one.word: expected[one.word] for one in proposals}, abs=1e-7
    )
    assert [one.probability for one in proposals] == sorted((one.probability for one in proposals), reverse=True)


def test_filters(bert: MaskedLm) -> None:
    words = {one.word for one in Proposer(bert, top=len(VOCABULARY), kept=99).propose([DOG])[0]}
    # No special tokens, stopwords in any case, signs, pieces, nor the noun and what stands before it.
    assert words == {"blue", "old", "two", "2", "man", "ball", "asian", "teddy", "bear", "grass", "shirt"}


def test_filters_look_at_the_best_tokens_only(tmp_path: Path) -> None:
    model = make_bert(tmp_path, ("the", "dog", ".", "[UNK]", "[CLS]", "old", "##tic", "blue", "red", "ball"))
    assert [one.word for one in Proposer(model, top=20, kept=3).propose([DOG])[0]] == ["old", "blue", "ball"]
    assert [one.word for one in Proposer(model, top=8, kept=3).propose([DOG])[0]] == ["old", "blue"]
    assert Proposer(model, top=5, kept=3).propose([DOG]) == [[]]


def test_a_word_may_come_back_after_four_tokens(tmp_path: Path) -> None:
    proposer = Proposer(make_bert(tmp_path, ("red", "old")), top=2, kept=2)
    assert [one.word for one in proposer.propose([Blank("red dog on a ball", 13)])[0]] == ["red", "old"]
    assert [one.word for one in proposer.propose([Blank("red on a ball", 9)])[0]] == ["old"]


def test_equal_probabilities_keep_the_vocabularys_order(tmp_path: Path) -> None:
    # Nothing is preferred over the three, which share one bias.
    model = make_bert(tmp_path, ("ball", "old", "blue"))
    model.model.cls.predictions.bias.data[[VOCABULARY.index(word) for word in ("ball", "old", "blue")]] = 5.0
    assert [one.word for one in Proposer(model, top=3, kept=3).propose([DOG])[0]] == ["blue", "old", "ball"]


def test_neighbours_do_not_matter(bert: MaskedLm) -> None:
    blanks = [DOG, Blank("the ball", 4), Blank("a dog and a man with a teddy bear on the grass", 23)]
    proposer = Proposer(bert, top=20, kept=3)
    assert proposer.propose(blanks * 20)[:3] == [proposer.propose([blank])[0] for blank in blanks]


def test_slots_beyond_the_models_length_have_no_words(bert: MaskedLm) -> None:
    far = "a dog on grass and " * 6 + "a ball"
    assert Proposer(bert, top=20, kept=3).propose([Blank(far, far.index("ball")), DOG])[0] == []
    assert Proposer(bert, top=20, kept=3).propose([]) == []


def test_masks_of_the_source_are_not_taken_for_the_slot(bert: MaskedLm) -> None:
    proposals = Proposer(bert, top=len(VOCABULARY), kept=1).propose([Blank("a [MASK] dog on a ball", 18)])[0]
    # "[", "MASK" and "]", which this vocabulary does not have.
    signs = ["[UNK]"] * 3
    expected = probabilities(bert, ["[CLS]", "a", *signs, "dog", "on", "a", "[MASK]", "ball", "[SEP]"], 8)
    assert proposals[0].probability == pytest.approx(expected[proposals[0].word], abs=1e-7)


def test_byte_level_vocabularies(tmp_path: Path) -> None:
    roberta = MaskedLm(models_of("masked_lm", "transformers.RobertaForMaskedLM", write_roberta(tmp_path / "roberta")))
    words = {one.word for one in Proposer(roberta, top=1000, kept=1000).propose([Blank("A red cube", 6)])[0]}
    # "A" begins the text without the mark of a word, "red" precedes, "cube" is the noun; "a", "i", "re" and "c" are
    # stopwords or pieces of them.
    assert words == {"iv", "r"}
    pieces = Proposer(roberta, top=1000, kept=1000, legacy_bugs=(3,)).propose([Blank("A red cube", 6)])[0]
    assert {"ube", "ory"} <= {one.word for one in pieces if one.piece}
