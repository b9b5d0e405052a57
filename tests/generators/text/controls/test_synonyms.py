from __future__ import annotations

import pytest

from editmill.generators.text.controls.synonyms import TABLES, synonyms


@pytest.mark.parametrize(
    ("word", "tag", "expected"),
    [
        ("Picture", "NN", ("photo", "image")),
        ("women", "NNS", ("ladies",)),
        ("people", "NNS", ("individuals",)),
        ("babies", "NNS", ("infants",)),
        ("holding", "VBG", ("grasping",)),
        ("sat", "VBD", ("perched",)),
        ("lying", "VBG", ("reclining",)),
        ("throws", "VBZ", ("tosses",)),
        ("big", "JJ", ("large", "huge")),
        ("bigger", "JJR", ("larger", "huger")),
        ("metal", "NN", ("metallic",)),
        ("quickly", "RB", ("rapidly",)),
        ("big", "RB", ()),
        ("of", "IN", ()),
        ("zzz", "NN", ()),
        ("", "NN", ()),
    ],
)
def test_synonyms_in_their_form(word: str, tag: str, expected: tuple[str, ...]) -> None:
    assert synonyms(word, tag) == expected


def test_the_table_is_made_of_single_words_in_pairs() -> None:
    for table in TABLES.values():
        for word, others in table.items():
            assert word.replace("-", "").isalpha()
            assert others
            assert len({word, *others}) == len(others) + 1
            assert all(word in table[other] for other in others)
