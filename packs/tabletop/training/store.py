"""Training scenes on disk, so that all roles and all epochs share one rendering."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from packs.tabletop.world import Scene, make_scene
from packs.tabletop.world.scene import object_box, plan_scene
from packs.tabletop.world.vocabulary import WORLD_VERSION

Array = np.ndarray
SIZE = 128
SCENES = 16384
FOLDER = Path("runs/tabletop/scenes")


class SceneStore:
    """The first ``count`` scenes of the split ``train``, rendered when first asked for; later indices wrap around.

    Several processes may fill it at once: they write equal bytes, and the flag that marks a scene as present is written last.
    """

    def __init__(self, folder: Path, count: int = SCENES) -> None:
        self.count = count
        folder = folder / f"{WORLD_VERSION}-{SIZE}-{count}"
        folder.mkdir(parents=True, exist_ok=True)
        self.images = self._open(folder / "images.u8", (count, SIZE, SIZE, 3))
        self.cleans = self._open(folder / "cleans.u8", (count, SIZE, SIZE, 3))
        self.alphas = self._open(folder / "alphas.u8", (count, 2, SIZE, SIZE))
        self.present = self._open(folder / "present.u8", (count,))

    @staticmethod
    def _open(path: Path, shape: tuple[int, ...]) -> Array:
        if not path.exists():
            with path.open("ab") as file:
                file.truncate(int(np.prod(shape)))
        return np.memmap(path, np.uint8, "r+", shape=shape)

    def scene(self, index: int) -> Scene:
        """Scene ``index`` modulo the store's size; coverage is rounded to 1/255."""
        index %= self.count
        if not self.present[index]:
            self._render(index)
        plan = plan_scene("train", index)
        alphas = tuple(np.asarray(self.alphas[index, number], np.float32) / 255 for number in range(len(plan.objects)))
        return Scene(
            image=np.array(self.images[index]), clean=np.array(self.cleans[index]), alphas=alphas,
            boxes=tuple(object_box(alpha) for alpha in alphas), objects=plan.objects, ground=plan.ground,
            caption=plan.caption, plain_caption=plan.plain_caption,
        )

    def _render(self, index: int) -> None:
        scene = make_scene("train", index, size=SIZE)
        self.images[index], self.cleans[index] = scene.image, scene.clean
        for number, alpha in enumerate(scene.alphas):
            self.alphas[index, number] = np.rint(alpha * 255)
        self.present[index] = 1


@cache
def _shared() -> SceneStore:
    return SceneStore(FOLDER)


def train_scene(index: int) -> Scene:
    """Training scene ``index`` at 128 pixels from the store in ``runs/tabletop/scenes``."""
    return _shared().scene(index)
