"""The indefinite article before a word, by its sound: inflect, with what it gets wrong."""

from __future__ import annotations

import re
from functools import lru_cache

NUMBER = re.compile(r"\d[\d.,]*")
# Names of letters that begin with a vowel.
VOWEL_LETTERS = frozenset("AEFHILMNORSX")
AN = frozenset("""
herb herbal heir heiress heirloom honest honor honour honorary hour hourglass hourly mp3 x-ray xray
""".split())  # noqa: SIM905 - a list of hundreds of words reads better so.
A = frozenset("""
one once one-way ukulele uniform unicorn unique unit united universal university used useful user usual utensil utility european eucalyptus ewe
u-shaped u-turn ufo usb uk us unesco
""".split())  # noqa: SIM905 - a list of hundreds of words reads better so.
PRONOUNCED = frozenset({"NASA", "NATO", "LASER", "LEGO", "RADAR", "SCUBA", "SONAR"})


@lru_cache(maxsize=4096)
def indefinite_article(word: str) -> str:
    """``a`` or ``an`` before ``word``, American pronunciation ("an herb")."""
    lowered = word.lower()
    first = lowered.split("-")[0]
    if lowered in A or first in A:
        return "a"
    if lowered in AN or first in AN:
        return "an"
    if NUMBER.fullmatch(first):
        return _before_number(first)
    if _is_spelled(word.split("-")[0]):
        return "an" if word[0] in VOWEL_LETTERS else "a"
    return str(_engine().a(lowered)).split()[0]


def _before_number(digits: str) -> str:
    whole = digits.replace(",", "").split(".")[0]
    # "eight", "eleven" and "eighteen", alone or before thousands.
    leading = whole[: len(whole) % 3 or 3]
    return "an" if whole.startswith("8") or leading in ("11", "18") else "a"


def _is_spelled(word: str) -> bool:
    """Whether a word is read letter by letter: capitals, or a single letter."""
    letters = re.match(r"[A-Z]+", word)
    return bool(letters) and word not in PRONOUNCED and (len(word) == 1 or (letters is not None and len(letters.group()) >= 2))


@lru_cache(maxsize=1)
def _engine():  # type: ignore[no-untyped-def]
    import inflect

    return inflect.engine()
