"""Whole captions, as they are read."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from editmill.generators.text.language.article_check import article_errors
from editmill.generators.text.language.attribute_words import GROUPS
from editmill.generators.text.language.insertion import insert_word, merge_operations
from editmill.generators.text.language.operations import apply_operations, undo_operations
from editmill.generators.text.language.person_words import PEOPLE
from editmill.generators.text.language.phrases import noun_phrases
from editmill.generators.text.language.spans import words_of

READ = (Path(__file__).parent / "read_captions.txt").read_text(encoding="utf-8").splitlines()
REAL = Path(__file__).parents[5] / "shared" / "real" / "coco" / "captions.json"
SIGNS = {"negated": "~", "depicted": "%", "quantified": "^", "contrasted": "<", "relational": "/", "": ""}


def render(text: str) -> str:
    """The caption with its phrases in brackets: a sign for the scope, "!" for people, "|" between modifiers and
    noun.
    """
    parts, end = [], 0
    for phrase in noun_phrases(text):
        signs = ("!" if phrase.person else "") + SIGNS[phrase.scope]
        before = text[phrase.start : phrase.noun.start] + ("|" if phrase.start < phrase.noun.start else "")
        parts += [text[end : phrase.start], "[", signs, before, text[phrase.noun.start : phrase.noun.end], "]"]
        end = phrase.noun.end
    return "".join([*parts, text[end:]])


@pytest.mark.parametrize("expected", READ)
def test_reading(expected: str) -> None:
    assert render(re.sub(r"\[[!~%^</]*|[|\]]", "", expected)) == expected


def real_captions() -> list[str]:
    return [one["caption"] for one in json.loads(REAL.read_text(encoding="utf-8"))["annotations"]]


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/real")
def test_real_captions_come_back() -> None:
    """Every word at every noun of 135 captions of COCO: reversed byte for byte, no article wrong, nobody described.

    Only "a professional kitchen" has a noun of people as an adjective.
    """
    described = 0
    for text in real_captions():
        errors = len(article_errors(text))
        assert noun_phrases(text)
        for phrase in noun_phrases(text):
            if phrase.person or phrase.scope:
                continue
            for group, words in GROUPS.items():
                for word in words:
                    operations = insert_word(text, phrase, word, group)
                    edited = apply_operations(text, operations)
                    assert undo_operations(edited, operations) == text
                    assert len(article_errors(edited)) <= errors, edited
                put = next(one for one in operations if one.kind == "insert")
                following = words_of(text[put.start :])[0].text.lower()
                assert following not in PEOPLE - {"professional"}, edited
                described += 1
    assert described > 1500


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/real")
def test_real_captions_take_words_at_all_nouns() -> None:
    for text in real_captions():
        several = [
            insert_word(text, phrase, "orange", "colour")
            for phrase in noun_phrases(text)
            if not (phrase.person or phrase.scope)
        ]
        edited = apply_operations(text, merge_operations(several))
        assert edited.lower().count("orange") == text.lower().count("orange") + len(several)
        assert undo_operations(edited, merge_operations(several)) == text


def test_reading_is_fast() -> None:
    texts = [re.sub(r"[|\[\]]", "", line) for line in READ]
    for text in texts:
        noun_phrases(text)
    noun_phrases.cache_clear()
    start = time.process_time()
    for text in texts:
        noun_phrases(text)
    assert (time.process_time() - start) / len(texts) < 0.002
