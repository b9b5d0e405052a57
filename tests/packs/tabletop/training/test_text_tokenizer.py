from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from editmill.packs.tabletop.training.text_scenes import ATTRIBUTE_WORDS
from editmill.packs.tabletop.training.text_tokenizer import make_text_tokenizer, save_text_tokenizer, word_ids
from editmill.packs.tabletop.training.tokenizer import grammar_words
from editmill.packs.tabletop.world.sentences import sentence_words

TEXTS = (
    "A red cube on a wooden table.",
    "a <mask> cube. a red <mask>.",
    "",
    "a  red\n cube",
    "<mask> ball, an azure café 漢",
    "keywords: red.",
)


def test_every_word_of_the_grammar_is_one_token_anywhere_in_a_text() -> None:
    tokenizer = make_text_tokenizer()
    words = (*grammar_words(), *sentence_words())
    for word in words:
        first, inner, last = (
            tokenizer(text, add_special_tokens=False).input_ids
            for text in (f"{word} ball", f"a {word} ball", f"a {word}.")
        )
        assert len(first) == 2
        assert len(inner) == len(last) == 3
        assert first[0] == inner[1] == last[1] == tokenizer(word.capitalize(), add_special_tokens=False).input_ids[0]
    assert len(set(word_ids(tokenizer, ATTRIBUTE_WORDS))) == len(ATTRIBUTE_WORDS) == 12


def test_a_mask_takes_the_place_of_one_word() -> None:
    tokenizer = make_text_tokenizer()
    whole, masked = (
        tokenizer("a red cube. an ivory ball.").input_ids,
        tokenizer("a <mask> cube. an ivory <mask>.").input_ids,
    )
    assert len(whole) == len(masked)
    assert [place for place, (a, b) in enumerate(zip(whole, masked, strict=True)) if a != b] == [2, 7]


@pytest.mark.parametrize(
    "text", ["a red cube stands on the wooden table.", "keywords: red, cube. sentence: a turquoise café 漢."]
)
def test_texts_survive_a_round_trip(text: str) -> None:
    tokenizer = make_text_tokenizer()
    assert tokenizer.unk_token_id not in tokenizer(text).input_ids
    assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True).strip() == text


@pytest.mark.parametrize("pairs", [True, False])
def test_saved_tokenizer_gives_equal_ids(pairs: bool, tmp_path: Path) -> None:
    save_text_tokenizer(tmp_path, pairs=pairs)
    loaded, made = AutoTokenizer.from_pretrained(tmp_path), make_text_tokenizer(pairs=pairs)
    assert loaded(list(TEXTS)).input_ids == made(list(TEXTS)).input_ids
    assert (loaded.mask_token_id, loaded.pad_token_id, loaded.padding_side) == (
        made.mask_token_id,
        made.pad_token_id,
        made.padding_side,
    )


def test_special_tokens_frame_texts_as_each_model_expects() -> None:
    pair = make_text_tokenizer()("a cube", "a ball")
    assert pair.tokens() == ["<s>", "Ġa", "Ġcube", "</s>", "</s>", "Ġa", "Ġball", "</s>"]
    assert make_text_tokenizer(pairs=False)("a cube").tokens() == ["<s>", "Ġa", "Ġcube"]


def test_token_types_tell_the_texts_of_a_pair_apart(tmp_path: Path) -> None:
    save_text_tokenizer(tmp_path, segments=True)
    pair = AutoTokenizer.from_pretrained(tmp_path)("a cube", "a ball")
    assert pair.tokens() == ["<s>", "Ġa", "Ġcube", "</s>", "</s>", "Ġa", "Ġball", "</s>"]
    assert pair.token_type_ids == [0, 0, 0, 0, 1, 1, 1, 1]
    assert "token_type_ids" not in make_text_tokenizer()("a cube", "a ball")
