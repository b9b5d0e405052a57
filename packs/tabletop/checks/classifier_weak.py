"""The deliberately weak classifier on whole scenes."""

from __future__ import annotations

from editmill.generators.models.loading import Models
from editmill.packs.tabletop.checks.classifier import accuracy
from editmill.packs.tabletop.world import Scene

BOUNDS = {"classifier_weak_accuracy": 0.6}
LIMITS = {"classifier_weak_accuracy": 0.8}


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return accuracy of the narrow ResNet."""
    return {"classifier_weak_accuracy": accuracy(models, "classifier_weak", scenes)}
