"""The vision transformer on whole scenes."""

from __future__ import annotations

from editmill.generators.models.loading import Models
from editmill.packs.tabletop.checks.classifier import accuracy
from editmill.packs.tabletop.world import Scene

BOUNDS = {"classifier_vit_accuracy": 0.97}


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return accuracy of the vision transformer."""
    return {"classifier_vit_accuracy": accuracy(models, "classifier_vit", scenes)}
