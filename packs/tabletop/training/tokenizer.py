"""The pack's CLIP tokenizer: byte-level BPE whose merges spell every word of the world's grammar."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from editmill.packs.tabletop.world.captions import OPENINGS
from editmill.packs.tabletop.world.vocabulary import CLASSES, COLOURS, FINISHES, GROUNDS, SIZES

MAX_LENGTH = 32
EXTRA_WORDS = (
    "an",
    "empty",
    "background",
    "of",
    "the",
    "with",
    "two",
    "objects",
    "no",
    "object",
    "next",
    "to",
    "and",
    "on",
    "in",
    "front",
    "scene",
)
START, END = "<|startoftext|>", "<|endoftext|>"
Pair = tuple[str, str]


def grammar_words() -> list[str]:
    """Return every word that captions and prompts of the world use, sorted."""
    wordings = [wording for family in GROUNDS.values() for wording in family]
    texts = [*CLASSES, *COLOURS, *FINISHES, *SIZES, *OPENINGS, *EXTRA_WORDS, *wordings]
    return sorted({word for text in texts for word in text.split()})


def learn_merges(words: list[str]) -> list[Pair]:
    """Return byte-pair merges until every word is one token (Sennrich et al., arXiv 1508.07909, algorithm 1).

    The tokenizers library's own trainer breaks ties by hash order, so it gives other ids in every process; here ties go
    by spelling.
    """
    spelled = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges: list[Pair] = []
    while pairs := Counter(pair for symbols in spelled for pair in pairwise(symbols)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelled = [_merge(symbols, best) for symbols in spelled]
    return merges


def _merge(symbols: list[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    for symbol in symbols:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged


def make_tokenizer() -> CLIPTokenizer:
    """Return the tokenizer: the same ids in every process."""
    merges = learn_merges(grammar_words())
    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet), *("".join(merge) for merge in merges), START, END]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    # As published CLIP tokenizers do, padding repeats the end.
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_LENGTH, pad_token=END)


def save_tokenizer(folder: Path) -> None:
    """Write the tokenizer in the transformers format."""
    make_tokenizer().save_pretrained(folder)
