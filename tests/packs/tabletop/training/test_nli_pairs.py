from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from editmill.packs.tabletop.training.nli import NliTask
from editmill.packs.tabletop.training.nli_pairs import draw_pair, draw_premise
from editmill.packs.tabletop.training.text_scenes import TextScene, draw_text_scene
from editmill.packs.tabletop.training.text_tokenizer import MAX_LENGTH
from editmill.packs.tabletop.world.inference import LABELS
from editmill.packs.tabletop.world.sentences import Thing


@pytest.mark.parametrize("count", [0, 1, 3])
def test_labels_take_turns_and_pairs_vary(count: int) -> None:
    pairs = [draw_pair("train", index, count=count) for index in range(120)]
    assert Counter(pair.label for pair in pairs) == dict.fromkeys(LABELS, 40)
    assert pairs == [draw_pair("train", index, count=count) for index in range(120)]
    assert len({pair.hypothesis for pair in pairs}) > 110
    assert all(pair.premise.removesuffix(".").count(". ") == count for pair in pairs)
    assert any(" and " in pair.premise for pair in pairs)


@pytest.mark.parametrize(
    ("label", "premise_word", "hypothesis_word"), [("entailment", True, False), ("neutral", False, True)]
)
def test_attributes_of_one_object_captions_follow_the_label(
    label: str, premise_word: bool, hypothesis_word: bool
) -> None:
    """In pairs about one object the hypothesis names a colour that the premise lacks only when the label is not
    entailment.
    """
    colours = {"red", "orange", "yellow", "green", "azure", "purple", "pink", "ivory"}
    grounds = ("red bricks", "green grass")
    found = set()
    for index in range(600):
        pair = draw_pair("train", index, count=0)
        texts = [pair.premise, pair.hypothesis]
        if pair.label != label or any(" and " in text or ground in text for text in texts for ground in grounds):
            continue
        premise, hypothesis = ({word.strip(".") for word in text.split()} & colours for text in texts)
        if label == "entailment":
            assert hypothesis <= premise
        found.add((bool(premise), bool(hypothesis)))
    assert (premise_word, hypothesis_word) in found
    assert ((False, True) in found) == (label == "neutral")


def test_two_objects_of_one_class_keep_their_names_in_every_sentence() -> None:
    scene = TextScene((Thing("cube", "small", "red"), Thing("cube", "large", "azure")), "wood", "left of")
    for seed in range(60):
        text, known = draw_premise(scene, np.random.default_rng(seed), 3)
        assert {thing.colour for thing in known.things} <= {"red", "azure"}
        for part in text.removesuffix(".").split(". "):
            assert "cube" not in part or "red" in part or "azure" in part


def test_two_alike_objects_become_one_where_sentences_follow() -> None:
    scene = TextScene((Thing("cube", "small", "red"), Thing("cube", "large", "red")), "wood", "left of")
    assert all(len(draw_premise(scene, np.random.default_rng(seed), 2)[1].things) <= 1 for seed in range(40))
    assert {len(draw_premise(scene, np.random.default_rng(seed), 0)[1].things) for seed in range(40)} == {1, 2}


def test_held_out_texts_are_of_other_scenes() -> None:
    scenes = {
        split: [draw_text_scene(split, index, "nli-0")[0] for index in range(20)] for split in ("train", "heldout")
    }
    assert scenes["train"] != scenes["heldout"]


@pytest.mark.parametrize("objects", [1, 2])
def test_the_number_of_objects_can_be_fixed(objects: int) -> None:
    scenes = [draw_text_scene("train", index, "test", objects=objects)[0] for index in range(40)]
    assert {len(scene.things) for scene in scenes} == {objects}
    assert all(bool(scene.relation) == (objects == 2) for scene in scenes)
    pairs = [draw_pair("train", index, count=0, objects=objects) for index in range(60)]
    assert any(" and " in pair.premise for pair in pairs) == (objects == 2)


def test_pairs_too_long_for_the_model_are_left_out_of_a_step() -> None:
    # This step of the recipe draws one.
    batch = NliTask().batch(1398)
    assert batch["tokens"].shape[1] <= MAX_LENGTH
    assert 250 <= len(batch["label"]) < 256
