"""The classifiers under test on whole scenes."""

from __future__ import annotations

import numpy as np
import torch

from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_processor
from editmill.manifests.arrays import Picture
from editmill.packs.tabletop.world import CLASSES, Scene

BOUNDS = {"classifier_accuracy": 0.98}


@torch.inference_mode()
def predictions(models: Models, role: str, pictures: list[Picture]) -> list[str]:
    """Return the class names that the classifier ``role`` gives to pictures uint8 [H, W, 3] RGB."""
    model = models.get(role)
    processor = load_processor(models, role)
    found = [int(model(**processor(images=picture, return_tensors="pt")).logits.argmax()) for picture in pictures]
    return [CLASSES[index] for index in found]


def accuracy(models: Models, role: str, scenes: list[Scene]) -> float:
    """Return the share of scenes whose main object's class the classifier names."""
    names = predictions(models, role, [scene.image for scene in scenes])
    return float(np.mean([name == scene.objects[0].name for name, scene in zip(names, scenes, strict=True)]))


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return accuracy of the ResNet."""
    return {"classifier_accuracy": accuracy(models, "classifier", scenes)}
