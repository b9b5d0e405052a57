"""Segmentations of COCO as masks: polygons, and run lengths as numbers or compressed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests.arrays import Mask
from editmill.pipelines.sources.coco_file import is_number

# Compressed run lengths: numbers of up to 30 bits in groups of five, of which all but the last say that another one
# follows. The library trusts them, and would read and write beyond its memory.
COMPRESSED = re.compile(r"(?:[P-o]{0,5}[0-O])+")
# Share of a picture's longer side by which points may lie outside; annotators draw over the edge.
OUTSIDE = 0.1
# No point of any picture.
FARTHEST = 1e6
# Pixels along the outlines of an object that are fine in a picture of any size.
LEAST_STEPS = 10_000

Size = tuple[int, int]


class _OtherSize(ValueError):
    """What was drawn for a picture of another size."""


def decode_segmentation(segmentation: Any, size: Size, name: str) -> Mask:
    """Turn polygons or run lengths into the mask that COCO's own library draws.

    Args:
        segmentation: The annotation's field.
        size: Height and width of the picture.
        name: What messages call the annotation.

    Returns:
        uint8 [H, W], 255 on the object.

    Raises:
        Unusable: It is neither, or made for a picture of another size.
    """
    try:
        found = (_runs if isinstance(segmentation, dict) else _polygons)(segmentation, size)
    except _OtherSize as error:
        raise Unusable(Reason.MASK_SIZE_MISMATCH, f"{name}: {error}") from error
    except ValueError as error:
        raise Unusable(Reason.MASK_UNREADABLE, f"{name}: {error}") from error
    return np.ascontiguousarray(found, np.uint8) * np.uint8(255)


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def _runs(segmentation: dict[str, Any], size: Size) -> Mask:
    """Return what run lengths draw: they go down the columns, and the first one is background."""
    stated, counts, pixels = segmentation.get("size"), segmentation.get("counts"), size[0] * size[1]
    numbers = isinstance(stated, list) and len(stated) == 2 and all(map(is_number, stated))
    _require(numbers, "its run lengths have no size [height, width]")
    if stated != [*size]:
        raise _OtherSize(f"run lengths of the size {stated}, the image is {[*size]} (height, width)")
    if isinstance(counts, str):
        return _compressed(counts, size)
    _require(
        isinstance(counts, list) and all(type(count) is int and 0 <= count <= pixels for count in counts),
        f"its run lengths are not whole numbers from 0 to {pixels}",
    )
    assert isinstance(counts, list)
    _require(sum(counts) == pixels, f"its run lengths cover {sum(counts)} pixels, the image has {pixels}")
    return np.repeat(np.arange(len(counts)) % 2, counts).reshape(size[::-1]).T


def _compressed(counts: str, size: Size) -> Mask:
    from pycocotools import mask as coco

    _require(COMPRESSED.fullmatch(counts) is not None, "its counts are not compressed run lengths")
    pixels = size[0] * size[1]

    def drawn(*shape: int) -> Mask | None:
        try:
            return coco.decode({"size": [*shape], "counts": counts.encode()})
        except ValueError:
            return None

    # The library notices only runs that are too many, and leaves pixels that no run covers as the memory was.
    found = drawn(*size) if drawn(pixels - 1, 1) is None else None
    _require(found is not None, f"its compressed run lengths do not cover the image's {pixels} pixels")
    assert found is not None
    return found


def _polygons(polygons: Any, size: Size) -> Mask:
    from pycocotools import mask as coco

    _require(isinstance(polygons, list), "its segmentation is neither polygons nor run lengths")
    outlines = [_outline(polygon, size) for polygon in polygons]
    # Fewer than three points enclose nothing, and the library would take two for the corners of a box.
    outlines = [outline for outline in outlines if len(outline) >= 6]
    if not outlines:
        return np.zeros(size, np.uint8)
    # The library takes time and memory for every step along an outline.
    steps = sum(np.abs(np.diff(np.reshape(outline, (-1, 2)), axis=0)).max(axis=1).sum() for outline in outlines)
    _require(
        steps <= max(size[0] * size[1], LEAST_STEPS), "its polygons' outlines are longer than the image has pixels"
    )
    return coco.decode(coco.merge(coco.frPyObjects(outlines, *size)))


def _outline(polygon: Any, size: Size) -> list[float]:
    """Return a polygon's points as x, y, x, y and so on."""
    try:
        points = np.asarray(polygon, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("a polygon is not a list of numbers") from error
    _require(points.ndim in (1, 2) and points.size % 2 == 0, "a polygon is not a list of x, y, x, y and so on")
    points = points.reshape(-1, 2)
    _require(bool((np.abs(points) <= FARTHEST).all()), "a point of a polygon is not finite, or far from any picture")
    beyond = OUTSIDE * max(size)
    if len(points) and not (points.min() >= -beyond and (points.max(axis=0) <= np.array(size[::-1]) + beyond).all()):
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        raise _OtherSize(
            f"a polygon reaches from {left:g},{top:g} to {right:g},{bottom:g}, the image is {size[1]}x{size[0]}"
        )
    return points.ravel().tolist()
