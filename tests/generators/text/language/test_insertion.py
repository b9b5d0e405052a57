"""Where words go, and what else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.text.language.article_check import article_errors
from editmill.generators.text.language.articles import indefinite_article
from editmill.generators.text.language.attribute_words import GROUPS
from editmill.generators.text.language.insertion import insert_word, merge_operations
from editmill.generators.text.language.operations import Operation, apply_operations, undo_operations
from editmill.generators.text.language.phrases import noun_phrases


def inserted(text: str, lemma: str, word: str, group: str) -> str:
    phrase = next(one for one in noun_phrases(text) if lemma in (one.lemma, one.head_lemma))
    operations = insert_word(text, phrase, word, group)
    edited = apply_operations(text, operations)
    assert undo_operations(edited, operations) == text
    return edited


@pytest.mark.parametrize(
    ("text", "lemma", "word", "group", "expected"),
    [
        ("a cube", "cube", "orange", "colour", "an orange cube"),
        ("an apple", "apple", "red", "colour", "a red apple"),
        ("An apple.", "apple", "red", "colour", "A red apple."),
        ("A cube.", "cube", "ivory", "colour", "An ivory cube."),
        ("AN APPLE ON A PLATE", "apple", "red", "colour", "A RED APPLE ON A PLATE"),
        ("A CUBE", "cube", "orange", "colour", "AN ORANGE CUBE"),
        ("a small metal cube", "cube", "red", "colour", "a small red metal cube"),
        ("an ivory cube", "cube", "small", "size", "a small ivory cube"),
        ("a red cube", "cube", "matte", "material", "a red matte cube"),
        ("a red metal cube", "cube", "small", "size", "a small red metal cube"),
        ("a very small cube", "cube", "orange", "colour", "a very small orange cube"),
        ("an extremely red cube", "cube", "small", "size", "a small extremely red cube"),
        ("a beautiful cube", "cube", "small", "size", "a beautiful small cube"),
        ("a stuffed bear", "bear", "orange", "colour", "an orange stuffed bear"),
        ("an electric guitar", "guitar", "red", "colour", "a red electric guitar"),
        ("a walk-in closet", "closet", "white", "colour", "a white walk-in closet"),
        ("an 8 foot tall statue", "statue", "gray", "colour", "a gray 8 foot tall statue"),
        ("a two story house", "house", "orange", "colour", "an orange two story house"),
        ("a modern style kitchen", "kitchen", "white", "colour", "a white modern style kitchen"),
        ("a hot dog", "hot dog", "small", "size", "a small hot dog"),
        ("a black and white cat", "cat", "small", "size", "a small black and white cat"),
        ("a black and white cat", "cat", "spotted", "pattern", "a black and white spotted cat"),
        ("a red, white and blue kite", "kite", "large", "size", "a large red, white and blue kite"),
        ("a snow covered bench", "bench", "small", "size", "a small snow covered bench"),
        ("a light blue car", "car", "open", "state", "an open light blue car"),
        ("a big, old house", "house", "red", "colour", "a big, old red house"),
        ("a clean, cozy bathroom", "bathroom", "small", "size", "a small, clean, cozy bathroom"),
        ("a pretty, clean bathroom", "bathroom", "small", "size", "a pretty, small, clean bathroom"),
        ("the cubes", "cube", "orange", "colour", "the orange cubes"),
        ("two cubes", "cube", "orange", "colour", "two orange cubes"),
        ("his umbrella", "umbrella", "red", "colour", "his red umbrella"),
        ("the man's umbrella", "umbrella", "red", "colour", "the man's red umbrella"),
        ("a dog's bowl", "dog", "orange", "colour", "an orange dog's bowl"),
        ("Cubes on grass", "cube", "red", "colour", "Red cubes on grass"),
        ("Metal cubes on grass", "cube", "red", "colour", "Red metal cubes on grass"),
        ("Metal cubes on grass", "cube", "small", "size", "Small metal cubes on grass"),
        ("Small cubes on grass", "cube", "red", "colour", "Small red cubes on grass"),
        ("😀 Cubes on grass", "cube", "red", "colour", "😀 Red cubes on grass"),
        ('"Cubes on grass"', "cube", "red", "colour", '"Red cubes on grass"'),
        ("It is late. Cubes stand here.", "cube", "red", "colour", "It is late. Red cubes stand here."),
        ("TV on a table", "table", "wooden", "material", "TV on a wooden table"),
        ("TV on a table", "tv", "black", "colour", "Black TV on a table"),
        ("T-shirt on a bed", "t-shirt", "red", "colour", "Red T-shirt on a bed"),
        ("Christmas tree in a room", "tree", "large", "size", "Large Christmas tree in a room"),
        ("French fries on a plate", "french fry", "thin", "size", "Thin French fries on a plate"),
        ("Chinese food", "food", "sliced", "state", "Sliced Chinese food"),
        ("A Large Dog On The Couch", "dog", "white", "colour", "A Large White Dog On The Couch"),
        ("cubes on grass", "cube", "red", "colour", "red cubes on grass"),
        ("two dogs, his ice-cream", "ice-cream", "pink", "colour", "two dogs, his pink ice-cream"),
        ("  a  cube", "cube", "azure", "colour", "  an  azure cube"),
        ('a "stop" sign', "stop sign", "red", "colour", 'a red "stop" sign'),
        ('a "stop" sign', "stop sign", "old", "state", 'an old "stop" sign'),
        ("(cubes on grass)", "cube", "red", "colour", "(red cubes on grass)"),
        ("the tennis racquet", "racquet", "blue", "colour", "the blue tennis racquet"),
        ("a café table 😀", "table", "old", "state", "an old café table 😀"),
        ("a cube", "cube", "odd", "texture", "an odd cube"),
        ("a red cube", "cube", "odd", "texture", "a red odd cube"),
    ],
)
def test_insertion(text: str, lemma: str, word: str, group: str, expected: str) -> None:
    assert inserted(text, lemma, word, group) == expected


def test_kinds_of_operations() -> None:
    text = "Apples and an orange"
    apples, orange = noun_phrases(text)
    assert insert_word(text, apples, "red", "colour") == (
        Operation("insert", 0, "", "Red "),
        Operation("initial_case", 0, "A", "a"),
    )
    assert insert_word(text, orange, "small", "size") == (
        Operation("article", 11, "an", "a"),
        Operation("insert", 14, "", "small "),
    )


def test_several_insertions_combine() -> None:
    text = "a cube and a ball"
    cube, ball = noun_phrases(text)
    operations = merge_operations(
        [insert_word(text, ball, "orange", "colour"), insert_word(text, cube, "azure", "colour")]
    )
    assert apply_operations(text, operations) == "an azure cube and an orange ball"
    assert [one.start for one in operations] == sorted(one.start for one in operations)


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("a cube", {"colour": "orange", "size": "large"}, "a large orange cube"),
        ("a cube", {"material": "metal", "colour": "orange"}, "an orange metal cube"),
        ("an apple", {"state": "open", "size": "small"}, "a small open apple"),
        ("Cubes on grass", {"colour": "red", "size": "small"}, "Small red cubes on grass"),
        ("TVs on grass", {"colour": "red", "size": "small"}, "Small red TVs on grass"),
        ("a metal cube", {"colour": "red", "size": "small", "state": "wet"}, "a small wet red metal cube"),
    ],
)
def test_several_words_at_one_noun(text: str, words: dict[str, str], expected: str) -> None:
    phrase = noun_phrases(text)[0]
    operations = merge_operations([insert_word(text, phrase, word, group) for group, word in words.items()])
    assert apply_operations(text, operations) == expected
    assert undo_operations(expected, operations) == text


def test_changes_of_the_same_characters_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        merge_operations([(Operation("delete", 0, "ab", ""),), (Operation("delete", 1, "bc", ""),)])


# Pieces of captions between which anything may stand.
PIECES = st.sampled_from(
    [
        "a",
        "an",
        "A",
        "the",
        "two",
        "his",
        "every",
        "cube",
        "Cubes",
        "teddy bear",
        "ice-cream",
        "T-shirt",
        "apple",
        "red",
        "small",
        "metal",
        "very",
        "old",
        "and",
        "on",
        "with",
        "of",
        "stands",
        "man",
        "man's",
        "TV",
        "X-ray",
        "8-foot",
        "cafe\u0301 table",
        "été",
        "wooden",
        "hot dog",
        "orange",
        "snow",
        "covered",
        "Christmas tree",
    ]
)
GLUE = st.sampled_from(
    [
        " ",
        " ",
        " ",
        "  ",
        ", ",
        ",",
        ". ",
        "-",
        "'s ",
        "' ",
        ' "',
        '" ',
        " “",
        "” ",
        "\n",
        "\t",
        "\u00a0",
        "/",
        " – ",
        "—",
        "😀",
        " 👩🏽\u200d🚀 ",
        "\u0301 ",
        "(",
        ") ",
        "…",
    ]
)
PARTS = st.lists(st.tuples(PIECES, st.one_of(GLUE, st.text(max_size=3))), max_size=9)
CAPTIONS = PARTS.map(lambda parts: "".join(piece + glue for piece, glue in parts))


# What is set first here changes the first letter, or the article.
BEGUN = st.tuples(st.sampled_from(["Cubes on ", "Snow, ", "An apple on "]), CAPTIONS).map("".join)


@given(st.one_of(CAPTIONS, BEGUN, st.text(max_size=80)), st.data())
def test_nothing_but_article_and_first_letter_changes(text: str, data: st.DataObject) -> None:
    for phrase in noun_phrases(text):
        group = data.draw(st.sampled_from(sorted(GROUPS)))
        word = data.draw(st.sampled_from(GROUPS[group]))
        operations = insert_word(text, phrase, word, group)
        edited = apply_operations(text, operations)
        assert undo_operations(edited, operations).encode("utf-8", "surrogatepass") == text.encode(
            "utf-8", "surrogatepass"
        )
        (put,) = [one for one in operations if one.kind == "insert"]
        assert put.old == ""
        assert put.new.strip(", ").lower() == word
        assert put.new.endswith(" ")
        assert phrase.start - 1 <= put.start <= phrase.noun.start
        assert all(one.old.lower() == one.new.lower() for one in operations if one.kind == "initial_case")
        assert all({one.old.lower(), one.new.lower()} == {"a", "an"} for one in operations if one.kind == "article")
        assert {one.kind for one in operations} <= {"insert", "article", "initial_case"}
        before = text[put.start - 1 : put.start]
        assert before == "" or before.isspace() or before in "\"'“‘«([{–—", "the word is glued to what stands before it"


@given(CAPTIONS, st.data())
def test_all_phrases_at_once(text: str, data: st.DataObject) -> None:
    several = []
    for phrase in noun_phrases(text):
        group = data.draw(st.sampled_from(sorted(GROUPS)))
        several.append(insert_word(text, phrase, data.draw(st.sampled_from(GROUPS[group])), group))
    operations = merge_operations(several)
    assert undo_operations(apply_operations(text, operations), operations) == text
    assert sum(one.kind == "insert" for one in operations) == len(several)


@given(
    st.sampled_from(
        ["a cube", "An apple", "the cube and a ball", "an old cube", "a very old cube", "Two cubes", "an 8 inch ball"]
    ),
    st.data(),
)
def test_articles_fit_after_insertion(text: str, data: st.DataObject) -> None:
    phrase = noun_phrases(text)[0]
    group = data.draw(st.sampled_from(sorted(GROUPS)))
    edited = apply_operations(text, insert_word(text, phrase, data.draw(st.sampled_from(GROUPS[group])), group))
    assert article_errors(edited) == ()
    article, following = edited.split()[:2]
    assert article.lower() not in ("a", "an") or indefinite_article(following) == article.lower()
