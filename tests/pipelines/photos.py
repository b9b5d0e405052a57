"""A small folder of synthetic photographs with masks and a labels file, written to disk."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

CLASSES = ("disc", "box", "disc", "box", "disc", "box")


def write_photos(folder: Path, count: int = 4, *, width: int = 96, height: int = 64) -> Path:
    """Write ``count`` photographs of a plain shape on noise; returns the labels file."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        rng, kind = np.random.default_rng(number), number % len(CLASSES)
        image = cv2.resize(
            rng.integers(40, 216, (8, 12, 3), dtype=np.uint8), (width, height), interpolation=cv2.INTER_CUBIC
        )
        mask = np.zeros((height, width), np.uint8)
        centre = (int(width * 0.4) + kind * 4, height // 2)
        if CLASSES[kind] == "disc":
            cv2.circle(mask, centre, height // 5, 255, -1)
        else:
            cv2.rectangle(mask, (centre[0] - 12, centre[1] - 12), (centre[0] + 12, centre[1] + 12), 255, -1)
        image[mask > 0] = (200, 40 + 30 * kind, 60)
        Image.fromarray(image).save(folder / "images" / f"p{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"p{number}.png")
        rows.append(
            [
                f"images/p{number}.png",
                f"masks/p{number}.png",
                CLASSES.index(CLASSES[kind]),
                f"w{number}",
                CLASSES[kind],
            ]
        )
    return write_labels(folder / "labels.csv", rows)


def write_labels(
    path: Path,
    rows: list[list[object]],
    *,
    header: tuple[str, ...] = ("file", "mask", "imagenet_index", "wnid", "label"),
) -> Path:
    """Write a labels file with any header."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return path
