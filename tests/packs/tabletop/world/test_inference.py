from __future__ import annotations

import pytest

from editmill.packs.tabletop.world.inference import CONTRADICTION, ENTAILMENT, NEUTRAL, Claims, claims, judge_claims
from editmill.packs.tabletop.world.sentences import Description, Thing

CUBE, RED, AZURE, GREEN = (
    Thing("cube"),
    Thing("cube", colour="red"),
    Thing("cube", colour="azure"),
    Thing("cube", colour="green"),
)
SMALL_RED, LARGE_AZURE = Thing("cube", "small", "red"), Thing("cube", "large", "azure")
BALL = Thing("ball")


def said(*things: Thing, ground: str = "", relation: str = "") -> Claims:
    return claims(Description(things, ground, relation))


@pytest.mark.parametrize(
    ("premise", "hypothesis", "label"),
    [
        (said(SMALL_RED), said(RED), ENTAILMENT),
        (said(RED), said(SMALL_RED), NEUTRAL),
        (said(RED), said(GREEN), CONTRADICTION),
        (said(CUBE), said(BALL), CONTRADICTION),
        (said(RED), said(BALL), CONTRADICTION),
        (said(RED, ground="a wooden table"), said(RED), ENTAILMENT),
        (said(RED, ground="a wooden table"), said(RED, ground="wooden planks"), ENTAILMENT),
        (said(RED), said(RED, ground="a wooden table"), NEUTRAL),
        (said(RED, ground="a wooden table"), said(RED, ground="stripes"), CONTRADICTION),
        (said(RED, ground="a wooden table"), said(ground="wooden planks"), ENTAILMENT),
        (said(RED, ground="a wooden table"), said(GREEN, ground="stripes"), CONTRADICTION),
    ],
)
def test_one_object(premise: Claims, hypothesis: Claims, label: str) -> None:
    assert judge_claims(premise, hypothesis) == label


@pytest.mark.parametrize(
    ("premise", "hypothesis", "label"),
    [
        (said(RED, AZURE), said(AZURE), ENTAILMENT),
        (said(RED, AZURE), said(AZURE, RED), ENTAILMENT),
        (said(RED, AZURE), said(GREEN), CONTRADICTION),
        (said(RED, CUBE), said(GREEN), NEUTRAL),
        (said(RED, CUBE), said(RED, RED), NEUTRAL),
        (said(RED, AZURE), said(RED, RED), CONTRADICTION),
        (said(SMALL_RED, LARGE_AZURE), said(Thing("cube", "large", "red")), CONTRADICTION),
        (said(SMALL_RED, AZURE), said(Thing("cube", "small", "azure")), NEUTRAL),
        (said(RED, BALL), said(CUBE), ENTAILMENT),
        (said(RED, BALL), said(BALL, BALL), CONTRADICTION),
        (said(RED), said(RED, BALL), NEUTRAL),
        (said(RED), said(AZURE, BALL), CONTRADICTION),
    ],
)
def test_two_objects(premise: Claims, hypothesis: Claims, label: str) -> None:
    assert judge_claims(premise, hypothesis) == label


@pytest.mark.parametrize(
    ("things", "relation", "label"),
    [
        ((RED, BALL), "left of", ENTAILMENT),
        ((BALL, RED), "right of", ENTAILMENT),
        ((BALL, CUBE), "right of", ENTAILMENT),
        ((RED, BALL), "right of", CONTRADICTION),
        ((BALL, RED), "left of", CONTRADICTION),
        ((RED, BALL), "above", NEUTRAL),
        ((SMALL_RED, BALL), "left of", NEUTRAL),
    ],
)
def test_relations(things: tuple[Thing, Thing], relation: str, label: str) -> None:
    assert judge_claims(said(RED, BALL, relation="left of"), said(*things, relation=relation)) == label


def test_a_relation_that_was_not_told_is_neutral() -> None:
    assert judge_claims(said(RED, BALL), said(RED, BALL, relation="above")) == NEUTRAL
