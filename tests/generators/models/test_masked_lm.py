from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from editmill.generators.models.masked_lm import MaskedLm, Slotted, at_slot
from editmill.manifests.errors import ModelError
from tests.generators.models.text_models import models_of, write_bert, write_modernbert, write_roberta

TEXTS = [
    "a [MASK] cube",
    "a red [MASK]. a cube",
    "a [MASK] cube a cube a cube a red cube a cube a cube a cube a cube a cube",
]


SLOTTED = [at_slot(text) for text in TEXTS]
WRITERS = {"Roberta": write_roberta, "ModernBert": write_modernbert, "Bert": write_bert}


@pytest.fixture(scope="module", params=["Roberta", "ModernBert"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MaskedLm:
    folder = WRITERS[request.param](tmp_path_factory.mktemp("text") / request.param)
    return MaskedLm(models_of("masked_lm", f"transformers.{request.param}ForMaskedLM", folder))


def by_hand(model: MaskedLm, ids: list[int]) -> torch.Tensor:
    """Log-probabilities at every place, without padding: float32 [tokens, vocabulary]."""
    with torch.inference_mode():
        return model.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(dim=-1)


def test_words_are_tokens_with_a_space_before_them(model: MaskedLm) -> None:
    assert set(model.words.values()) == {"a", "r", "re", "red", "c", "cube", "i", "iv"}


def test_word_pieces_of_bert_leave_continuations_out(tmp_path: Path) -> None:
    bert = MaskedLm(models_of("masked_lm", "transformers.BertForMaskedLM", write_bert(tmp_path / "bert")))
    assert set(bert.words.values()) == {"a", "red", "iv", "cube"}
    ranked = bert.word_probabilities([at_slot("a [MASK] cube.")])[0]
    assert {word for word, _ in ranked} == {"a", "red", "iv", "cube"}
    assert bert.word_log_probabilities([at_slot("a [MASK] cube.")], ("ivory",)).shape == (1, 1)


def test_ranking_agrees_with_the_model(model: MaskedLm) -> None:
    ranked = model.word_probabilities(SLOTTED)
    for text, words in zip(TEXTS, ranked, strict=True):
        ids = model.tokenizer(text.replace("[MASK]", model.tokenizer.mask_token), split_special_tokens=False).input_ids
        row = by_hand(model, ids)[ids.index(model.tokenizer.mask_token_id)].exp()
        assert dict(words) == pytest.approx({word: float(row[index]) for index, word in model.words.items()}, abs=1e-6)
        assert [probability for _, probability in words] == sorted(
            (probability for _, probability in words), reverse=True
        )
    assert model.word_probabilities(SLOTTED[:1], top=2)[0] == ranked[0][:2]


def test_other_texts_of_the_list_do_not_matter(model: MaskedLm) -> None:
    together = model.word_probabilities(SLOTTED * 30)
    assert [model.word_probabilities([text])[0] for text in SLOTTED] == together[:3] == together[-3:]
    totals, counts = model.pseudo_log_likelihood(["a red cube", "a cube. a red cube a cube"])
    alone = model.pseudo_log_likelihood(["a red cube"])
    assert totals[0] == pytest.approx(alone[0][0], abs=1e-5)
    assert counts.tolist() == [alone[1][0], len(model.tokenizer("a cube. a red cube a cube").input_ids) - 2]


def test_words_of_one_token_score_as_ranked(model: MaskedLm) -> None:
    scores = model.word_log_probabilities(SLOTTED, ("red", "cube"))
    assert scores.dtype == np.float32
    for row, words in zip(scores, model.word_probabilities(SLOTTED), strict=True):
        assert np.exp(row) == pytest.approx([dict(words)["red"], dict(words)["cube"]], abs=1e-6)


def test_words_of_two_tokens_are_filled_from_the_left(model: MaskedLm) -> None:
    tokenizer = model.tokenizer
    pieces = tokenizer(" ivory", add_special_tokens=False).input_ids
    assert len(pieces) == 2
    masks = tokenizer(f"a {tokenizer.mask_token * 2} cube", split_special_tokens=False).input_ids
    place = masks.index(tokenizer.mask_token_id)
    filled = [*masks[:place], pieces[0], *masks[place + 1 :]]
    expected = float(by_hand(model, masks)[place, pieces[0]] + by_hand(model, filled)[place + 1, pieces[1]])
    scores = model.word_log_probabilities(SLOTTED[:1], ("red", "ivory", "cube"))
    assert scores[0, 1] == pytest.approx(expected, abs=1e-5)
    assert scores[0, [0, 2]] == pytest.approx(model.word_log_probabilities(SLOTTED[:1], ("red", "cube"))[0])


def test_pseudo_log_likelihood_masks_one_token_at_a_time(model: MaskedLm) -> None:
    ids = model.tokenizer("a red cube").input_ids
    expected = 0.0
    for place in range(1, len(ids) - 1):
        masked = [*ids[:place], model.tokenizer.mask_token_id, *ids[place + 1 :]]
        expected += float(by_hand(model, masked)[place, ids[place]])
    totals, counts = model.pseudo_log_likelihood(["a red cube", ""])
    assert totals[0] == pytest.approx(expected, abs=1e-5)
    assert (totals[1], counts[1]) == (0, 0)


@pytest.mark.parametrize("text", ["a cube", "a [MASK] [MASK] cube", "a cube " * 70 + "[MASK]"])
def test_texts_without_one_readable_slot_are_refused(model: MaskedLm, text: str) -> None:
    with pytest.raises(ValueError, match="slot"):
        model.word_probabilities([at_slot(text)])


@pytest.mark.parametrize("written", WRITERS)
def test_special_tokens_in_a_text_are_text(tmp_path: Path, written: str) -> None:
    """Not masks, ends or padding: each is read as signs and letters, and the slot is where it was said to be."""
    folder = WRITERS[written](tmp_path / "lm")
    model = MaskedLm(models_of("masked_lm", f"transformers.{written}ForMaskedLM", folder))
    tokenizer = model.tokenizer
    clean = model.encode_masked(["a ", " cube"])
    for sign in (*tokenizer.all_special_tokens, "[MASK]", "<mask>"):
        text = f"a {sign} red cube {sign}"
        special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
        assert not special & set(tokenizer(text, add_special_tokens=False).input_ids)
        ids = model.encode_masked(["a ", f" cube {sign}"])
        assert ids.count(tokenizer.mask_token_id) == 1
        assert ids[: len(clean) - 1] == clean[:-1]
        assert sum(token in special for token in ids) == 3
        start = text.index("red")
        assert len(model.word_probabilities([Slotted(text, start, start + 3)], top=2)[0]) == 2
        assert model.pseudo_log_likelihood([text])[1][0] == len(tokenizer(text, add_special_tokens=False).input_ids)


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    for path in write_roberta(tmp_path).glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ModelError, match="tokenizer"):
        MaskedLm(models_of("masked_lm", "transformers.RobertaForMaskedLM", tmp_path))


def test_nothing_in_nothing_out(model: MaskedLm) -> None:
    assert model.word_probabilities([]) == []
    assert model.word_log_probabilities([], ("red",)).shape == (0, 1)
    assert model.pseudo_log_likelihood([])[0].shape == (0,)
