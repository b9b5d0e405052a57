"""Loading of networks and pipelines that refuses incomplete checkpoints.

The libraries fill gaps with random numbers and warn.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

WEIGHT_FILES = (".safetensors", ".pth", ".pt")


def find_class(name: str) -> Any:
    """Return the class that ``package.Class`` names."""
    package, _, cls = name.rpartition(".")
    return getattr(importlib.import_module(package), cls)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a .safetensors file, or of a pickle that holds nothing but one flat dictionary of them.

    Raises:
        ValueError: The file is damaged, or holds something else.
        OSError: It can't be read.
    """
    try:
        # A pickle may run code; weights_only refuses all but tensors and plain containers.
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f"{path.name} is damaged or no file of tensors: "
            f"{str(error).splitlines()[0] if str(error) else 'it is empty'}"
        ) from error
    if (
        not isinstance(state, dict)
        or not state
        or not all(isinstance(tensor, torch.Tensor) for tensor in state.values())
    ):
        raise ValueError(f"{path.name} holds no flat dictionary of tensors")
    return dict(state)


def load_torchvision(build: Any, folder: Path, *, dtype: torch.dtype) -> Any:
    """Return a torchvision architecture with the one weights file of ``folder``.

    The number of classes comes from the weights.

    Raises:
        ValueError: The folder holds no or several weights files, or they are not this architecture's.
        OSError: The file can't be read.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix in WEIGHT_FILES)
    if len(files) != 1:
        raise ValueError(f"the folder holds {len(files)} weights files ({', '.join(WEIGHT_FILES)}), not one")
    state = read_tensors(files[0])
    # Without memory, since only a name is asked for.
    with torch.device("meta"):
        # The last entry is the bias of the classifier, one number per class.
        head = list(build(weights=None).state_dict())[-1]
    if head not in state:
        raise ValueError(f"{files[0].name} has no weights {head}")
    network = build(weights=None, num_classes=len(state[head]))
    network.load_state_dict(state)
    return network.to(dtype)


def load_network(cls: Any, folder: Path, *, dtype: torch.dtype) -> Any:
    """Load one network.

    Raises:
        ValueError: The checkpoint lacks weights of the network.
        OSError: The folder is incomplete or damaged.
    """
    network, report = cls.from_pretrained(folder, local_files_only=True, dtype=dtype, output_loading_info=True)
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    if missing:
        raise ValueError(f"{len(missing)} weights are missing or of another shape, the first is {missing[0]}")
    return network


def load_pipeline(cls: Any, folder: Path, *, dtype: torch.dtype, parts: dict[str, Any]) -> Any:
    """Load a diffusers pipeline; ``parts`` come from other roles.

    Raises:
        ValueError: A part lacks weights.
        OSError: A part's folder is missing or damaged.
    """
    index = json.loads((folder / "model_index.json").read_text())
    loaded = dict(parts)
    for part, entry in index.items():
        # The safety checker blanks pictures, which a guard then could not tell from a failure; it is always left out.
        if part in loaded or part == "safety_checker" or not isinstance(entry, list):
            continue
        if entry[0] is None:
            # Left out, the library takes some of these for parts that the folder lacks.
            loaded[part] = None
            continue
        if not (folder / part).is_dir():
            raise OSError(f"the part {part!r} that model_index.json names has no folder")
        # Networks alone can lack weights, so the library may load schedulers and tokenizers.
        if (folder / part / "config.json").exists() and entry[0] in ("diffusers", "transformers"):
            loaded[part] = load_network(find_class(f"{entry[0]}.{entry[1]}"), folder / part, dtype=dtype)
    options = {"safety_checker": None, "requires_safety_checker": False}
    # Of the pipelines only those of Stable Diffusion 1 and 2 have a checker to leave out.
    accepted = inspect.signature(cls.__init__).parameters
    return cls.from_pretrained(
        folder,
        local_files_only=True,
        dtype=dtype,
        **loaded,
        **{name: options[name] for name in options if name in accepted},
    )


def load_script(folder: Path) -> torch.jit.ScriptModule:
    """Load the one TorchScript file of a folder.

    Raises:
        OSError: There is none, or several.
        RuntimeError: It is not TorchScript.
    """
    files = sorted(folder.glob("*.pt"))
    if len(files) != 1:
        raise OSError(f"the folder holds {len(files)} .pt files instead of one")
    with warnings.catch_warnings():
        # The successors of TorchScript don't read the published file.
        warnings.simplefilter("ignore", FutureWarning)
        return torch.jit.load(files[0], map_location="cpu")  # type: ignore[no-untyped-call]
