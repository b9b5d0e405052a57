"""The members of an edited picture, and what its JSON says."""

from __future__ import annotations

from typing import Any

import numpy as np

from editmill.generators.attribute.candidates import Candidate
from editmill.generators.base.images import encode_image
from editmill.generators.base.samples import PlannedSample

MEMBERS = ("alpha.png", "cls", "json", "mask.png")


def encode_members(candidate: Candidate, primary: bytes, *, kind: str) -> dict[str, bytes]:
    """Return the pictures of a sample; ``mask.png`` is 255 exactly where the object's bytes are kept."""
    assert candidate.alpha is not None
    mask = np.where(candidate.alpha == 255, 255, 0).astype(np.uint8)
    return {kind: primary, "mask.png": encode_image(mask, "png"), "alpha.png": encode_image(candidate.alpha, "png")}


def describe(sample: PlannedSample, candidate: Candidate) -> dict[str, Any]:
    """Return what the sample's JSON says: the same keys with the same types in every sample."""
    source, edit, realised = sample.source, sample.edit, candidate.parameters
    return {
        "mask_sha256": source.mask_sha256,
        "class_name": source.class_name,
        "wnid": source.wnid,
        "source_caption": source.caption,
        "edit": edit.name,
        "level": float(edit.level),
        "replica": sample.replica,
        "prompt": str(edit.get("prompt", "")),
        "partner": str(edit.get("partner", "")),
        "angle": float(edit.get("angle", 0)),
        "x": float(edit.get("x", -1)),
        "y": float(edit.get("y", -1)),
        "area": float(realised["area"]),
        "scale": float(realised["scale"]),
        "matrix": [float(value) for value in realised["matrix"]],
        "evaluations": candidate.cost,
        "first_t": int(realised.get("first_t", -1)),
        "surrogate": str(realised.get("surrogate", "")),
        "complexity_control": float(realised.get("complexity_control", -1)),
        "mask_source": str(source.attributes.get("mask_source", "given")),
    }
