"""The published algorithm against numbers worked by hand, and each of its defects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from generators.models.masked_lm import MaskedLm
from generators.text.settings import XmaiSettings
from generators.text.word_vectors import WordVectors
from generators.text.xmai2023.editor import Xmai, detokenised
from generators.text.xmai2023.proposals import Blank, Proposer
from generators.text.xmai2023.scoring import scaled, total_scores
from generators.text.xmai2023.slots import direct_slots, find_slots, similar_slots
from tests.generators.models.text_models import models_of, write_bert, write_roberta


def test_terms_are_scaled_and_weighted() -> None:
    # A: (0.5 - 0.1) / 0.4 = 1, (0.2 - 0.1) / 0.4 = 0.25, 0. B: 0, 1, 0. C: 0.5, 0, 1 after (0.7 - 0.6) / 0.2.
    scores = total_scores((0.5, 0.2, 0.1), (0.0, 1.0, 0.0), (0.7, 0.6, 0.8), (1.0, 5.0, 5.0))
    assert scores.tolist() == pytest.approx([(1 + 0 + 2.5) / 11, (0.25 + 5 + 0) / 11, 5 / 11], abs=1e-6)


def test_equal_terms_are_scaled_from_zero() -> None:
    assert scaled((0.3, 0.3)).tolist() == [1, 1]
    assert scaled((0.0, 0.0)).tolist() == [0, 0]
    assert scaled((0.4,)).tolist() == [1]


def test_weights_below_one_are_not_blown_up() -> None:
    assert total_scores((0.0, 1.0), (0, 0), (0, 0), (0.5, 0.0, 0.0)).tolist() == [0.0, 0.5]


@pytest.mark.parametrize(("text", "starts"), [
    ("a cube on a cube", [2]), ("cube on grass", []), ("a cube.", []), ("a cubes", []), ("a Cube", []), ("a ball and a cube", [2, 13]),
])
def test_direct_slots(text: str, starts: list[int]) -> None:
    assert [slot.start for slot in direct_slots(text, ["cube", "ball"])] == starts


def alike(first: str, second: str) -> float:
    return 1.0 if first[:2] == second[:2] else 0.0


def test_similar_slots_come_only_where_nothing_stands_directly() -> None:
    assert [slot.names for slot in similar_slots("A cubes and a ball", ["cube"], alike, 0.7)] == [("cube",)]
    assert [slot.start for slot in find_slots("a cubes and a ball", ["cube", "ball"], alike, mode="mix", threshold=0.7)] == [14]
    assert find_slots("a cubes", ["cube"], alike, mode="direct", threshold=0.7) == []
    assert [slot.start for slot in find_slots("a cubes", ["cube"], alike, mode="mix", threshold=0.7)] == [2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MaskedLm:
    return MaskedLm(models_of("masked_lm", "transformers.BertForMaskedLM", write_bert(tmp_path_factory.mktemp("bert"))))


def editor(model: MaskedLm, *bugs: int, **changes: object) -> Xmai:
    settings = XmaiSettings.model_validate({"legacy_bugs": bugs, **changes})

    def cosines(images: Sequence[int], sentences: Sequence[str]) -> list[float]:
        return [0.1 * (len(sentence) % 7) for sentence in sentences]

    proposer = Proposer(model, top=settings.top, kept=settings.kept, legacy_bugs=tuple(settings.legacy_bugs))
    return Xmai(proposer, WordVectors(model).similarity, cosines, settings)


CAPTIONS = ["a cube a cube", "a red cube", "a cube", "red"]
SEEN = [{"cube": ["red"]}] * 4


def test_a_caption_does_not_depend_on_those_beside_it(model: MaskedLm) -> None:
    together = [outcome.so_far() for outcome in editor(model).edit(CAPTIONS, SEEN)]
    alone = [editor(model).edit([text], [seen])[0].so_far() for text, seen in zip(CAPTIONS, SEEN, strict=True)]
    assert together == alone
    assert together[-1] == "red"


def test_reasons(model: MaskedLm) -> None:
    no_match, no_candidate = editor(model).edit(["red"], [{"cube": ["red"]}])[0], editor(model, top=1, kept=1)
    assert no_match.reason == "no_match"
    outcomes = no_candidate.edit(["a cube"], [{"cube": ["red"]}])
    assert outcomes[0].reason in ("", "no_candidate")


def test_stopwords_the_noun_and_preceding_words_are_filtered(model: MaskedLm) -> None:
    proposed = Proposer(model, top=20, kept=20).propose([Blank("a red cube", 6, "cube")])[0]
    assert {word for word, _ in proposed} & {"a", "cube", "red"} == set()


def test_defect_1_hides_the_ends_from_the_model(model: MaskedLm) -> None:
    ids = [Proposer(model, top=5, kept=5, legacy_bugs=bugs)._encode(Blank("a cube", 2, "cube"))[0] for bugs in ((), (1,))]
    unknown = model.tokenizer.unk_token_id
    assert ids[0][0] == model.tokenizer.cls_token_id
    assert ids[1][0] == ids[1][-1] == unknown
    assert ids[0][1:-1] == ids[1][1:-1]


def test_defect_2_leaves_earlier_masks_open(model: MaskedLm) -> None:
    plain, legacy = editor(model), editor(model, 2)
    outcome = plain.edit(["a cube"], [{"cube": ["red"]}])[0]
    later = outcome.slots[0]
    blank = legacy._blank(type(outcome)("a cube a red", [later, type(later)(7, 8, ("a",))]), 1)
    assert blank.open_masks == (2,)
    assert plain._blank(type(outcome)("a cube a red", [later, type(later)(7, 8, ("a",))]), 1).open_masks == ()


def test_defect_3_joins_pieces_to_the_word_before(model: MaskedLm) -> None:
    names = Proposer(model, top=5, kept=5, legacy_bugs=(3,))._names.values()
    assert "##ory" in names
    assert "##ory" not in Proposer(model, top=5, kept=5)._names.values()


def test_defect_4_splits_hyphens(model: MaskedLm) -> None:
    assert detokenised("an ice-cream - cone") == "an ice - cream - cone"
    assert Proposer(model, top=5, kept=5, legacy_bugs=(4,))._passes("The", Blank("a cube", 2, "cube"))
    assert not Proposer(model, top=5, kept=5)._passes("The", Blank("a cube", 2, "cube"))


def test_defect_5_lets_preceding_words_through_near_the_start(model: MaskedLm) -> None:
    blank = Blank("red cube", 4, "cube")
    assert Proposer(model, top=5, kept=5, legacy_bugs=(5,))._passes("red", blank)
    assert not Proposer(model, top=5, kept=5)._passes("red", blank)


def test_byte_level_vocabularies_work_too(tmp_path: Path) -> None:
    roberta = MaskedLm(models_of("masked_lm", "transformers.RobertaForMaskedLM", write_roberta(tmp_path / "pack" / "roberta")))
    assert editor(roberta).edit(["a red cube"], [{"cube": ["red"]}])[0].reason in ("", "no_candidate")
