"""Reading pictures and masks: what is decoded are the very bytes whose digest counts.

Messages name files as records do, never by folders of this machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests import files, pictures
from editmill.manifests.arrays import Mask, Picture
from editmill.manifests.records import SourceRecord
from editmill.manifests.urls import is_url
from editmill.pipelines.sources.remembered import remembered

T = TypeVar("T")


def read_bytes(path: Path, name: str, reason: Reason = Reason.SOURCE_UNREADABLE) -> bytes:
    """Read the file of a picture or mask, which messages call ``name``.

    Raises:
        Unusable: It can't be read, is no regular file, or is larger than any picture; for ``reason``.
    """
    try:
        return files.read_bytes(path, most=pictures.MOST_BYTES)
    except files.FileProblem as problem:
        why = "URLs are not supported here; name a file of this machine" if is_url(name) else str(problem)
        raise Unusable(reason, f"{name}: {why}") from problem


def _read_listed(path: Path, name: str, record: SourceRecord, reason: Reason = Reason.SOURCE_UNREADABLE) -> bytes:
    """Read a file of a record. One that was there when it was listed may be there again: a disk may have dropped out.

    Raises:
        Unusable: It can't be read; for ``reason`` where that is how it was listed.
    """
    try:
        return read_bytes(path, name, reason)
    except Unusable as problem:
        raise problem if record.problem else Unusable(Reason.SOURCE_CHANGED, str(problem)) from problem


def check_unchanged(found: str, listed: str, record: SourceRecord, name: str) -> None:
    """Refuse what has another digest than its record lists.

    A record that was listed with a problem may have none; what keeps it from being used is found again instead.

    Raises:
        Unusable: ``found`` is not ``listed``.
    """
    if not record.problem and found != listed:
        raise Unusable(Reason.SOURCE_CHANGED, f"{name}: changed since the source was listed")


def listed_image(data: bytes, record: SourceRecord) -> Picture:
    """Decode the bytes of a record's picture to uint8 [H, W, 3] RGB, upright; masks are drawn on the upright picture.

    Raises:
        Unusable: They have another digest than the record, can't be decoded, or give another size than was listed.
    """
    check_unchanged(hashlib.sha256(data).hexdigest(), record.sha256, record, record.image_name)
    image = decode_picture(data, record.image_name)
    height, width = image.shape[:2]
    if not record.problem and (width, height) != (record.width, record.height):
        sizes = f"its head says {record.width}x{record.height}, and it holds {width}x{height} pixels"
        raise Unusable(Reason.SOURCE_UNREADABLE, f"{record.image_name}: {sizes}")
    return image


def read_image(path: Path, record: SourceRecord) -> Picture:
    """Decode the file of a record's picture, as ``listed_image`` does its bytes.

    Raises:
        Unusable: It is missing, was changed or can't be decoded.
    """
    return listed_image(_read_listed(path, record.image_name, record), record)


def read_mask_bytes(path: Path, record: SourceRecord) -> bytes:
    """Read the file of a record's mask.

    Raises:
        Unusable: It is missing or was changed.
    """
    data = _read_listed(path, record.mask_name, record, Reason.MASK_UNREADABLE)
    check_unchanged(hashlib.sha256(data).hexdigest(), record.mask_sha256, record, record.mask_name)
    return data


def decode_picture(data: bytes, name: str) -> Picture:
    """Decode a picture to uint8 [H, W, 3] RGB, upright as its EXIF orientation says.

    Raises:
        Unusable: It can't be decoded.
    """
    try:
        return pictures.upright_rgb(data)
    except pictures.PictureError as error:
        raise Unusable(Reason.SOURCE_UNREADABLE, f"{name}: {error}") from error


def decode_mask_file(data: bytes, name: str, read: Callable[[Image.Image], T]) -> T:
    """Return what ``read`` makes of an encoded mask.

    Raises:
        Unusable: It can't be decoded, or ``read`` raised something.
    """
    try:
        return pictures.decode(data, read)
    except pictures.PictureError as error:
        raise Unusable(Reason.MASK_UNREADABLE, f"{name}: {error}") from error


def check_mask(shape: tuple[int, ...], mask: Mask, name: str) -> None:
    """Refuse a mask that does not fit an image of ``shape`` (height, width), or that holds no object or no background.

    Raises:
        Unusable: The mask is of another size, empty or full.
    """
    if mask.shape != shape:
        sizes = f"mask {mask.shape[1]}x{mask.shape[0]}, image {shape[1]}x{shape[0]}"
        raise Unusable(Reason.MASK_SIZE_MISMATCH, f"{name}: {sizes}")
    if not (mask > 127).any():
        raise Unusable(Reason.MASK_EMPTY, f"{name}: no pixel of the mask is object")
    if (mask > 127).all():
        raise Unusable(Reason.MASK_FULL, f"{name}: every pixel of the mask is object")


def image_facts(path: Path, name: str) -> tuple[int, int, str]:
    """Return the width, height and sha256 of a picture's file, where possible without decoding or reading it.

    Raises:
        Unusable: It is missing or not a picture.
    """
    width, height, sha256 = remembered(path, "picture", lambda: facts_of(read_bytes(path, name), name))
    return width, height, sha256


def mask_digest(path: Path, name: str, depends: str, check: Callable[[bytes], object]) -> str:
    """Return the sha256 of a mask's file after a look at what is in it.

    Args:
        path: The file.
        name: What messages call it.
        depends: What the check depends on besides the file.
        check: Raises `Unusable` where the file is no mask that can be used.

    Raises:
        Unusable: It is missing, or the check raised it.
    """

    def read() -> str:
        data = read_bytes(path, name, Reason.MASK_UNREADABLE)
        check(data)
        return hashlib.sha256(data).hexdigest()

    return str(remembered(path, f"mask {depends}", read))


def facts_of(data: bytes, name: str) -> tuple[int, int, str]:
    """Return the same of a picture's bytes."""
    try:
        return *pictures.upright_size(data), hashlib.sha256(data).hexdigest()
    except pictures.PictureError as error:
        raise Unusable(Reason.SOURCE_UNREADABLE, f"{name}: {error}") from error


def listed_record(facts: Callable[[], tuple[int, int, str]], **fields: Any) -> SourceRecord:
    """Return the record of a picture with ``fields``; without a label, if they name none.

    One whose ``facts`` (width, height, sha256) can't be told carries its problem.
    """
    common = {"label": -1, "class_name": "", **fields}
    try:
        width, height, sha256 = facts()
    except Unusable as problem:
        return SourceRecord(**common, width=0, height=0, sha256="", **problem_of(problem))
    return SourceRecord(**common, width=width, height=height, sha256=sha256)


def problem_of(problem: Unusable) -> dict[str, str]:
    """Return the fields of a record that say why it can't be used."""
    return {"problem": str(problem.reason), "detail": str(problem)}
