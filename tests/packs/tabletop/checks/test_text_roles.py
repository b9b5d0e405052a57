"""The texts that the text roles are measured on."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from editmill.generators.models.masked_lm import SLOT
from editmill.packs.tabletop.checks import causal_lm, masked_lm, nli
from editmill.packs.tabletop.checks.common import held_out
from editmill.packs.tabletop.world import Scene
from editmill.packs.tabletop.world.inference import LABELS
from editmill.packs.tabletop.world.sentences import GROUPS, Description, Thing


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return list(islice(held_out(), 24))


def test_evidence_is_what_the_texts_with_a_slot_differ_in(scenes: list[Scene]) -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for scene in scenes:
        thing = scene.objects[0]
        for group, (text, bare, word) in masked_lm.slot_texts(scene, rng).items():
            seen.add(group)
            assert word == getattr(thing, group)
            assert text.count(SLOT) == bare.count(SLOT) == 1
            # "red" and "green" also stand in wordings of the ground.
            if scene.ground not in ("brick", "grass"):
                assert word in text.replace(".", " ").split()
                assert word not in bare.replace(".", " ").split()
            assert (f"an {SLOT}" in text) == (f"an {SLOT}" in bare)
            if f"an {SLOT}" in text:
                assert word[0] in "aeiou"
    assert seen == set(GROUPS)


def test_held_out_pairs_are_balanced() -> None:
    pairs = nli.held_out_pairs(72)
    assert Counter(pair.label for pair in pairs) == dict.fromkeys(LABELS, 24)
    sentences = Counter(pair.premise.removesuffix(".").count(". ") for pair in pairs)
    assert sentences == {0: 36, 1: 18, 2: 12, 3: 6}


def test_guarded_edits_are_what_their_names_say(scenes: list[Scene]) -> None:
    rng = np.random.default_rng(0)
    kinds = set()
    for scene in scenes:
        for kind, (edited, source) in nli.edits(scene, rng).items():
            kinds.add(kind)
            if kind == "dilution":
                assert edited.startswith(f"{source}. ")
            else:
                assert len(edited.split()) == len(source.split()) + (kind == "insertion")
                assert edited != source
    assert kinds == {"insertion", "replacement", "dilution"}


def test_written_sentences_are_judged_by_their_description() -> None:
    description = Description((Thing("cube", colour="red"),), "a wooden table")
    texts = [
        ("the red cube stands on the wooden table.", True),
        ("the red cube stands on the wooden table.", False),
        ("the cube is red.", True),
        ("the red cube wobbles on the wooden table.", True),
    ]
    assert causal_lm.judge(texts, [description] * 4, "greedy") == {
        "causal_lm_greedy_vocabulary": 0.75,
        "causal_lm_greedy_keywords": 0.75,
        "causal_lm_greedy_ended": 0.75,
        "causal_lm_greedy_true": 0.5,
    }
