"""The members of an edited picture, and what its JSON says."""

from __future__ import annotations

from typing import Any

import numpy as np

from editmill.generators.attribute.candidates import Candidate
from editmill.generators.base.edits import Edit
from editmill.generators.base.samples import PlannedSample
from editmill.manifests.arrays import Mask

MEMBERS = ("alpha.png", "cls", "json", "mask.png")


def masks(candidate: Candidate) -> dict[str, Mask]:
    """Return the members that say where the object is, uint8 [H, W]; ``mask.png`` is 255 exactly where its bytes are
    kept.
    """
    assert candidate.alpha is not None
    return {"mask.png": np.where(candidate.alpha == 255, 255, 0).astype(np.uint8), "alpha.png": candidate.alpha}


def describe(sample: PlannedSample, edit: Edit, candidate: Candidate) -> dict[str, Any]:
    """Return what the sample's JSON says of ``edit`` as it was made: the same keys and types in every sample."""
    source, realised = sample.source, candidate.parameters
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
