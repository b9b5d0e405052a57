"""The store of training scenes gives the world's scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from editmill.packs.tabletop.training.store import SceneStore
from editmill.packs.tabletop.world import make_scene


def test_a_stored_scene_is_the_worlds_scene(tmp_path: Path) -> None:
    for store in (SceneStore(tmp_path, 8), SceneStore(tmp_path, 8)):
        for index in range(8):
            scene, world = store.scene(index), make_scene("train", index)
            assert np.array_equal(scene.image, world.image)
            assert np.array_equal(scene.clean, world.clean)
            assert (scene.objects, scene.ground, scene.caption) == (world.objects, world.ground, world.caption)
            assert len(scene.alphas) == len(world.alphas)
            assert all(np.abs(a - b).max() <= 0.5 / 255 + 1e-6 for a, b in zip(scene.alphas, world.alphas, strict=True))


def test_second_reading_renders_nothing(tmp_path: Path) -> None:
    store = SceneStore(tmp_path, 4)
    store.scene(3)
    assert store.rows.present.tolist() == [0, 0, 0, 1]
    # A mark on the stored picture shows that it, and no new rendering, is what comes back.
    store.rows.columns["image"][3, 0, 0] = 7
    assert SceneStore(tmp_path, 4).scene(3).image[0, 0].tolist() == [7, 7, 7]


def test_indices_wrap_around(tmp_path: Path) -> None:
    store = SceneStore(tmp_path, 4)
    assert np.array_equal(store.scene(1).image, store.scene(5).image)


def test_a_returned_scene_is_a_copy(tmp_path: Path) -> None:
    store = SceneStore(tmp_path, 2)
    store.scene(0).image[:] = 0
    assert store.scene(0).image.any()
