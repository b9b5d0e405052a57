"""Photographs of the tabletop world without masks, and the truth about them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from editmill.packs.tabletop.world import CLASSES, Scene, make_scene

# Scenes with one object that is not small.
NUMBERS = (9000, 9002, 9005)


def scenes() -> list[Scene]:
    """The scenes."""
    return [make_scene("heldout", number, size=128) for number in NUMBERS]


def truth(scene: Scene) -> np.ndarray:
    """The object's mask, bool [H, W]."""
    return np.asarray(scene.alphas[0] > 0.5)


def write_scenes(folder: Path, *, columns: dict[str, list[str]] | None = None) -> Path:
    """Write the photographs and a labels file without masks; ``columns`` are further cells by column."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, scene in enumerate(scenes()):
        Image.fromarray(scene.image).save(folder / f"images/s{number}.png")
        name = scene.objects[0].name
        further = {column: cells[number] for column, cells in (columns or {}).items()}
        rows.append(
            {"file": f"images/s{number}.png", "label_index": str(CLASSES.index(name)), "class_name": name, **further}
        )
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "labels.csv"


def boxes() -> dict[str, list[str]]:
    """Columns with the boxes of the objects."""
    return {
        edge: [str(float(scene.boxes[0][place])) for scene in scenes()]
        for place, edge in enumerate(("left", "top", "right", "bottom"))
    }
