"""Classifiers of timm's architectures as folders that transformers loads, from published files of tensors."""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path
from typing import Any

import torch

from editmill.generators.models.networks import read_tensors
from editmill.manifests.errors import ModelError, RequestError


def convert_timm(checkpoint: Path, folder: Path, *, architecture: str) -> int:
    """Write a file of tensors as a folder of class ``transformers.TimmWrapperForImageClassification``.

    Args:
        checkpoint: A .safetensors, .pth or .pt file that holds nothing but a flat dictionary of tensors. Where names
            are not timm's, its tensors have to stand in timm's order; every shape is compared.
        folder: Must not exist; appears complete or not at all.
        architecture: Name in timm; its preprocessing is written beside the weights.

    Returns:
        The number of classes.

    Raises:
        RequestError: There is no such architecture, or the folder exists.
        ModelError: The file is damaged, or not of this architecture.
    """
    import timm
    from timm.models import save_for_hf

    if folder.exists():
        raise RequestError("the folder exists already", where=str(folder), fix="name a new one")
    if not timm.is_model(architecture):
        like = ", ".join(timm.list_models(f"*{architecture}*")[:5]) or "timm.list_models() names them"
        raise RequestError(f"timm has no architecture {architecture!r}", where="--architecture", fix=f"such as {like}")
    try:
        state = read_tensors(checkpoint)
        # The last tensor of a classifier is its bias, one number per class.
        network = timm.create_model(architecture, num_classes=len(next(reversed(state.values()))))
        network.load_state_dict(in_timms_names(state, network.state_dict()))
    except (ValueError, OSError, RuntimeError, TypeError) as error:
        what = f"the checkpoint is not a {architecture}: {str(error).splitlines()[0]}"
        raise ModelError(what, where=str(checkpoint), fix="give the architecture of the file") from error
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        save_for_hf(network, temporary, safe_serialization=True)
        config = temporary / "config.json"
        document = json.loads(config.read_text())
        # They repeat the number of classes, of which transformers takes one alone.
        document.pop("model_args", None)
        config.write_text(json.dumps(document, indent=2))
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return int(network.num_classes)


def in_timms_names(state: dict[str, torch.Tensor], wanted: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return the tensors under timm's names: their own, or else by their order.

    Raises:
        ValueError: There are more or fewer tensors, or one has another shape.
    """
    if set(state) == set(wanted):
        return state
    if len(state) != len(wanted):
        raise ValueError(f"it holds {len(state)} tensors, not {len(wanted)}")
    for (name, tensor), (other, place) in zip(state.items(), wanted.items(), strict=True):
        if tensor.shape != place.shape:
            raise ValueError(f"{name} is {tuple(tensor.shape)}, but {other} is {tuple(place.shape)}")
    return dict(zip(wanted, state.values(), strict=True))
