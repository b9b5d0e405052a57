"""A check of indefinite articles that shares neither code nor data with what writes them."""

# ruff: noqa: SIM905 - lists of words read better as text.

from __future__ import annotations

import re

from editmill.generators.text.language.spans import Word

# An article with the word after it; quotes, brackets or a currency sign may stand between.
PAIR = re.compile(
    r"(?<![\w'’.\-&/])(an?|An?|AN?)[ \t\n\u00a0]+[\"'“‘(\[*_]*[$£€]?([^\W_](?:[\w\u0300-\u036f]|['’&.,:\-\u2010\u2011](?=\w))*\.?)"
)
SENTENCE_START = re.compile(r"(^|[.!?:]['\"”’)]*\s)\W*$")
# Vowels in writing, consonants in speech: "you" and "won".
GLIDES = re.compile(
    r"(eu|unesco|ew(e|er)s?$|one($|[^a-z]|s$|self|ness|time)|once|oui|ubiq|ufo|ug(a|l?andan)|uk|unanim|uni(c|f|on|po|q|s[eo]|t|v|l(a|i))|"
    r"ur(a|e(a|th)|i|o|u)|us(a|e|i|u)|ut(e|i|o)|uv|uzb)"
)
NO_GLIDES = re.compile(r"unissued|unintend|unlit|utter")
SILENT_H = re.compile(r"(heir|herb(?!ert)|homage$|honest|hono(u?)r|hour(?!i))")
# Numbers spoken with a vowel first: 8, 8x, 8xx; 11 and 18 alone, before thousands, and as the first half of a year.
VOWEL_NUMBER = re.compile(r"(8\d*|1[18](?=(,\d{3})*(?![\d,]))|1[18](?=\d\d(?!\d)))")
LETTERS = dict.fromkeys("AEFHILMNORSX", True)
# Capitals that form syllables are spoken as a word.
SYLLABLES = re.compile(r"[^AEIOUY]{0,2}([AEIOU]{1,2}[^AEIOU]{1,2})+[AEIOUY]?")
STILL_SPELLED = frozenset("LAPD SUVS LEDS".split())
SHORT_WORDS = frozenset(
    """
RED NEW OLD BIG CAR DOG CAT MAN BUS BOX HOT WET DRY SAD ONE TWO TOP BAR ZOO OUT OFF RAM ROM SIM NOT NOW FUN BAD RIP RUN HIT MAD MIX FIT FAT
NO GO UP ON IN MY TO DO SO BE
""".split()
)


def begins_with_vowel_sound(word: str) -> bool:
    """Return whether a word is spoken with a vowel first."""
    if word[0].isdigit():
        return VOWEL_NUMBER.match(word) is not None
    head = re.split(r"[^A-Za-z0-9\u00c0-\u024f.]", word)[0].rstrip(".")
    if _is_read_by_letters(head):
        return head[0].upper() in LETTERS
    lowered = word.lower()
    if SILENT_H.match(lowered):
        return True
    if GLIDES.match(lowered) and not NO_GLIDES.match(lowered):
        return False
    return lowered[0] in "aeiouáàâäãåæéèêëíìîïóòôöõøœúùûü" or re.match(r"y[bcdfgklmnprst]", lowered) is not None


def article_errors(text: str) -> tuple[Word, ...]:
    """Return every "a" and "an" that does not fit the word after it.

    One before punctuation or at a line's end is left alone, and so is a capital "A" within a sentence ("plan A is").
    """
    shouted = text.isupper()
    wrong = []
    for match in PAIR.finditer(text):
        article, following = match.group(1), match.group(2)
        # "An" before a capital can only be an article, while "A" may be part of a name ("plan A").
        titled = following[0].isupper() and len(article) == 2
        if article[0] == "A" and not (
            shouted or titled or SENTENCE_START.search(text[: match.start(1)]) or _is_titled(text)
        ):
            continue
        heard = begins_with_vowel_sound(following.lower() if shouted else following)
        if (len(article) == 2) != heard:
            wrong.append(Word(article, match.start(1), match.end(1)))
    return tuple(wrong)


def _is_titled(text: str) -> bool:
    words = [word for word in text.split() if len(word) > 3]
    return len(words) > 1 and all(not word[0].islower() for word in words)


def _is_read_by_letters(head: str) -> bool:
    if len(head) == 1 or re.fullmatch(r"([A-Za-z]\.)+[A-Za-z]?", head):
        return True
    capitals = re.fullmatch(r"([A-Z]{2,})\d*s?|([A-Za-z]{1,2})\d+", head)
    if capitals is None:
        return head.lower() == "xray"
    letters = capitals.group(1) or capitals.group(2).upper()
    if len(letters) <= 3:
        return letters not in SHORT_WORDS
    return letters in STILL_SPELLED or SYLLABLES.fullmatch(letters) is None
