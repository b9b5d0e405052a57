"""Indefinite articles: the writer and the checker agree with hand-picked cases, and share no code."""

from __future__ import annotations

import pytest

from editmill.generators.text.language.article_check import article_errors, begins_with_vowel_sound
from editmill.generators.text.language.articles import indefinite_article

A = """
    ball cube red large small metal wooden unicorn uniform university European ukulele one-way one used useful usual
    unique unit united universal user union unanimous Ukrainian eucalyptus ewe UFO USB U-turn U-shaped utensil house
    horse huge hot hotel historic hospital half hard helmet hand yellow young year yard white window woman 1 2 7 10 12
    17 100 1,000 7,000 BMW CD DVD GPS PC TV UK T-shirt B-movie Y-shaped U.S. VW JPEG NASA LEGO SWAT STOP NEW one-eyed
    once-white Euro eulogy 19 70 1,100 1,800 2019 1900 0.5 3D 5-foot 100-year-old CCTV UV utility usable unisex unified
    ubiquitous unicycle urinal ouija hexagonal heart-shaped herd honey Herbert W Q-tip UNESCO UNICEF wood-fired
    Polka-dot BLUE
""".split()  # noqa: SIM905 - reads better so.
AN = """
    orange azure ivory apple old open empty oval umbrella uncle unlit unusual unknown uneven untidy ugly upper up-close
    upside-down under hour honest heir heirloom honor herb hourglass 8 11 18 80 80,000 800 8-foot 11-year-old SUV LED
    FBI MP3 X-ray HDTV NBA RV ATM X F L-shaped S-shaped H-shaped MRI elephant eagle inch island ice x-ray e-mail A-frame
    O-ring F-16 MP4 LCD NFL FM HIV SOS ATV IBM HP RC 8th 18th 11th 80s 88 811 8,500 800-page 18-wheeler 8x10 8.5 1847
    11:30 éclair École iPhone eBay upholstered unidentified usher urn urban utter unopened uninhabited honorable hourly
    heiress herbal I ESPN HTML RSVP AK-47 ORANGE oddly-shaped off-white egg-shaped
""".split()  # noqa: SIM905 - reads better so.
CASES = [*((word, "a") for word in A), *((word, "an") for word in AN)]


def test_there_are_enough_cases() -> None:
    assert len(set(A)) >= 60
    assert len(set(AN)) >= 60
    assert len(CASES) >= 120


@pytest.mark.parametrize(("word", "article"), CASES)
def test_article(word: str, article: str) -> None:
    assert indefinite_article(word) == article
    assert begins_with_vowel_sound(word) == (article == "an")


@pytest.mark.parametrize(("word", "article"), CASES)
def test_only_the_wrong_article_is_an_error(word: str, article: str) -> None:
    wrong = "an" if article == "a" else "a"
    assert article_errors(f"There is {article} {word} thing.") == ()
    assert [error.text for error in article_errors(f"There is {wrong} {word} thing.")] == [wrong]
    assert [error.start for error in article_errors(f"{wrong.capitalize()} {word} thing.")] == [0]


def test_errors_are_found_with_their_place() -> None:
    assert [(word.text, word.start) for word in article_errors("A orange cube beside an red ball and a hour")] == [
        ("A", 0),
        ("an", 21),
        ("a", 37),
    ]
    assert article_errors("a cube, an orange ball and a. An SUV") == ()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('a "orange" cube', ["a"]),
        ("an “red” cube", ["an"]),
        ("a $80 shirt", ["a"]),
        ("an (8 inch) plate", []),
        ("a\n orange", ["a"]),
        ("plan A is an apple", []),
        ("A LARGE DOG ON AN RED RUG", ["AN"]),
        ("A Orange Cube On The Floor", ["A"]),
        ("vitamin a, apples", []),
        ("a", []),
        ("", []),
        ("an  umbrella and a  umbrella", ["a"]),
        ("à la carte", []),
        ("a 😀 apple", []),
        ("U.S.A. apples", []),
        ("an a", []),
    ],
)
def test_what_stands_between(text: str, wrong: list[str]) -> None:
    assert [word.text for word in article_errors(text)] == wrong
    for word in article_errors(text):
        assert text[word.start : word.end] == word.text


def test_the_writer_takes_what_has_no_sound() -> None:
    assert indefinite_article("") == "a"
    assert indefinite_article("😀") == "a"
