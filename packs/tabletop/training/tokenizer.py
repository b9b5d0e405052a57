"""The pack's CLIP tokenizer: byte-level BPE whose merges spell every word of the world's grammar."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from packs.tabletop.world.captions import OPENINGS
from packs.tabletop.world.vocabulary import CLASSES, COLOURS, FINISHES, GROUNDS, SIZES

MAX_LENGTH = 32
EXTRA_WORDS = tuple(["an", "empty", "background", "of", "the", "with", "two", "objects", "no", "object", "small", "large", "next", "to", "and", "on", "in", "front", "scene"])


def grammar_words() -> list[str]:
    """Every word that captions and prompts of the world use, sorted."""
    wordings = [wording for family in GROUNDS.values() for wording in family]
    texts = [*CLASSES, *COLOURS, *FINISHES, *SIZES, *OPENINGS, *EXTRA_WORDS, *wordings]
    return sorted({word for text in texts for word in text.split()})


def make_tokenizer() -> CLIPTokenizer:
    """Train the tokenizer on the grammar's words, each repeated so that all of its merges are learnt."""
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    bpe.normalizer = normalizers.Lowercase()
    bpe.pre_tokenizer = pre_tokenizers.Whitespace()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=4096, end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False, min_frequency=1
    )
    bpe.train_from_iterator(grammar_words() * 4, trainer)
    merges = [tuple(merge) for merge in json.loads(bpe.to_str())["model"]["merges"]]
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet), *dict.fromkeys("".join(merge) for merge in merges)]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys([*tokens, "<|startoftext|>", "<|endoftext|>"]))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_LENGTH, pad_token="<|endoftext|>")


def save_tokenizer(folder: Path) -> None:
    """Write the tokenizer in the transformers format."""
    make_tokenizer().save_pretrained(folder)
