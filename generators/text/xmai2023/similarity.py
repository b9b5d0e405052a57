"""Whether two nouns are alike, for slots before nouns that the detector calls otherwise."""

from __future__ import annotations

from editmill.generators.text.language.lemmas import singular
from editmill.generators.text.xmai2023.slots import Similarity


def of_nouns(similarity: Similarity) -> Similarity:
    """Return 1 for forms of one noun ("Balls", "ball"), else ``similarity`` of their singulars in lower case."""

    def alike(first: str, second: str) -> float:
        one, other = _lemma(first), _lemma(second)
        return 1.0 if one == other else similarity(one, other)

    return alike


def _lemma(noun: str) -> str:
    before, gap, last = noun.lower().rpartition(" ")
    return f"{before}{gap}{singular(last)}"
