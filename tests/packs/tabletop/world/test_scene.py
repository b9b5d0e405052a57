"""Scenes and their truth. Statistics run over plans, which draw no pixel."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editmill.packs.tabletop.world import (
    CLASSES,
    COLOURS,
    FINISHES,
    GROUNDS,
    SIZES,
    SPLITS,
    Scene,
    make_scene,
    plan_scene,
)
from editmill.packs.tabletop.world.captions import with_article
from editmill.packs.tabletop.world.scene import SIBLING_SHARE, TWO_OBJECT_SHARE, scene_rng

INDICES = st.integers(0, 2**40)
COUNT = 2000


def pictures(scene: Scene) -> list[np.ndarray]:
    return [scene.image, scene.clean, *scene.alphas]


@settings(max_examples=15)
@given(st.sampled_from(SPLITS), INDICES)
def test_scene_is_a_pure_function_of_split_and_index(split: str, index: int) -> None:
    first = make_scene(split, index, size=64)
    make_scene("train", 1, size=64)
    np.random.seed(3)
    second = make_scene(split, index, size=64)
    assert all(np.array_equal(one, two) for one, two in zip(pictures(first), pictures(second), strict=True))
    assert (first.objects, first.caption, first.boxes) == (second.objects, second.caption, second.boxes)


def test_scenes_of_one_index_differ_between_splits_and_purposes() -> None:
    assert len({str(plan_scene(split, 5)) for split in SPLITS}) == len(SPLITS)
    assert scene_rng("train", 5).random() != scene_rng("train", 5, "ground").random()


@settings(max_examples=20)
@given(st.sampled_from(SPLITS), INDICES)
def test_content_does_not_depend_on_the_size(split: str, index: int) -> None:
    small, large = make_scene(split, index, size=64), make_scene(split, index, size=128)
    assert (small.objects, small.ground, small.caption) == (large.objects, large.ground, large.caption)
    for one, two in zip(small.boxes, large.boxes, strict=True):
        assert np.abs(np.array(one) * 2 - np.array(two)).max() <= 3
    shares = [[float(alpha.mean()) for alpha in scene.alphas] for scene in (small, large)]
    assert shares[0] == pytest.approx(shares[1], rel=0.05)
    for one, two in zip(small.alphas, large.alphas, strict=True):
        colours = [scene.image[alpha == 1].mean(axis=0) for scene, alpha in ((small, one), (large, two))]
        assert np.abs(colours[0] - colours[1]).max() < 12


@settings(max_examples=20)
@given(st.sampled_from(SPLITS), INDICES, st.sampled_from([64, 96]))
def test_truth_fits_the_picture(split: str, index: int, size: int) -> None:
    scene = make_scene(split, index, size=size)
    assert scene.image.shape == scene.clean.shape == (size, size, 3)
    assert scene.image.dtype == scene.clean.dtype == np.uint8
    for alpha, (left, top, right, bottom) in zip(scene.alphas, scene.boxes, strict=True):
        assert alpha.dtype == np.float32
        assert alpha.shape == (size, size)
        assert 0 <= alpha.min() <= alpha.max() <= 1
        assert alpha.max() == 1
        rows, columns = np.nonzero(alpha)
        assert (left, top, right, bottom) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        # The whole object is in the frame.
        assert 0 < left < right < size
        assert 0 < top < bottom < size
    uncovered = np.max(scene.alphas, axis=0) == 0
    # Shadows only darken what is not covered.
    assert (scene.image[uncovered] <= scene.clean[uncovered]).all()


@settings(max_examples=30)
@given(st.sampled_from(SPLITS), INDICES)
def test_objects_do_not_overlap(split: str, index: int) -> None:
    scene = make_scene(split, index, size=64)
    assert np.sum(scene.alphas, axis=0).max() <= 1 + 1e-6


def test_objects_are_drawn_in_their_colour() -> None:
    for index in range(40):
        scene = make_scene("train", index, size=64)
        item = scene.objects[0]
        if item.finish == "matte":
            inside = scene.image[scene.alphas[0] == 1].mean(axis=0)
            distances = {
                name: np.linalg.norm(inside / np.linalg.norm(inside) - np.array(rgb) / np.linalg.norm(rgb))
                for name, rgb in COLOURS.items()
            }
            assert item.colour in sorted(distances, key=lambda name: distances[name])[:2]


def test_shares_of_two_objects_and_of_siblings() -> None:
    plans = [plan_scene("train", index) for index in range(COUNT)]
    pairs = [plan.objects for plan in plans if len(plan.objects) == 2]
    # A pair that finds no room is a single object, so a few are missing.
    assert {len(plan.objects) for plan in plans} == {1, 2}
    assert len(pairs) / COUNT == pytest.approx(TWO_OBJECT_SHARE, abs=0.04)
    siblings = np.mean([first.name == second.name for first, second in pairs])
    # One in eight of the others is a sibling by chance.
    assert siblings == pytest.approx(SIBLING_SHARE + (1 - SIBLING_SHARE) / len(CLASSES), abs=0.05)


@pytest.mark.parametrize("split", SPLITS)
def test_everything_in_the_vocabulary_occurs_about_equally(split: str) -> None:
    plans = [plan_scene(split, index) for index in range(COUNT)]
    for values, vocabulary in (
        ([plan.objects[0].name for plan in plans], CLASSES),
        ([plan.objects[0].colour for plan in plans], tuple(COLOURS)),
        ([plan.objects[0].finish for plan in plans], FINISHES),
        ([plan.objects[0].size for plan in plans], tuple(SIZES)),
        ([plan.ground for plan in plans], tuple(GROUNDS)),
    ):
        shares = {value: values.count(value) / COUNT for value in vocabulary}
        assert set(values) == set(vocabulary)
        assert min(shares.values()) > 0.75 / len(vocabulary)
        assert max(shares.values()) < 1.25 / len(vocabulary)


def test_shifted_split_shares_no_combination_with_training() -> None:
    seen = {
        split: {(item.name, item.colour) for index in range(COUNT) for item in plan_scene(split, index).objects}
        for split in SPLITS
    }
    assert seen["train"].isdisjoint(seen["shifted"])
    assert seen["train"] == seen["heldout"]
    assert len(seen["train"]) == 56
    assert len(seen["shifted"]) == 8


def test_radii_follow_the_size_names() -> None:
    for index in range(300):
        for item in plan_scene("train", index).objects:
            low, high = SIZES[item.size]
            assert low <= item.radius <= high
    assert all(first[1] < second[0] for first, second in pairwise(SIZES.values()))


@given(st.sampled_from(SPLITS), INDICES)
def test_captions_name_the_objects_with_the_right_articles(split: str, index: int) -> None:
    plan = plan_scene(split, index)
    for caption in (plan.caption, plan.plain_caption):
        assert re.search(r"\ba [aeiou]", caption) is None
        assert re.search(r"\ban [^aeiou]", caption) is None
        assert "  " not in caption
        assert any(caption.endswith(f" on {wording}") for wording in GROUNDS[plan.ground])
    for item in plan.objects:
        words = [word for word in (item.size, item.colour, item.finish, item.name) if word]
        assert with_article(" ".join(words)) in plan.caption
        assert with_article(item.name) in plan.plain_caption
    grounds = {word for wording in GROUNDS[plan.ground] for word in wording.split()}
    assert not set(plan.plain_caption.split()) & {*COLOURS, *SIZES, *FINISHES} - grounds


@pytest.mark.parametrize("call", [plan_scene, make_scene])
def test_unknown_split_is_refused(call: object) -> None:
    with pytest.raises(ValueError, match="train, heldout, shifted"):
        call("test", 0)  # type: ignore[operator]
