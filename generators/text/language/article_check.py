"""A check of indefinite articles that shares nothing with what writes them."""

from __future__ import annotations

import re
from itertools import pairwise

from generators.text.language.spans import Word, words_of

SILENT_H = re.compile(r"(hour|honest|honou?r|heir|herb)", re.IGNORECASE)
# "you", "won": vowels in writing, consonants in speech.
GLIDE = re.compile(
    r"(e[uw]|on(e|ce)(?![a-z])|u-|ubiq|uf(o|os)\b|uk|unanim|uni([cflqstv]|on)|ur(an|e|in)|us(a|e|i|ua|ur)|ut(e|i|op))", re.IGNORECASE
)
AN_NUMBER = re.compile(r"(8\d*|1[18])([,.]?\d{3})*(?!\d)")
SPELLED = re.compile(r"[A-Z]{2,}[0-9]*s?$|[A-Z](-|$)|[A-Z]{2,}-")
LETTERS_WITH_VOWEL = "AEFHILMNORSX"
SPOKEN_AS_WORD = ("NASA", "NATO", "LASER", "LEGO", "RADAR", "SCUBA", "SONAR")


def begins_with_vowel_sound(word: str) -> bool:
    """Whether a word is spoken with a vowel first."""
    if word[0].isdigit():
        return AN_NUMBER.match(word) is not None and not re.match(r"1[18]\d{1,2}(?!\d)", word)
    if word.lower() in ("mp3", "x-ray", "xray") or (SPELLED.match(word) and word not in SPOKEN_AS_WORD):
        return word[0].upper() in LETTERS_WITH_VOWEL
    if SILENT_H.match(word):
        return True
    if GLIDE.match(word):
        return False
    return word[0].lower() in "aeiouáàâäéèêëíìîïóòôöúùûü"


def article_errors(text: str) -> tuple[Word, ...]:
    """Every "a" and "an" that does not fit the word after it; one before punctuation or a line's end is left alone."""
    words = words_of(text)
    wrong = []
    for article, following in pairwise(words):
        between = text[article.end : following.start]
        beside = article.text in ("a", "an", "A", "An") and bool(between) and not between.strip(" \t\"'“‘(")
        if beside and (article.text.lower() == "an") != begins_with_vowel_sound(following.text):
            wrong.append(article)
    return tuple(wrong)
