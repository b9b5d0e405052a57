"""Indefinite articles: the writer and the checker agree with 120 hand-picked cases, and share no code."""

from __future__ import annotations

import pytest

from generators.text.language.article_check import article_errors, begins_with_vowel_sound
from generators.text.language.articles import indefinite_article

A = """
ball cube red large small metal wooden unicorn uniform university European ukulele one-way one used useful usual unique unit united
universal user union unanimous Ukrainian eucalyptus ewe UFO USB U-turn U-shaped utensil house horse huge hot hotel historic hospital half
hard helmet hand yellow young year yard white window woman 1 2 7 10 12 17 100 1,000 7,000 BMW CD DVD GPS PC TV UK T-shirt B-movie Y-shaped
""".split()  # noqa: SIM905 - reads better so.
AN = """
orange azure ivory apple old open empty oval umbrella uncle unlit unusual unknown uneven untidy ugly upper up-close upside-down under hour
honest heir heirloom honor herb hourglass 8 11 18 80 80,000 800 8-foot 11-year-old SUV LED FBI MP3 X-ray HDTV NBA RV ATM X F L-shaped
S-shaped H-shaped MRI elephant eagle inch island ice
""".split()  # noqa: SIM905 - reads better so.


def test_there_are_enough_cases() -> None:
    assert len(A) + len(AN) >= 120


@pytest.mark.parametrize(("word", "article"), [*((word, "a") for word in A), *((word, "an") for word in AN)])
def test_article(word: str, article: str) -> None:
    assert indefinite_article(word) == article
    assert begins_with_vowel_sound(word) == (article == "an")


def test_errors_are_found_with_their_place() -> None:
    assert [(word.text, word.start) for word in article_errors("A orange cube beside an red ball and a hour")] == [("A", 0), ("an", 21), ("a", 37)]
    assert article_errors("a cube, an orange ball and a. An SUV") == ()
