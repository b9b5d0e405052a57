"""A timm model, pretrained or with weights from a local file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from editmill.evaluators.adapters.requirements import refusing, require
from editmill.evaluators.adapters.torch_support import (
    TensorClassifier,
    check_labels,
    class_count,
    fit_weights,
    pick_device,
    read_weights,
)


def load(rest: str, class_names: Mapping[int, str] | None, device: str) -> TensorClassifier:
    """Load ``NAME[@WEIGHTS]``; the class index is the label.

    NAME is a name of timm's, or ``hf-hub:USER/REPOSITORY[@REVISION]`` or ``local-dir:FOLDER``, which bring their
    weights. Preprocessing is the model's own. The number of classes comes from the weights.

    Raises:
        ModelError: timm is missing, it has no such model, or the weights are missing or do not fit.
    """
    require("timm", wanted_by=f"timm:{rest}")
    from timm.data import create_transform, resolve_model_data_config  # type: ignore[attr-defined,unused-ignore]

    brings_weights = rest.startswith(("hf-hub:", "hf_hub:", "local-dir:"))
    # In these names an @ stands before the revision.
    name, at, file = (rest, "", "") if brings_weights else rest.partition("@")
    if at:
        weights = read_weights(Path(file))
        # Without class_count's answer the head keeps its size and the weights fit or not.
        template = _create(name)
        model = _create(name, num_classes=class_count(template, weights) or template.num_classes)
        fit_weights(model, weights, architecture=name, where=file)
    else:
        model = _create(name, pretrained=True)
    check_labels(int(model.num_classes), class_names, model=name)
    target = pick_device(device)
    preprocess = create_transform(**resolve_model_data_config(model), is_training=False)
    shown = (
        f"timm:{name}@{Path(file).name}" if at else f"timm:{Path(name).name if name.startswith('local-dir:') else name}"
    )
    return TensorClassifier(shown, model.eval().to(target), preprocess, target)


def _create(name: str, **options: Any) -> Any:
    import timm

    fix = "choose a name of timm.list_models(pretrained=True), or give its weights: timm:NAME@WEIGHTS_FILE"
    with refusing(f"cannot load the timm model {name!r}", fix=fix):
        return timm.create_model(name, **options)
