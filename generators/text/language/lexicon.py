"""What kinds of word a word can be: lemminflect's dictionary and the lexicon of textblob."""

from __future__ import annotations

import importlib.util
import re
import warnings
from functools import lru_cache
from pathlib import Path

from editmill.generators.text.language.caption_words import KINDS, NOUN_COLOURS
from editmill.generators.text.language.vocabulary import group_of

NOUN, VERB, ADJECTIVE, ADVERB = "NOUN", "VERB", "ADJ", "ADV"
_KIND_OF_TAG = {"N": NOUN, "V": VERB, "J": ADJECTIVE, "R": ADVERB}
_ADJECTIVE_ENDING = re.compile(r".{3}(ful|less|ous|ish|able|ible|ic|al)$")
_ADJECTIVE_LAST = frozenset("style size type foot inch story old way lane tier level color colour shape".split())  # noqa: SIM905


@lru_cache(maxsize=1)
def _lexicon() -> dict[str, str]:
    """Return Penn tags by word, case-sensitive.

    The file is read directly, as importing textblob imports NLTK, which takes a second.
    """
    spec = importlib.util.find_spec("textblob")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("textblob is not installed", name="textblob")
    lines = (
        (Path(spec.submodule_search_locations[0]) / "en" / "en-lexicon.txt").read_text(encoding="utf-8").splitlines()
    )
    return dict(line.split(" ")[:2] for line in lines if " " in line and not line.startswith(";"))


def usual_tag(word: str) -> str:
    """Return the most frequent Penn tag of a word as it is written, or ``""``."""
    return _lexicon().get(word, "")


@lru_cache(maxsize=16384)
def lemmas(word: str) -> dict[str, tuple[str, ...]]:
    """Return base forms of a lower-case word by kind, as lemminflect's dictionary has them.

    Empty for words that it lacks.
    """
    with warnings.catch_warnings():
        # It opens its tables on the first call and leaves one to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        from lemminflect import getAllLemmas  # type: ignore[import-untyped,unused-ignore]

        return {str(kind): tuple(map(str, forms)) for kind, forms in getAllLemmas(word).items()}


def is_known(word: str) -> bool:
    """Return whether a dictionary has a lower-case word at all."""
    return bool(KINDS.get(word) or lemmas(word) or usual_tag(word))


@lru_cache(maxsize=16384)
def kinds(word: str) -> frozenset[str]:
    """Return what a lower-case word can be: some of ``NOUN``, ``VERB``, ``ADJ`` and ``ADV``.

    A guess by its ending where no dictionary has it.
    """
    if word in KINDS:
        return KINDS[word]
    found = {kind for kind in lemmas(word) if kind in _KIND_OF_TAG.values()}
    tag = usual_tag(word)
    # RP is a particle, which only begins like the adverbs' tags.
    if tag[:1] in _KIND_OF_TAG and not tag.startswith("RP"):
        found.add(_KIND_OF_TAG[tag[0]])
    group = group_of(word)
    if group and (NOUN not in found or (group == "colour" and word not in NOUN_COLOURS)):
        found.add(ADJECTIVE)
    return frozenset(found) or _guess(word)


def _guess(word: str) -> frozenset[str]:
    first, _, last = word.rpartition("-")
    if first:
        if last.endswith("ed") or last in _ADJECTIVE_LAST:
            return frozenset({ADJECTIVE})
        return kinds(last) & {NOUN, ADJECTIVE} or frozenset({ADJECTIVE})
    if word.endswith("ing"):
        return frozenset({VERB})
    if word.endswith("ed"):
        return frozenset({VERB, ADJECTIVE})
    if word.endswith("ly"):
        return frozenset({ADVERB})
    return frozenset({ADJECTIVE}) if _ADJECTIVE_ENDING.match(word) else frozenset({NOUN})
