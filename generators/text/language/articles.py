"""The indefinite article before a word, by its sound."""

# ruff: noqa: SIM905 - lists of words read better as text.

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from editmill.generators.text.language.lexicon import lemmas

# Names of letters that begin with a vowel.
VOWEL_LETTERS = frozenset("AEFHILMNORSX")
NUMBER = re.compile(r"\d[\d.,:]*")
SPELLED = re.compile(r"[A-Z]{2,}\d*s?|[A-Z]+\d+s?")
SILENT_H = re.compile(r"hour|honest|honou?r|heir|herb(?!ert)|homage$")
# Where the spelling leaves open whether it is "you" or not.
DOUBTFUL = re.compile(r"uni|unan|u[bfgkrstvz](?!h)|ou|on[ce]|ew")
# American pronunciation, and what inflect gets wrong.
EXCEPTIONS: dict[str, str] = {
    **dict.fromkeys(
        "one ones oneness onetime once unanimity oneself ouija ukulele uke ukrainian ugandan urinal urine uranium ufo ewe".split(),
        "a",
    ),
    **dict.fromkeys(
        "unidentified unimportant uninhabited unintended uninterested uninteresting unissued mp3 xray nth us uber".split(),
        "an",
    ),
}
# Capitals that are read as words, and words that are read as letters in capitals.
READ_AS_WORDS = frozenset(
    """
NASA NATO LASER LEGO LEGOS RADAR SCUBA SONAR NASCAR FEMA SWAT SIM RAM ROM MIDI UNICEF UNESCO FIFA NAFTA HEPA RIP NO GO UP ON IN MY TO DO SO BE
""".split()
)
READ_AS_LETTERS = frozenset("LED LEDS US IT ID IDS AC DC AM PM PA IV IQ OK MAT SAT HIS MI FM SOS ASL RV EMS".split())
FROM_THE_UNIONS = frozenset({"UNICEF", "UNESCO"})


@lru_cache(maxsize=8192)
def indefinite_article(word: str) -> str:
    """Return ``a`` or ``an`` before ``word``: the next word alone, American pronunciation ("an herb").

    ``a`` for what has no sound.
    """
    first = re.split(r"[-\u2010\u2011]", _plain(word))[0]
    lowered = first.lower()
    if not first:
        return "a"
    if lowered in EXCEPTIONS:
        return EXCEPTIONS[lowered]
    if NUMBER.match(first):
        return "an" if _number_begins_with_vowel(first) else "a"
    if _is_spelled(first):
        return "an" if first[0].upper() in VOWEL_LETTERS else "a"
    if first in FROM_THE_UNIONS or lowered.startswith("eu"):
        return "a"
    if DOUBTFUL.match(lowered):
        return _by_inflect(lowered)
    if lowered[0] == "h":
        return "an" if SILENT_H.match(lowered) else "a"
    # Before a consonant y is a vowel, as in "ytterbium"; "yoga" and "you" begin with a consonant.
    consonant_y = lowered[0] == "y" and lowered[1:2] not in ("", *"aeiouw")
    return "an" if lowered[0] in "aeiou" or consonant_y else "a"


def _plain(word: str) -> str:
    """Return the word without accents and without what stands before the first letter or digit."""
    bare = "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))
    return re.sub(r"^[^A-Za-z0-9]+", "", bare)


def _number_begins_with_vowel(number: str) -> bool:
    """Return whether a number begins with a vowel: eight, eleven and eighteen do with a vowel, also before
    thousands and in years ("1847").
    """
    digits = NUMBER.match(number)
    whole = re.split(r"[.:]", digits.group())[0] if digits else ""
    # Four digits are read as a year, in two halves.
    if "," not in whole and len(whole) == 4 and not whole.startswith("8"):
        return whole[:2] in ("11", "18")
    plain = whole.replace(",", "")
    # The digits before the first comma, whether it is written or not.
    return plain.startswith("8") or plain[: len(plain) % 3 or 3] in ("11", "18")


def _is_spelled(word: str) -> bool:
    """Return whether a word is read letter by letter: a single letter, an abbreviation, or capitals that are no
    word.
    """
    if len(word) == 1 or re.match(r"[A-Za-z]\.", word):
        return True
    if not SPELLED.fullmatch(word) or word in READ_AS_WORDS:
        return False
    capitals = word.rstrip("s0123456789")
    return word in READ_AS_LETTERS or capitals in READ_AS_LETTERS or len(capitals) < 3 or not lemmas(capitals.lower())


def _by_inflect(word: str) -> str:
    return str(_engine().a(word)).split()[0]


@lru_cache(maxsize=1)
def _engine() -> Any:
    """Return the converter; it is imported late, since that takes two seconds."""
    import inflect

    return inflect.engine()
