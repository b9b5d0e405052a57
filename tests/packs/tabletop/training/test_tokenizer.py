from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer, CLIPTokenizer

from editmill.packs.tabletop.training.tokenizer import (
    END,
    MAX_LENGTH,
    START,
    grammar_words,
    learn_merges,
    make_tokenizer,
    save_tokenizer,
)
from editmill.packs.tabletop.world import CLASSES, COLOURS, plan_scene

ROOT = Path(__file__).parents[4]
TEXTS = ["a small red metal cube on green grass", "an empty background of a brick wall", "unknown wordings, too", ""]
PRINT_IDS = (
    "import json; from editmill.packs.tabletop.training.tokenizer import make_tokenizer; "
    f"t = make_tokenizer(); print(json.dumps([len(t), t({TEXTS!r}).input_ids]))"
)


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return make_tokenizer()


def test_ids_are_equal_in_every_process(tokenizer: CLIPTokenizer) -> None:
    # This one's strings are hashed by another seed.
    done = subprocess.run(
        [sys.executable, "-c", PRINT_IDS],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [len(tokenizer), tokenizer(TEXTS).input_ids]


def test_every_word_of_the_grammar_is_one_token(tokenizer: CLIPTokenizer) -> None:
    assert {*CLASSES, *COLOURS} <= set(grammar_words())
    ids = {word: tokenizer(word, add_special_tokens=False).input_ids for word in grammar_words()}
    assert {word: len(tokens) for word, tokens in ids.items() if len(tokens) != 1} == {}
    assert len({tokens[0] for tokens in ids.values()}) == len(ids)


def test_captions_of_the_world_fit_and_come_back(tokenizer: CLIPTokenizer) -> None:
    for index in range(100):
        caption = plan_scene("train", index).caption
        ids = tokenizer(caption).input_ids
        assert len(ids) == len(caption.split()) + 2 <= MAX_LENGTH
        assert tokenizer.decode(ids, skip_special_tokens=True).strip() == caption


def test_texts_start_end_and_are_padded_as_clip_expects(tokenizer: CLIPTokenizer) -> None:
    ids = tokenizer("green grass", padding="max_length", truncation=True).input_ids
    start, end = tokenizer.convert_tokens_to_ids([START, END])
    assert len(ids) == MAX_LENGTH
    assert ids[0] == start == tokenizer.bos_token_id
    assert ids[3:] == [end] * (MAX_LENGTH - 3)
    assert end == tokenizer.eos_token_id == tokenizer.pad_token_id
    # CLIP pools at the highest id, which therefore has to be the end token's.
    assert end == len(tokenizer) - 1
    long = tokenizer("green " * 100, padding="max_length", truncation=True).input_ids
    assert (len(long), long[-1]) == (MAX_LENGTH, end)


def test_unknown_words_are_spelled(tokenizer: CLIPTokenizer) -> None:
    ids = tokenizer("zyx!", add_special_tokens=False).input_ids
    assert len(ids) > 1
    assert tokenizer.unk_token_id not in ids or tokenizer.unk_token_id == tokenizer.eos_token_id
    assert tokenizer.decode(ids).replace(" ", "") == "zyx!"


def test_saved_tokenizer_gives_the_same_ids(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    save_tokenizer(tmp_path)
    for loaded in (
        CLIPTokenizer.from_pretrained(tmp_path),
        AutoTokenizer.from_pretrained(tmp_path, local_files_only=True),
    ):
        assert loaded(TEXTS, padding="max_length").input_ids == tokenizer(TEXTS, padding="max_length").input_ids
        assert loaded.model_max_length == MAX_LENGTH


def test_merges_spell_the_words_and_ties_go_by_spelling() -> None:
    assert learn_merges(["ab"]) == [("a", "b</w>")]
    assert learn_merges(["ba", "ab"]) == [("a", "b</w>"), ("b", "a</w>")]
    assert learn_merges(["aab", "ab"])[0] == ("a", "b</w>")
    assert learn_merges(["a"]) == []
