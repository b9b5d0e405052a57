"""An image-classification model of transformers, with its own image processor."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping

import numpy as np
from PIL.Image import Image as Picture

from editmill.evaluators.adapters.arrays import IntArray
from editmill.evaluators.adapters.hub import is_local
from editmill.evaluators.adapters.requirements import refusing, require, shown_name
from editmill.evaluators.adapters.torch_support import TensorClassifier, check_labels, pick_device
from editmill.manifests import ModelError

logger = logging.getLogger("editmill.evaluators")


def load(rest: str, class_names: Mapping[int, str] | None, device: str) -> TensorClassifier:
    """Load ``FOLDER_OR_HUB_ID``, in float32.

    Raises:
        ModelError: transformers is missing, the model is missing, or its weights lack the classification head.
    """
    require("transformers", wanted_by=f"transformers:{rest}")
    require("torch", wanted_by=f"transformers:{rest}")
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification
    from transformers.utils import logging as transformers_logging

    # Its bar for reading weights would tear the bar of the evaluation.
    transformers_logging.disable_progress_bar()
    fix = "give a folder with config.json, preprocessor_config.json and model.safetensors, or a hub id within reach"
    local = is_local(rest)
    with refusing("cannot load an image classifier", where=rest, fix=fix):
        processor = AutoImageProcessor.from_pretrained(rest, local_files_only=local)
        loader = AutoModelForImageClassification.from_pretrained
        model, report = loader(rest, dtype=torch.float32, output_loading_info=True, local_files_only=local)
    missing = sorted(report["missing_keys"])
    if missing:
        # transformers would go on with random weights in their place.
        what = f"the weights lack {len(missing)} tensors, first {missing[0]!r}"
        raise ModelError(what, where=rest, fix="give a classifier")
    names = {int(index): str(name) for index, name in model.config.id2label.items()}
    target = pick_device(device)
    shown = shown_name(rest)
    labels = map_labels(names, class_names, model=shown)
    model = model.eval().to(target)

    def preprocess(image: Picture) -> torch.Tensor:
        return processor(images=image, return_tensors="pt")["pixel_values"][0]

    return TensorClassifier(shown, lambda pixels: model(pixel_values=pixels).logits, preprocess, target, labels)


def map_labels(model_names: Mapping[int, str], class_names: Mapping[int, str] | None, *, model: str) -> IntArray:
    """Find the dataset's label of each class of a model.

    Classes go together by name when every name of the dataset is the name of exactly one class of the model (letter
    case and ``_`` for a space do not count); else the class index is the label.

    Args:
        model_names: Class name by class index.
        class_names: Class name by label; None for labels that are class indices.
        model: Named in messages.

    Returns:
        Int64 [classes]; -1 where the dataset has no such class.

    Raises:
        ModelError: By index, and the dataset has a label that the model never gives.
    """
    indices = {_normalise(name): index for index, name in model_names.items()}
    times = Counter(_normalise(name) for name in model_names.values())
    wanted = {_normalise(name): label for label, name in (class_names or {}).items()}
    if class_names and len(wanted) == len(class_names) and all(times[name] == 1 for name in wanted):
        labels = np.full(max(model_names) + 1, -1, dtype=np.int64)
        for name, label in wanted.items():
            labels[indices[name]] = label
        return labels
    check_labels(len(model_names), class_names, model=model)
    logger.info("%s: class names differ from the dataset's, so the class index is taken for the label", model)
    return np.arange(max(model_names) + 1, dtype=np.int64)


def _normalise(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())
