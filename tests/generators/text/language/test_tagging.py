"""Parts of speech where dictionaries leave a choice."""

from __future__ import annotations

import pytest

from editmill.generators.text.language.spans import words_of
from editmill.generators.text.language.tagging import part_of_speech, tags_of, title_cased

NOUNS = ("NN", "NNS", "NNP")


@pytest.mark.parametrize(
    ("text", "nouns"),
    [
        ("The cube stands on a tv stand", ["cube", "tv", "stand"]),
        ("A man adjust a bicycle in a bike shop", ["man", "bicycle", "bike", "shop"]),
        ("Food cooks in a pot while two cooks watch", ["Food", "pot", "cooks"]),
        ("Dogs bark and cars line the street", ["Dogs", "cars", "street"]),
        ("Street lights light a street", ["Street", "lights", "street"]),
        ("A dog and a cat rest on a rest", ["dog", "cat", "rest"]),
        ("cooking utensils and a woman cooking food", ["cooking", "utensils", "woman", "food"]),
        ("The painting shows a man painting a building", ["painting", "man", "building"]),
        ("An orange on an orange plate is orange", ["orange", "plate"]),
        ("ready to blow out the candle next to white sinks", ["candle", "sinks"]),
        ("A can can be seen", ["can"]),
        ("He stands and looks at plates that look clean", ["plates"]),
        ("the light brown horse under a light", ["horse", "light"]),
    ],
)
def test_nouns(text: str, nouns: list[str]) -> None:
    words = [word.text for word in words_of(text)]
    assert [word for word, tag in zip(words, part_of_speech(words), strict=True) if tag in NOUNS] == nouns


def test_every_word_gets_a_tag() -> None:
    assert part_of_speech([]) == ()
    assert len(part_of_speech(["blorp", "123", "3D", "Привет", "a", "X-ray", "'"])) == 7


def test_gaps_end_phrases() -> None:
    assert tags_of(["in", "white", "cats"], ["", " ", " "]) == ("IN", "JJ", "NNS")
    assert tags_of(["a", "red", "stands"], ["", " ", " "])[2] == "NNS"
    assert tags_of(["a", "cat", "orange"], ["", " ", "; "])[2] == "JJ"


def test_the_tags_are_penns() -> None:
    tags = part_of_speech(["several", "dogs", "are", "seen", "and", "one", "has", "been", "fed"])
    assert tags == ("JJ", "NNS", "VBP", "VBN", "CC", "CD", "VBZ", "VBN", "VBN")


def test_title_case() -> None:
    assert title_cased(["A", "Large", "Dog", "on", "a", "Couch"])
    assert not title_cased(["A", "large", "Dog", "on", "a", "Couch"])
    assert not title_cased(["Cubes"])


def test_long_lists_end() -> None:
    words = ["red"] * 3000
    assert len(tags_of(words, [""] + [", "] * 2999)) == 3000
