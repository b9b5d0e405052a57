"""What the recognisers of the pack share: views with their truth, and attribute losses on heads that only training
uses.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editmill.manifests.arrays import Mask, Picture
from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.views import composite_view, empty_view, resize
from editmill.packs.tabletop.world import CLASSES, COLOURS, FINISHES, GROUNDS, Scene

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "name": CLASSES,
    "colour": tuple(COLOURS),
    "finish": FINISHES,
    "ground": tuple(GROUNDS),
}
FURTHEST = 6000
# What the corner of a crop shows beyond the frame: the mirrored picture, or its last row and column as in the guards'
# crops.
BORDERS = (cv2.BORDER_REFLECT_101, cv2.BORDER_REPLICATE)


@dataclass(frozen=True)
class Mix:
    """Shares of views: empty grounds, shadowless composites (of the rest), and whole frames (of frames with one
    object).
    """

    empty: float = 0.1
    composite: float = 0.45
    whole: float = 0.25
    turn: float = 0.3


@dataclass(frozen=True)
class View:
    """A view of a scene.

    Attributes:
        image: Uint8 [side, side, 3] RGB.
        coverage: Share of each patch that the object (channel 0) and other objects (channel 1) cover, float32 [grid,
            grid, 2] in [0, 1].
        truth: Index of each attribute's value in the order of ``ATTRIBUTES``; -1 where there is no object.
    """

    image: Picture
    coverage: Mask
    truth: list[int]


def scene_truth(scene: Scene, chosen: int) -> list[int]:
    """Return attribute indices of object ``chosen`` and of the ground; -1 for an empty scene's object."""
    ground = list(GROUNDS).index(scene.ground)
    if not scene.objects:
        return [-1, -1, -1, ground]
    item = scene.objects[chosen]
    return [CLASSES.index(item.name), list(COLOURS).index(item.colour), FINISHES.index(item.finish), ground]


def _window(scene: Scene, chosen: int, rng: np.random.Generator) -> tuple[int, int, int]:
    """Return the centre and half side in pixels of a square around an object, or anywhere of an object's size in
    an empty
    scene.
    """
    size = scene.image.shape[0]
    if not scene.objects:
        half = int(rng.integers(size // 10, size // 2))
        return int(rng.integers(0, size)), int(rng.integers(0, size)), half
    left, top, right, bottom = scene.boxes[chosen]
    half = max(2, round(max(right - left, bottom - top) * (0.5 + float(rng.uniform(0.05, 0.9)))))
    return (left + right) // 2, (top + bottom) // 2, half


def _coverage(scene: Scene, chosen: int) -> Mask:
    maps = np.zeros((*scene.image.shape[:2], 2), np.float32)
    for number, alpha in enumerate(scene.alphas):
        maps[..., int(number != chosen)] += alpha
    return maps


def draw_scene(index: int, rng: np.random.Generator, mix: Mix) -> Scene:
    """Return training scene ``index``, emptied, or its main object on the ground of another scene, by the shares of
    ``mix``.
    """
    scene = train_scene(index)
    if rng.random() < mix.empty:
        return empty_view(scene)
    if rng.random() < mix.composite:
        return composite_view(scene, train_scene(index + int(rng.integers(1, FURTHEST))), rng, turn=mix.turn)
    return scene


def recognition_view(
    scene: Scene, rng: np.random.Generator, *, side: int, grid: int, whole: float, chosen: int | None = None
) -> View:
    """Return a whole frame or a crop around an object (``chosen``, or any) with a varied margin, mirrored in half of
    the views.

    Frames with two objects are always cropped, because a whole frame would not tell which one is meant.
    """
    if chosen is None:
        chosen = int(rng.integers(len(scene.objects))) if scene.objects else -1
    image, coverage = scene.image, _coverage(scene, chosen)
    if len(scene.objects) > 1 or rng.random() >= whole:
        x, y, half = _window(scene, chosen, rng)
        border = BORDERS[int(rng.integers(2)) if half < image.shape[0] else 1]
        image, coverage = (
            cv2.copyMakeBorder(part, half, half, half, half, border)[y : y + 2 * half, x : x + 2 * half]
            for part in (image, coverage)
        )
    image, coverage = resize(image, side), resize(coverage, grid).clip(0, 1)
    if rng.random() < 0.5:
        image, coverage = image[:, ::-1], coverage[:, ::-1]
    return View(np.ascontiguousarray(image), np.ascontiguousarray(coverage), scene_truth(scene, chosen))


def collate(views: list[View]) -> dict[str, Tensor]:
    """Stack views: ``image`` float32 [n, 3, side, side] in [-1, 1], ``coverage`` [n, grid * grid, 2] and ``truth``
    int64 [n, attributes].
    """
    return {
        "image": torch.stack([to_tensor(view.image) for view in views]),
        "coverage": torch.from_numpy(np.stack([view.coverage.reshape(-1, 2) for view in views])),
        "truth": torch.tensor([view.truth for view in views]),
    }


class AttributeHeads(nn.Module):
    """Linear readouts of the attributes from the image's feature, and of the class from every patch.

    The patches' loss says where the object is and what it is there, so a transformer learns shape from far fewer
    pictures than from one label per picture.
    """

    def __init__(self, width: int, patch_width: int) -> None:
        super().__init__()
        self.pooled = nn.ModuleDict({name: nn.Linear(width, len(values)) for name, values in ATTRIBUTES.items()})
        self.patches = nn.Linear(patch_width, len(CLASSES) + 1)

    def forward(
        self, feature: Tensor, patches: Tensor, batch: dict[str, Tensor], *, ground: Tensor | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the loss and the accuracies for features [n, width] and patch tokens [n, grid * grid, patch_width].

        ``ground`` [n, width] is the feature that the ground is read from, where it isn't ``feature``.
        """
        scores = {
            name: head(feature if ground is None or name != "ground" else ground) for name, head in self.pooled.items()
        }
        attributes, figures = attribute_loss(scores, batch["truth"])
        placed = patch_loss(self.patches(patches), batch["coverage"], batch["truth"][:, 0])
        return placed + attributes, {"patches": placed.item(), **figures}


def attribute_loss(scores: dict[str, Tensor], truth: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Return the cross-entropy of every attribute's scores [n, values], the class counting twice, and the accuracies.

    A truth of -1 is left out.
    """
    losses, figures = [], {}
    for name, values in scores.items():
        target = truth[:, list(ATTRIBUTES).index(name)]
        known = target >= 0
        losses.append((2 if name == "name" else 1) * F.cross_entropy(values.float(), target, ignore_index=-1))
        figures[name] = (values.argmax(1) == target)[known].float().mean().item()
    return torch.stack(losses).sum(), figures


def patch_loss(scores: Tensor, coverage: Tensor, label: Tensor) -> Tensor:
    """Return the cross-entropy of each patch's class, weighted by what covers it.

    Patches of other objects are left out.

    Args:
        scores: float [n, patches, classes + 1]; the last is the ground.
        coverage: Shares that the object and other objects cover, float [n, patches, 2] in [0, 1].
        label: The object's class, int64 [n], or -1 where there is none.
    """
    own, other = coverage.unbind(-1)
    chances = scores.float().log_softmax(-1)
    chosen = chances.gather(-1, label.clamp_min(0)[:, None, None].expand(-1, own.shape[1], 1))[..., 0]
    # Objects fill a small part of most views; their patches count three times.
    return -(3 * own * chosen + (1 - own - other).clamp_min(0) * chances[..., -1]).mean()
