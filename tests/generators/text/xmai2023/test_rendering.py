from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.language.spans import words_of
from editmill.generators.text.xmai2023.rendering import Inserted, render, split_signs

TEXTS = st.text(alphabet="ab é-'.,\"(…\n", max_size=40)


def test_words_stand_before_their_places() -> None:
    rendered = render("a dog  and Cat", [Inserted(2, "old"), Inserted(11, "red")])
    assert rendered.text == "a old dog  and red Cat"
    assert [rendered.text[span.start : span.end] for span in rendered.spans] == ["old", "red"]


def test_pieces_fuse_with_the_word_before() -> None:
    rendered = render("an asian  man", [Inserted(10, "tic", fused=True)])
    assert rendered.text == "an asiantic  man"
    assert rendered.text[rendered.spans[0].start : rendered.spans[0].end] == "tic"
    assert render("man", [Inserted(0, "tic", fused=True)]).text == "tic man"


@pytest.mark.parametrize(
    ("source", "joined"),
    [
        ("A t-shirt, here.", "A t- shirt, here."),
        ("the man's hat", "the man's hat"),
        ('a "stop" sign', 'a" stop" sign'),
        ("two  blanks ", "two blanks"),
        ("the man’s hat", "the man ’ s hat"),
        ("a (red) car", "a( red) car"),
        ('"Stop"', ' Stop"'),
        ("rock 'n' roll", "rock'n'roll"),
        ("", ""),
    ],
)
def test_texts_joined_from_tokens(source: str, joined: str) -> None:
    assert render(source, [], detokenise=True).text == joined


def test_joined_texts_know_where_insertions_stand() -> None:
    rendered = render("a t-shirt and man's hat", [Inserted(2, "red"), Inserted(20, "tic", fused=True)], detokenise=True)
    assert rendered.text == "a red t- shirt and man'stic hat"
    assert [rendered.text[span.start : span.end] for span in rendered.spans] == ["red", "tic"]


@given(TEXTS)
def test_signs_and_words_make_up_the_text(text: str) -> None:
    tokens = split_signs(text)
    assert "".join(token for _, token in tokens) == "".join(text.split())
    assert all(text[place : place + len(token)] == token for place, token in tokens)


@given(TEXTS, st.lists(st.booleans(), max_size=10), st.booleans())
def test_insertions_are_where_their_spans_say(text: str, fused: list[bool], detokenise: bool) -> None:
    inserted = [Inserted(word.start, "new", piece) for word, piece in zip(words_of(text), fused, strict=False)]
    rendered = render(text, inserted, detokenise=detokenise)
    assert len(rendered.spans) == len(inserted)
    # The published joining cuts the first character off, which a piece at the beginning loses.
    assert all(rendered.text[span.start : span.end] in ("new", "ew") for span in rendered.spans)
    if not detokenise:
        assert len(rendered.text) - len(text) == sum(
            3 if one.fused and text[: one.place].strip() else 4 for one in inserted
        )
