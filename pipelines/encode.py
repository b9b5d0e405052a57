"""Encoding of a sample's members to bytes, and decoding of the primary image for the guards."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from PIL import Image

from editmill.generators.base import Array, Candidate
from editmill.pipelines.planned import PlannedSample

MEMBERS = ("alpha.png", "cls", "json", "mask.png")
OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"format": "PNG", "compress_level": 6},
    "webp": {"format": "WEBP", "lossless": True, "quality": 60, "exact": True},
    "jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
}


def encode_image(image: Array, kind: str) -> bytes:
    """Encode uint8 [H, W, 3] RGB or [H, W] grey without metadata."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, **OPTIONS[kind])
    return buffer.getvalue()


def decode_image(data: bytes) -> Array:
    """Decode to uint8 [H, W, 3] RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def encode_members(
    sample: PlannedSample, candidate: Candidate, primary: bytes, *, kind: str, facts: dict[str, Any]
) -> dict[str, bytes]:
    """Return every member of an accepted sample. ``mask.png`` is 255 exactly where the object's bytes are kept."""
    assert candidate.alpha is not None
    mask = np.where(candidate.alpha == 255, 255, 0).astype(np.uint8)
    return {
        kind: primary,
        "mask.png": encode_image(mask, "png"),
        "alpha.png": encode_image(candidate.alpha, "png"),
        "cls": str(sample.source.label).encode(),
        "json": json.dumps({**describe(sample, candidate), **facts}, sort_keys=True, ensure_ascii=False).encode(),
    }


def describe(sample: PlannedSample, candidate: Candidate) -> dict[str, Any]:
    """Return the sample's JSON: the same keys with the same types in every sample, since readers infer a schema from
    the first few.
    """
    source, edit = sample.source, sample.edit
    return {
        "key": sample.key,
        "source_id": source.id,
        "source_sha256": source.sha256,
        "mask_sha256": source.mask_sha256,
        "label": source.label,
        "class_name": source.class_name,
        "wnid": source.wnid,
        "licence": source.licence,
        "source_caption": source.caption,
        "generator": edit.generator,
        "edit": edit.name,
        "level": float(edit.level),
        "replica": sample.replica,
        "prompt": str(edit.get("prompt", "")),
        "partner": str(edit.get("partner", "")),
        "angle": float(edit.get("angle", 0)),
        "x": float(edit.get("x", -1)),
        "y": float(edit.get("y", -1)),
        "area": float(candidate.parameters["area"]),
        "scale": float(candidate.parameters["scale"]),
        "matrix": [float(value) for value in candidate.parameters["matrix"]],
        "evaluations": candidate.cost,
        "first_t": int(candidate.parameters.get("first_t", -1)),
        "surrogate": str(candidate.parameters.get("surrogate", "")),
        "complexity_control": float(candidate.parameters.get("complexity_control", -1)),
        "mask_source": str(source.attributes.get("mask_source", "given")),
    }
