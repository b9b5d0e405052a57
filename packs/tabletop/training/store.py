"""Training scenes on disk, so that all roles and all epochs share one rendering."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from editmill.manifests.arrays import Feature
from editmill.packs.tabletop.training.rows import RowStore
from editmill.packs.tabletop.world import Scene, make_scene
from editmill.packs.tabletop.world.scene import object_box, plan_scene
from editmill.packs.tabletop.world.vocabulary import WORLD_VERSION

SIZE = 128
SCENES = 16384
FOLDER = Path("runs/tabletop/scenes")


class SceneStore:
    """The first ``count`` scenes of the split ``train``, rendered when first asked for; later indices wrap around."""

    def __init__(self, folder: Path, count: int = SCENES) -> None:
        self.count = count
        picture = (np.uint8, (SIZE, SIZE, 3))
        self.rows = RowStore(
            # Scenes of another world or size are never mixed with these.
            folder / f"{WORLD_VERSION}-{SIZE}-{count}",
            count,
            {"image": picture, "clean": picture, "alphas": (np.uint8, (2, SIZE, SIZE))},
        )

    def scene(self, index: int) -> Scene:
        """Return scene ``index`` modulo the store's size; coverage is rounded to 1/255."""
        index %= self.count
        row = self.rows.read(index) or self._render(index)
        plan = plan_scene("train", index)
        alphas = tuple(alpha.astype(np.float32) / 255 for alpha in row["alphas"][: len(plan.objects)])
        return Scene(
            image=row["image"],
            clean=row["clean"],
            alphas=alphas,
            boxes=tuple(object_box(alpha) for alpha in alphas),
            objects=plan.objects,
            ground=plan.ground,
            caption=plan.caption,
            plain_caption=plan.plain_caption,
        )

    def _render(self, index: int) -> dict[str, Feature]:
        scene = make_scene("train", index, size=SIZE)
        alphas = np.zeros((2, SIZE, SIZE), np.uint8)
        for number, alpha in enumerate(scene.alphas):
            alphas[number] = np.rint(alpha * 255)
        row = {"image": scene.image, "clean": scene.clean, "alphas": alphas}
        self.rows.write(index, row)
        return row


@cache
def _shared() -> SceneStore:
    return SceneStore(FOLDER)


def train_scene(index: int) -> Scene:
    """Return training scene ``index`` at 128 pixels from the store in ``runs/tabletop/scenes``."""
    return _shared().scene(index)
