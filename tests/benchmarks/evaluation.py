"""What an evaluation adds to the model that it asks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torchvision.models import ResNet18_Weights, resnet18

from editmill.evaluators import predict, predict_each
from editmill.evaluators.adapters.torch_support import TensorClassifier
from editmill.manifests import open_dataset
from tests.benchmarks.comparing import compare
from tests.manifests.builder import EDITS, build_dataset, make_members

SAMPLES, BATCH, SIDE = 128, 32, 256


def compare_evaluation(folder: Path) -> None:
    """A ResNet-18 of random weights over a dataset, and over tensors that are ready; two models in one pass or two."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)

    def photograph() -> bytes:
        coarse = generator.integers(0, 256, (SIDE // 8, SIDE // 8, 3), np.uint8)
        return cv2.imencode(".png", cv2.resize(coarse, (SIDE, SIDE)))[1].tobytes()

    build_dataset(
        folder, sources=SAMPLES // len(EDITS), shards=2, make=lambda row: {**make_members(row), "png": photograph()}
    )
    dataset = open_dataset(folder)
    network, transforms = resnet18().eval(), ResNet18_Weights.IMAGENET1K_V1.transforms()
    classifier = TensorClassifier("resnet18", network, transforms, torch.device("cpu"))
    ready = [classifier.prepare(np.asarray(sample.image())) for sample in dataset]

    def bare() -> None:
        for start in range(0, len(ready), BATCH):
            classifier.classify(ready[start : start + BATCH])

    def evaluated() -> None:
        predict(dataset, classifier, batch_size=BATCH, progress=False)

    def one_pass() -> None:
        predict_each(dataset, [classifier, classifier], batch_size=BATCH, progress=False)

    def two_passes() -> None:
        evaluated()
        evaluated()

    what = f"{len(ready)} pictures classified by a network on one core"
    compare(what, ("evaluation", evaluated), ("bare model", bare))
    compare(f"{what}, twice", ("one pass", one_pass), ("two passes", two_passes), rounds=3)
