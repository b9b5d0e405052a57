"""Proposals of the embedded segmenter."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.models.loading import Models
from editmill.packs.tabletop.world import Scene, make_scene
from editmill.pipelines.masks.prompts import Prompt
from editmill.pipelines.masks.proposals import Proposer
from editmill.pipelines.masks.refusal import Refusal, Refused
from editmill.pipelines.masks.shape import mask_iou
from tests.pipelines.masks.scenes import scenes, truth


@pytest.fixture(scope="module")
def proposer(models: Models) -> Proposer:
    """A proposer of the embedded pack."""
    return Proposer(models, class_names=("cone", "ball"))


def prompts(scene: Scene) -> list[Prompt]:
    left, top, right, bottom = (float(edge) for edge in scene.boxes[0])
    rows, columns = np.nonzero(truth(scene))
    middle = int(np.argmin(np.hypot(rows - rows.mean(), columns - columns.mean())))
    point = (float(columns[middle]), float(rows[middle]))
    return [
        Prompt("box", box=(left, top, right, bottom)),
        Prompt("point", points=(point,)),
        Prompt("automatic"),
        Prompt("detector"),
    ]


def test_every_kind_of_prompt_finds_the_object(proposer: Proposer) -> None:
    scene = scenes()[0]
    for prompt in prompts(scene):
        found = proposer.propose(scene.image, prompt, scene.objects[0].name)
        assert found.source == f"sam-{prompt.kind}"
        assert mask_iou(found.mask, truth(scene)) > 0.85
        assert found.stability > 0.8
        assert found.largest > 0.8


def test_a_plain_picture_has_no_object(proposer: Proposer) -> None:
    plain = np.full((128, 128, 3), 120, np.uint8)
    with pytest.raises(Refused) as caught:
        proposer.propose(plain, Prompt("detector"), "cone")
    # The detector may see something in nothing; the segmenter then doesn't.
    assert caught.value.reason in (Refusal.NOT_DETECTED, Refusal.NO_CANDIDATE)
    with pytest.raises(Refused) as caught:
        proposer.propose(plain, Prompt("detector"), "")
    assert caught.value.reason == Refusal.PROMPT_UNUSABLE


def test_two_objects_of_the_class_are_refused(proposer: Proposer) -> None:
    scene = make_scene("heldout", 11016, size=128)
    assert scene.objects[0].name == scene.objects[1].name
    for prompt in (Prompt("detector"), Prompt("automatic")):
        with pytest.raises(Refused) as caught:
            proposer.propose(scene.image, prompt, scene.objects[0].name)
        assert caught.value.reason == Refusal.SEVERAL_OBJECTS
