"""Pictures of a sample as a page embeds them: what was made, its source, its masks, and what changed."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from editmill.manifests import Dataset
from editmill.manifests.reader import Sample
from editmill.manifests.records import PRIMARY_IMAGES

# Longest sides to try until a picture is small enough, in pixels.
SIDES = (640, 448, 320, 224, 160, 96)
# By how much differences are made brighter.
AMPLIFIED = 4
_NAMES = {"source.png": "source", "input.png": "before the attack", "mask.png": "mask"}


@dataclass(frozen=True)
class Picture:
    """An embedded picture: what it shows, its address, and its size in pixels as stored in the dataset."""

    label: str
    address: str
    width: int
    height: int


def pictures_of(sample: Sample, original: Sample | None, *, most: int) -> list[Picture]:
    """Return the pictures of an accepted sample.

    Args:
        sample: What is shown.
        original: The unedited sample of its source; None without one.
        most: Largest size of each in bytes.
    """
    if not any(member in sample.members for member in PRIMARY_IMAGES):
        return []
    shown = {"sample": sample.image()}
    members = [name for name in sample.members if name.endswith(".png") and name in _NAMES]
    if original is not None and "source.png" not in members and original.key != sample.key:
        shown["source"] = original.image()
    shown |= {_NAMES[name]: _member(sample, name) for name in sorted(members, reverse=True)}
    if "source" in shown and shown["source"].size == shown["sample"].size:
        change = _difference(shown["sample"], shown["source"])
        if change.getbbox() is None:
            # As captions leave their pictures, and controls are.
            del shown["source"]
        else:
            shown[f"difference, {AMPLIFIED} times"] = change
    return [embed(label, image, most) for label, image in shown.items()]


def _member(sample: Sample, name: str) -> Image.Image:
    if name.endswith("mask.png"):
        return Image.fromarray(sample.mask(name))
    with Image.open(io.BytesIO(sample.members[name])) as image:
        return image.convert("RGB")


def _difference(one: Image.Image, other: Image.Image) -> Image.Image:
    """Return the largest difference of the channels at every pixel, made brighter, as grey."""
    pixels = [np.asarray(image.convert("RGB"), np.int16) for image in (one, other)]
    change = np.abs(pixels[0] - pixels[1]).max(axis=2) * AMPLIFIED
    return Image.fromarray(change.clip(0, 255).astype(np.uint8))


def embed(label: str, image: Image.Image, most: int) -> Picture:
    """Return a picture in the largest of the sizes in which it has at most ``most`` bytes."""
    kind, data = "png", b""
    for side in SIDES:
        small = image.copy()
        small.thumbnail((side, side))
        kind, data = _encoded(small)
        if len(data) <= most:
            break
    address = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return Picture(label, address, image.width, image.height)


def _encoded(image: Image.Image) -> tuple[str, bytes]:
    """Encode grey pictures and tiny ones without loss, others as JPEG."""
    exact = image.mode == "L" or max(image.size) <= SIDES[-2]
    buffer = io.BytesIO()
    options: Mapping[str, Any] = {"optimize": True} if exact else {"quality": 88}
    image.save(buffer, "PNG" if exact else "JPEG", **options)
    return ("png" if exact else "jpeg"), buffer.getvalue()


def originals_of(dataset: Dataset, sources: set[str]) -> dict[str, str]:
    """Return the key of the unedited sample of each source that has one."""
    if "original" not in dataset.manifest.edits:
        return {}
    table = dataset.select(edit="original", source_id=sorted(sources)).table
    found = zip(table["source_id"].to_pylist(), table["key"].to_pylist(), strict=True)
    return dict(reversed(list(found)))
