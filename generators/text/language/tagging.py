"""Parts of speech by the lexicon and the rules of textblob, in Penn's tags."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache

# Verbs of captions that the lexicon takes for nouns.
VERBS = frozenset({"sits", "stands", "lies", "rests", "plays", "rides", "walks", "looks", "shows"})
# After these a base form or a third person is a noun: "the sink", "two double sinks".
BEFORE_NOUNS = frozenset({"DT", "PRP$", "JJ", "CD"})
AUXILIARIES = frozenset({"is", "are", "has", "have", "was", "were", "does", "do", "be", "can", "will"})


@lru_cache(maxsize=4096)
def _tags(words: tuple[str, ...]) -> tuple[str, ...]:
    with warnings.catch_warnings():
        # The library leaves its lexicon's file to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        from textblob.en import tag  # type: ignore[import-untyped,unused-ignore]

        tagged = tag(" ".join(words), tokenize=False)
    if len(tagged) != len(words):
        return tuple("NN" if word.isalpha() else "CD" for word in words)
    return tuple(name for _, name in tagged)


def part_of_speech(words: Sequence[str]) -> tuple[str, ...]:
    """Penn tags of the words of one text; a capital at the beginning is not taken for a name."""
    if not words:
        return ()
    lowered = [words[0].lower() if not words[0].isupper() or len(words[0]) == 1 else words[0], *words[1:]]
    tags = list(_tags(tuple(lowered)))
    for place, word in enumerate(lowered):
        before = tags[place - 1] if place else ""
        if word in AUXILIARIES:
            continue
        if word in VERBS and before not in BEFORE_NOUNS:
            tags[place] = "VBZ"
        elif tags[place] in ("VB", "VBP") and (before in BEFORE_NOUNS or before == "NN"):
            tags[place] = "NN"
        elif tags[place] == "VBZ" and before in BEFORE_NOUNS:
            tags[place] = "NNS"
    return tuple(tags)
