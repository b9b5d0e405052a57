from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from editmill.packs.tabletop.training.frames import Frame, random_frame, visible_share
from editmill.packs.tabletop.world import Scene, make_scene
from editmill.packs.tabletop.world.scene import object_box

SIZE = 64


def scene_of(index: int) -> Scene:
    return make_scene("train", index, size=SIZE)


def test_whole_frame_is_the_scene() -> None:
    scene = scene_of(0)
    frame = Frame((0, 0, SIZE), False, (0,))
    assert np.array_equal(frame.cut(scene.image, SIZE), scene.image)
    assert np.allclose(frame.boxes(scene)[0] * SIZE, scene.boxes[0])


def test_mirrored_frame_mirrors_image_and_boxes() -> None:
    scene = scene_of(0)
    frame = Frame((0, 0, SIZE), True, (0,))
    assert np.array_equal(frame.cut(scene.image, SIZE), scene.image[:, ::-1])
    left, top, right, bottom = scene.boxes[0]
    assert np.allclose(frame.boxes(scene)[0] * SIZE, (SIZE - right, top, SIZE - left, bottom))


def test_window_beyond_the_scene_repeats_its_edge() -> None:
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    cut = Frame((-2, -1, 8), False, ()).cut(image, 8)
    assert np.array_equal(cut[1:5, 2:6], image)
    assert np.array_equal(cut[0], cut[1])
    assert (cut[1:5, :3] == image[:, :1]).all()


@pytest.mark.parametrize(
    ("window", "share"), [((0, 0, 10), 1.0), ((2, 0, 10), 0.5), ((0, 3, 10), 0.25), ((4, 4, 10), 0.0)]
)
def test_visible_share(window: tuple[int, int, int], share: float) -> None:
    assert visible_share((0, 0, 4, 4), window) == share


def test_boxes_follow_the_objects() -> None:
    """The box of an object's coverage in the frame is the frame's box of the object, up to a pixel of resampling."""
    windows = set()
    for index in range(40):
        scene = scene_of(index)
        frame = random_frame(scene, np.random.default_rng(index))
        windows.add(frame.window[2])
        for number, box in zip(frame.shown, frame.boxes(scene), strict=True):
            found = np.array(object_box(np.where(frame.cut(scene.alphas[number], SIZE) > 0.1, 1.0, 0.0)))
            assert np.abs(found - box * SIZE).max() < 2.5
    assert min(windows) < SIZE < max(windows)


def test_objects_that_are_not_shown_are_out_of_the_frame() -> None:
    hidden = 0
    for index in range(80):
        scene = scene_of(index)
        frame = random_frame(scene, np.random.default_rng(index))
        for number in set(range(len(scene.objects))) - set(frame.shown):
            hidden += 1
            assert visible_share(scene.boxes[number], frame.window) < 0.02
    assert hidden > 0


def test_frames_that_need_an_object_show_one() -> None:
    for index in range(60):
        scene = scene_of(index)
        assert random_frame(scene, np.random.default_rng(index), needs_object=True).shown
    bare = replace(scene, boxes=(), objects=(), alphas=())
    frame = random_frame(bare, np.random.default_rng(0))
    assert frame.shown == ()
    assert frame.boxes(bare).shape == (0, 4)
