"""A torchvision architecture with weights from a local file."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from editmill.evaluators.adapters.requirements import require
from editmill.evaluators.adapters.torch_support import (
    TensorClassifier,
    check_labels,
    class_count,
    fit_weights,
    pick_device,
    read_weights,
)
from editmill.manifests import ModelError

_OPTIONS = {"crop": "crop_size", "resize": "resize_size"}
_FORM = "torchvision:ARCHITECTURE@WEIGHTS_FILE, with ?crop=N&resize=N after it where the preprocessing differs"


def load(rest: str, class_names: Mapping[int, str] | None, device: str) -> TensorClassifier:
    """Load ``ARCHITECTURE@WEIGHTS[?crop=N&resize=N]``; the class index is the label.

    Images are resized, centre-cropped and normalised as for the architecture's first ImageNet weights in torchvision
    (mostly 256, then 224 pixels, with ImageNet's mean and standard deviation). The number of classes comes from the
    weights.

    Raises:
        ModelError: torchvision is missing, it has no such architecture, or the weights are missing or do not fit.
    """
    architecture, at, reference = rest.partition("@")
    if not at or not reference:
        raise ModelError(f"torchvision:{rest} names no weights", where="--model", fix=f"give {_FORM}")
    require("torchvision", wanted_by=f"torchvision:{architecture}")
    import torch
    from torchvision import models

    # Without the module it would list detectors and segmenters as well.
    known = models.list_models(module=models)
    if architecture not in known:
        close = get_close_matches(architecture, known, n=3) or known[:3]
        raise ModelError(f"torchvision has no classifier {architecture!r}", fix=f"did you mean {', '.join(close)}?")
    file, _, query = reference.partition("?")
    options = _parse_options(query)
    weights = read_weights(Path(file))
    # Its names and shapes are wanted alone, so nothing is allocated.
    with torch.device("meta"):
        classes = class_count(models.get_model(architecture, weights=None), weights) or 1000
    check_labels(classes, class_names, model=architecture)
    model = models.get_model(architecture, weights=None, num_classes=classes)
    fit_weights(model, weights, architecture=architecture, where=file)
    target = pick_device(device)
    # The first entry is the original recipe; later ones changed sizes along with the training.
    published: Any = next(iter(models.get_model_weights(architecture)))
    name = f"torchvision:{architecture}@{Path(file).name}" + (f"?{query}" if query else "")
    return TensorClassifier(name, model.eval().to(target), published.transforms(**options), target)


def _parse_options(query: str) -> dict[str, int]:
    options: dict[str, int] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _OPTIONS or not value.isdecimal() or int(value) < 1:
            raise ModelError(f"bad option {key}={value} of a torchvision model", where="--model", fix=f"give {_FORM}")
        options[_OPTIONS[key]] = int(value)
    return options
