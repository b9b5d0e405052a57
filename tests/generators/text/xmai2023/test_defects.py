"""One fixture for each defect of the published scripts, off and on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from editmill.generators.models.masked_lm import MaskedLm
from editmill.generators.text.language.operations import apply_operations, undo_operations
from editmill.generators.text.settings import XmaiSettings
from editmill.generators.text.word_vectors import WordVectors
from editmill.generators.text.xmai2023.defects import LegacyBug
from editmill.generators.text.xmai2023.editor import Outcome, Xmai
from editmill.generators.text.xmai2023.proposals import Blank, Proposer
from tests.generators.text.xmai2023.tiny import VOCABULARY, make_bert, probabilities


class Sentences:
    """Cosines that are all alike, and the sentences that were asked about."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, positions: Sequence[int], sentences: Sequence[str]) -> list[float]:
        self.seen += sentences
        return [0.5] * len(sentences)


def run(model: MaskedLm, text: str, names: Sequence[str], *bugs: int) -> tuple[Outcome, list[str]]:
    settings = XmaiSettings(legacy_bugs=bugs, weights=(1.0, 0.0, 0.0))
    sentences = Sentences()
    proposer = Proposer(model, top=settings.top, kept=settings.kept, legacy_bugs=bugs)
    outcome = Xmai(proposer, WordVectors(model).similarity, sentences, settings).edit(
        [text], [{name: ["blue"] for name in names}]
    )[0]
    assert apply_operations(text, outcome.operations) == outcome.text
    assert undo_operations(outcome.text, outcome.operations) == text
    return outcome, sentences.seen


def test_every_defect_has_a_name() -> None:
    assert [int(bug) for bug in LegacyBug] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("bugs", "start", "end"), [((), "[CLS]", "[SEP]"), ((1,), "[UNK]", "[UNK]")])
def test_1_start_and_end_are_unknown(tmp_path: Path, bugs: tuple[int, ...], start: str, end: str) -> None:
    model = make_bert(tmp_path)
    best = Proposer(model, top=len(VOCABULARY), kept=1, legacy_bugs=bugs).propose([Blank("a dog", 2)])[0][0]
    expected = probabilities(model, [start, "a", "[MASK]", "dog", end], 2)
    assert best.probability == pytest.approx(expected[best.word], abs=1e-7)


def test_2_later_slots_see_earlier_words(tmp_path: Path) -> None:
    model, text = make_bert(tmp_path), "the man and the dog runs"
    outcome, sentences = run(model, text, ["man", "dog"])
    first, second = outcome.filled
    read = ["[CLS]", "the", first.word, "man", "and", "the", "[MASK]", "dog", "[UNK]", "[SEP]"]
    assert second.fluency == pytest.approx(probabilities(model, read, 6)[second.word], abs=1e-7)
    assert not any("[MASK]" in sentence for sentence in sentences)


def test_2_earlier_slots_still_read_mask(tmp_path: Path) -> None:
    model, text = make_bert(tmp_path / "random"), "the man and the dog runs"
    outcome, sentences = run(model, text, ["man", "dog"], 2)
    second = outcome.filled[1]
    read = ["[CLS]", "the", "[MASK]", "man", "and", "the", "[MASK]", "dog", "[UNK]", "[SEP]"]
    assert second.fluency == pytest.approx(probabilities(model, read, 6)[second.word], abs=1e-7)
    assert sentences[0].endswith("man and the [MASK] dog runs")
    masked = make_bert(tmp_path / "masked", ("[MASK]", "old"))
    assert run(masked, text, ["man", "dog"], 2)[0].text == "the [MASK] man and the [MASK] dog runs"
    assert run(masked, text, ["man", "dog"])[0].text == "the old man and the old dog runs"


def test_3_pieces_fuse_with_the_word_before(tmp_path: Path) -> None:
    model = make_bert(tmp_path, ("##tic", "old"))
    assert run(model, "an asian man", ["man"])[0].text == "an asian old man"
    outcome, sentences = run(model, "an asian man", ["man"], 3)
    assert outcome.text == "an asiantic man"
    assert [operation.kind for operation in outcome.operations] == ["replace"]
    assert outcome.filled[0].fused
    assert sentences[0] == "This is an asiantic man"


def test_4_texts_are_joined_from_tokens_and_capitals_pass(tmp_path: Path) -> None:
    model, text = make_bert(tmp_path, ("the", "The", "...", "…", "old")), "a t-shirt and a dog"
    assert run(model, text, ["dog"])[0].text == "a t-shirt and a old dog"
    outcome, sentences = run(model, text, ["dog"], 4)
    assert outcome.text == "a t- shirt and a The dog"
    assert outcome.text[outcome.spans[0].start : outcome.spans[0].end] == "The"
    assert sentences[1] == "This is a t- shirt and a ... dog"
    assert run(model, text, ["mug"], 4)[0].text == text


def test_5_words_before_a_slot_come_back_near_the_start(tmp_path: Path) -> None:
    model = make_bert(tmp_path, ("red", "old"))
    assert run(model, "red dog", ["dog"])[0].text == "red old dog"
    assert run(model, "red dog", ["dog"], 5)[0].text == "red red dog"
    # With two words before it the filter works.
    assert run(model, "a red dog", ["dog"], 5)[0].text == "a red old dog"
