from __future__ import annotations

import numpy as np
import pytest

from editmill.packs.tabletop.world.sentences import (
    GROUND,
    PAIR,
    PAIR_ON_GROUND,
    PREDICATES,
    RELATION,
    THING,
    THING_ON_GROUND,
    Description,
    Thing,
    caption,
    keywords,
    sentence_words,
    sentences,
)

RED_CUBE = Thing("cube", colour="red")
BALL = Thing("ball", size="small", colour="azure", finish="metal")


def test_phrases_follow_the_order_of_the_grammar() -> None:
    assert BALL.indefinite() == "a small azure metal ball"
    assert Thing("ball", colour="azure").indefinite() == "an azure ball"
    assert BALL.definite() == "the small azure metal ball"
    assert Thing("ball").definite() == "the ball"


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (Description((RED_CUBE,), "a wooden table"), ("red", "cube", "wooden table")),
        (Description((RED_CUBE, Thing("ball")), relation="left of"), ("red", "cube", "left", "ball")),
        (Description((RED_CUBE, Thing("ball")), "stripes"), ("red", "cube", "ball", "stripes")),
        (Description(ground="green grass"), ("green grass",)),
    ],
)
def test_keywords(description: Description, words: tuple[str, ...]) -> None:
    assert keywords(description) == words


@pytest.mark.parametrize(
    ("description", "count"),
    [
        (Description((RED_CUBE,)), len(THING) + len(PREDICATES["colour"])),
        (Description((BALL,)), len(THING)),
        (Description((RED_CUBE,), "wooden planks"), len(THING_ON_GROUND)),
        (Description(ground="wooden planks"), len(GROUND)),
        (Description((RED_CUBE, BALL), relation="above"), len(RELATION)),
        (Description((RED_CUBE, BALL)), len(PAIR)),
        (Description((RED_CUBE, BALL), "a clear sky"), len(PAIR_ON_GROUND)),
        (Description((RED_CUBE, BALL), "a clear sky", "above"), 0),
    ],
)
def test_every_sentence_uses_all_keywords_and_ends(description: Description, count: int) -> None:
    texts = sentences(description)
    assert len(set(texts)) == count
    for text in texts:
        assert all(f" {word} " in f" {text[:-1]} " for word in keywords(description))
        assert text.endswith(".")
        assert text.count(".") == 1


def test_articles_and_verbs_agree() -> None:
    assert "under the red cube there are red bricks." in sentences(Description((RED_CUBE,), "red bricks"))
    assert "under the red cube there is green grass." in sentences(Description((RED_CUBE,), "green grass"))
    assert "an azure ball can be seen." in sentences(Description((Thing("ball", colour="azure"),)))
    assert "left of the small azure metal ball there is a red cube." in sentences(
        Description((RED_CUBE, BALL), relation="left of")
    )


def test_captions_are_worded_like_scene_captions() -> None:
    rng = np.random.default_rng(0)
    texts = {caption(Description((RED_CUBE, BALL), "stripes"), rng) for _ in range(60)}
    body = "a red cube and a small azure metal ball on stripes"
    assert texts == {opening + body for opening in ("", "a photo of ", "a picture of ", "there is ")}
    assert {caption(Description((RED_CUBE,)), rng) for _ in range(60)} >= {"a red cube", "there is a red cube"}


def test_words_of_the_templates() -> None:
    words = sentence_words()
    assert {"stands", "left", "colour", "are", "together"} <= set(words)
    assert not any("{" in word or "." in word for word in words)
