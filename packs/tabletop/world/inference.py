"""Whether one text of the grammar entails another, from what the two say.

The convention is that both texts describe the same scene and that a text may leave anything out. So a text's objects
are matched with the other's: a hypothesis is entailed when some matching finds all that it says in the premise,
contradicted when every matching meets a conflict (another class, another value of an attribute, the opposite relation,
another ground), and neutral otherwise. Wordings of one family of grounds are paraphrases. With two objects of one class
"a green cube" is thus contradicted only when neither can be green.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from editmill.packs.tabletop.world.sentences import GROUPS, INVERSE, Description, Thing
from editmill.packs.tabletop.world.vocabulary import GROUNDS

ENTAILMENT, NEUTRAL, CONTRADICTION = LABELS = ("entailment", "neutral", "contradiction")
FAMILIES: dict[str, str] = {wording: family for family, wordings in GROUNDS.items() for wording in wordings}
Relation = tuple[int, str, int]


@dataclass(frozen=True)
class Claims:
    """All that a text says: objects, family of the ground or "", and relations between the objects by position."""

    things: tuple[Thing, ...]
    ground: str = ""
    relations: frozenset[Relation] = frozenset()


def claims(description: Description) -> Claims:
    """Return what a text with the content ``description`` says."""
    relations = frozenset({(0, description.relation, 1)}) if description.relation else frozenset()
    return Claims(description.things, FAMILIES.get(description.ground, ""), relations)


def _worst(verdicts: Iterator[str]) -> str:
    found = set(verdicts)
    return CONTRADICTION if CONTRADICTION in found else NEUTRAL if NEUTRAL in found else ENTAILMENT


def _values(premise: str, hypothesis: str) -> str:
    if not hypothesis or premise == hypothesis:
        return ENTAILMENT
    return CONTRADICTION if premise else NEUTRAL


def _things(premise: Thing, hypothesis: Thing) -> str:
    return _worst(_values(getattr(premise, group), getattr(hypothesis, group)) for group in ("name", *GROUPS))


def _relation(premise: frozenset[Relation], first: int, relation: str, second: int) -> str:
    known = {*premise, *((after, INVERSE[word], before) for before, word, after in premise)}
    if (first, relation, second) in known:
        return ENTAILMENT
    return CONTRADICTION if (first, INVERSE[relation], second) in known else NEUTRAL


def _under(premise: Claims, hypothesis: Claims, matching: dict[int, int]) -> str:
    verdicts = [
        _things(premise.things[matching[i]], thing) if i in matching else NEUTRAL
        for i, thing in enumerate(hypothesis.things)
    ]
    verdicts.append(_values(premise.ground, hypothesis.ground))
    verdicts += [
        _relation(premise.relations, matching[first], word, matching[second])
        if first in matching and second in matching
        else NEUTRAL
        for first, word, second in hypothesis.relations
    ]
    return _worst(iter(verdicts))


def _matchings(premise: int, hypothesis: int) -> Iterator[dict[int, int]]:
    """Yield one-to-one matchings of hypothesis objects with premise objects, as many as the shorter side has."""
    if hypothesis <= premise:
        yield from (dict(enumerate(order)) for order in permutations(range(premise), hypothesis))
    else:
        yield from (dict(zip(order, range(premise), strict=True)) for order in permutations(range(hypothesis), premise))


def judge_claims(premise: Claims, hypothesis: Claims) -> str:
    """Return the label of the pair: "entailment", "neutral" or "contradiction"."""
    found = {
        _under(premise, hypothesis, matching) for matching in _matchings(len(premise.things), len(hypothesis.things))
    }
    return ENTAILMENT if ENTAILMENT in found else NEUTRAL if NEUTRAL in found else CONTRADICTION
