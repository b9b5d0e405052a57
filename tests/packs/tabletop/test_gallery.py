"""The gallery's choice of scenes, its marks, and rows of the shipped weights."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.packs.tabletop import gallery
from editmill.packs.tabletop.checks.common import main_mask
from editmill.packs.tabletop.gallery import LEAST_RADIUS, draw_box, main, paint_masks, showcase
from editmill.pipelines.packs import find_pack


def test_shown_scenes_differ_in_class_and_ground_and_are_easy_to_see() -> None:
    scenes = showcase(4, skip=3)
    assert len({scene.ground for scene in scenes}) == len({scene.objects[0].name for scene in scenes}) == 4
    assert all(scene.objects[0].radius >= LEAST_RADIUS and len(scene.objects) == 1 for scene in scenes)
    assert not np.array_equal(scenes[0].image, showcase(1)[0].image)


def test_masks_tint_their_own_pixels_only() -> None:
    scene = showcase(1)[0]
    mask = main_mask(scene) > 0
    painted = paint_masks(scene.image, [mask])
    assert np.array_equal(painted[~mask], scene.image[~mask])
    assert float((painted[mask] != scene.image[mask]).any(axis=1).mean()) > 0.9


def test_boxes_are_exclusive_at_right_and_bottom() -> None:
    drawn = draw_box(np.zeros((20, 20, 3), np.uint8), (2.0, 3.0, 10.0, 12.0), (255, 255, 255))[..., 0] > 0
    rows, columns = np.nonzero(drawn)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 11, 2, 9)
    assert not drawn[4:11, 3:9].any()


def test_a_row_of_the_shipped_weights_is_drawn(tmp_path: Path) -> None:
    main(["--out", str(tmp_path / "gallery.png"), "--rows", "reconstruction"])
    sheet = np.asarray(Image.open(tmp_path / "gallery.png")).astype(int)
    cells = [sheet[30:142, 6 + 118 * column : 118 + 118 * column] for column in range(6)]
    for first in (0, 3):
        # The reconstructions look like their source, and unlike the other one.
        for made in cells[first + 1 : first + 3]:
            assert np.abs(made - cells[first]).mean() < 6 < np.abs(made - cells[3 - first]).mean()
    assert all(not np.array_equal(one, other) for one, other in pairwise(cells))


def test_references_are_drawn_beside_what_takes_their_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "sampling", lambda models: {"steps": 1, "guidance_scale": 1.0})
    cells = gallery.image_adapter_row(Models(find_pack("tabletop"), Placement(device="cpu")))
    assert [cell.picture.shape for cell in cells] == [cells[0].picture.shape] * gallery.COLUMNS


def test_unknown_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "gallery.png"), "--rows", "nothing"])
