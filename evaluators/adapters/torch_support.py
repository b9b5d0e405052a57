"""What the torch adapters share: devices, weight files, labels, and batches of tensors."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image as Picture
from PIL.Image import fromarray as from_array

from editmill.evaluators.adapters.arrays import Image, Images, IntArray
from editmill.evaluators.adapters.requirements import refusing, require
from editmill.manifests import ModelError

if TYPE_CHECKING:
    import torch

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True)
class TensorClassifier:
    """A network on preprocessed tensors.

    Attributes:
        name: Shown in tables.
        model: Maps float [n, 3, height, width] to logits [n, classes].
        preprocess: Maps an RGB image to a float tensor [3, height, width], the same size for every image.
        device: Where the model is.
        labels: Int64 [classes], the dataset's label of each class index, -1 where the dataset has none; None where the
            class index is the label.
    """

    name: str
    model: Callable[[torch.Tensor], torch.Tensor]
    preprocess: Callable[[Picture], torch.Tensor]
    device: torch.device
    labels: IntArray | None = None

    def prepare(self, image: Image) -> torch.Tensor:
        """Return the tensor of an image; see `editmill.evaluators.predictions.Preparing`."""
        return self.preprocess(from_array(image))

    def classify(self, prepared: list[torch.Tensor]) -> IntArray:
        """Classify what ``prepare`` returned."""
        import torch

        with torch.inference_mode():
            logits = self.model(torch.stack(prepared).to(self.device))
        classes = np.asarray(logits.argmax(dim=1).cpu().numpy(), dtype=np.int64)
        return classes if self.labels is None else self.labels[classes]

    def predict(self, images: Images) -> IntArray:
        """Classify images; see `editmill.evaluators.Classifier`."""
        return self.classify([self.prepare(image) for image in images])


def pick_device(device: str) -> torch.device:
    """Return the named device; ``auto`` means an accelerator where there is one, else the CPU.

    Raises:
        ModelError: There is no such device on this machine.
    """
    require("torch", wanted_by="a torch model")
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    # Only an allocation tells; AssertionError is what a torch without CUDA raises.
    with refusing(f"cannot use the device {device!r}", (RuntimeError, AssertionError), fix="give cpu, cuda or auto"):
        return torch.empty(0, device=device).device


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read a checkpoint's tensors by name, to the CPU. Nothing in the file is executed.

    Raises:
        ModelError: The file is absent, of another kind, damaged, or holds more than tensors.
    """
    if not path.is_file():
        raise ModelError("there is no such weights file", where=str(path), fix="check the path after '@'")
    if path.suffix not in WEIGHT_SUFFIXES:
        what = f"weights of kind {path.suffix!r} are not read"
        raise ModelError(what, where=str(path), fix=f"give one of {', '.join(WEIGHT_SUFFIXES)}")
    require("safetensors", wanted_by="a weights file")
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    damaged = (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError)
    fix = "give a file that holds nothing but tensors"
    with refusing("cannot read the weights", damaged, where=str(path), fix=fix):
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    # Trainers keep the weights under this name, beside the state of the training.
    tensors = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise ModelError("the file holds no tensors by name", where=str(path), fix="save the model's state_dict()")
    return tensors


def class_count(template: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> int | None:
    """Return how many classes a checkpoint tells apart, from the architecture's last parameter.

    None if it lacks that.
    """
    *_, last = (name for name, _ in template.named_parameters())
    return int(weights[last].shape[0]) if last in weights and weights[last].ndim else None


def fit_weights(model: torch.nn.Module, weights: Mapping[str, torch.Tensor], *, architecture: str, where: str) -> None:
    """Load weights into a model.

    Raises:
        ModelError: Names or shapes differ.
    """
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        what = f"the weights do not fit {architecture}: {reason[:300]}"
        raise ModelError(what, where=where, fix="name the architecture they were trained for") from error


def check_labels(classes: int, class_names: Mapping[int, str] | None, *, model: str) -> None:
    """Check that class indices can be the dataset's labels.

    Raises:
        ModelError: The dataset has a label that the model never gives.
    """
    if class_names and max(class_names) >= classes:
        what = f"{model} has {classes} classes, the dataset has labels up to {max(class_names)}"
        raise ModelError(what, fix="evaluate a model that was trained on the dataset's classes")
