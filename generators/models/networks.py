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

from editmill.manifests.errors import ModelError, first_line
from editmill.manifests.weights import (
    INDEX,
    WEIGHT_SUFFIXES,
    WHOLE,
    Choice,
    loaded_files,
    loaded_parts,
    network_weights,
)

# The longest side in pixels that an autoencoder takes in one go: what inpaints at 1024 x 1024 gets frames of that area,
# and of photographs hardly a longer side than this.
LARGEST_FRAME = 1536


def find_class(name: str) -> Any:
    """Return the class that ``package.Class`` names.

    Raises:
        ModelError: There is none.
    """
    package, _, cls = name.rpartition(".")
    try:
        return getattr(importlib.import_module(package), cls)
    except (ImportError, AttributeError) as error:
        fix = "correct the role's cls, or install the package"
        raise ModelError(f"no class {name}: {first_line(error)}", where=package, fix=fix) from error


def colours_side_by_side(network: torch.nn.Module) -> torch.nn.Module:
    """Lay the weights of what is mostly convolutions out as its kernels read them fastest (channels last).

    On a CPU core autoencoders are 1.16 times as fast, their gradients 1.1, ResNets 1.4. Transformers gain nothing, and
    some of them want their tensors in the other layout.
    """
    weights = list(network.parameters())
    kernels = [weight for weight in weights if weight.dim() == 4]
    if 2 * sum(kernel.numel() for kernel in kernels) > sum(weight.numel() for weight in weights):
        for kernel in kernels:
            kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
    return network


def tile_large_frames(network: torch.nn.Module) -> None:
    """Have an autoencoder take frames beyond ``LARGEST_FRAME`` in overlapping tiles of that side.

    Always and never by the memory that is free, since bytes differ. Smaller frames stay as they are.
    """
    # Others need not wait for the import.
    if not type(network).__module__.startswith("diffusers."):
        return
    from diffusers import AutoencoderKL

    if isinstance(network, AutoencoderKL):
        network.enable_tiling()
        network.tile_sample_min_size = LARGEST_FRAME
        network.tile_latent_min_size = LARGEST_FRAME // 2 ** (len(network.config.block_out_channels) - 1)


def one_file(folder: Path, choice: Choice) -> Path:
    """Return the only weights file of a folder, or the one that is chosen.

    Raises:
        OSError: There is none, or several.
    """
    files = [path for path in loaded_files(folder, choice) if path.suffix in WEIGHT_SUFFIXES]
    if len(files) != 1:
        raise OSError(f"the folder holds {len(files)} weights files instead of one; the role's field file names one")
    return files[0]


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


def load_torchvision(build: Any, folder: Path, choice: Choice = WHOLE, *, dtype: torch.dtype) -> Any:
    """Return a torchvision architecture with the one weights file of ``folder``.

    The number of classes comes from the weights.

    Raises:
        ValueError: The weights are not this architecture's.
        OSError: The folder holds no or several weights files, or the file can't be read.
    """
    path = one_file(folder, choice)
    state = read_tensors(path)
    # Without memory, since only a name is asked for.
    with torch.device("meta"):
        # The last entry is the bias of the classifier, one number per class.
        head = list(build(weights=None).state_dict())[-1]
    if head not in state:
        raise ValueError(f"{path.name} has no weights {head}")
    network = build(weights=None, num_classes=len(state[head]))
    network.load_state_dict(state)
    return network.to(dtype)


def load_network(cls: Any, folder: Path, choice: Choice = WHOLE, *, dtype: torch.dtype) -> Any:
    """Load one network of diffusers or transformers.

    Raises:
        ValueError: The checkpoint lacks weights of the network.
        OSError: The folder is incomplete or damaged.
    """
    options: dict[str, Any] = {"local_files_only": True, "dtype": dtype}
    if choice.file and hasattr(cls, "from_single_file"):
        return _from_single_file(cls, folder, choice.file, options)
    if choice.file:
        config = cls.config_class.from_pretrained(folder)
        options |= {"config": config, "state_dict": read_tensors(folder / choice.file)}
    elif weights := network_weights(folder, choice.variant):
        # Told what to take, the libraries neither try others first nor complain of them.
        options |= {"variant": weights.variant or None, "use_safetensors": weights.suffix == ".safetensors"}
    place = None if choice.file else folder
    network, report = cls.from_pretrained(place, output_loading_info=True, **options)
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    if missing:
        raise ValueError(f"{len(missing)} weights are missing or of another shape, the first is {missing[0]}")
    return network


def load_pipeline(cls: Any, folder: Path, choice: Choice = WHOLE, *, dtype: torch.dtype, parts: dict[str, Any]) -> Any:
    """Load a diffusers pipeline; ``parts`` come from other roles.

    Raises:
        ValueError: A part lacks weights.
        OSError: A part's folder is missing or damaged.
    """
    index = json.loads((folder / INDEX).read_text())
    # Left out, the library takes some of these for parts that the folder lacks.
    given: dict[str, Any] = {name: None for name, entry in index.items() if isinstance(entry, list)}
    mine = loaded_parts(index, choice.apart)
    for part in mine:
        del given[part]
        if not (folder / part).is_dir():
            raise OSError(f"the part {part!r} that model_index.json names has no folder")
        library, name = index[part]
        # Networks alone can lack weights, so the library may load schedulers and tokenizers.
        if not choice.file and (folder / part / "config.json").exists() and library in ("diffusers", "transformers"):
            given[part] = load_network(find_class(f"{library}.{name}"), folder / part, choice, dtype=dtype)
    given |= parts
    # Only Stable Diffusion 1 and 2 have a checker to leave out. Stable Diffusion XL hides a watermark in every picture
    # where invisible-watermark is installed: the pictures would depend on that, and be marked unasked.
    accepted = inspect.signature(cls.__init__).parameters
    unwanted = {"safety_checker": None, "requires_safety_checker": False, "add_watermarker": False}
    given |= {name: unwanted[name] for name in unwanted if name in accepted}
    options = {"local_files_only": True, "dtype": dtype, **given}
    return (
        _from_single_file(cls, folder, choice.file, options) if choice.file else cls.from_pretrained(folder, **options)
    )


def _from_single_file(cls: Any, folder: Path, file: str, options: dict[str, Any]) -> Any:
    """Load a network or pipeline of diffusers whose configuration lies in ``folder``."""
    try:
        loaded = cls.from_single_file(str(folder / file), config=str(folder), **options)
    except NotImplementedError as error:
        # The library leaves what is missing without data; torch then refuses to move it.
        raise ValueError(f"{file} lacks weights of {cls.__name__}") from error
    for part in getattr(loaded, "components", {"": loaded}).values():
        tensors = part.named_parameters() if isinstance(part, torch.nn.Module) else ()
        missing = [name for name, tensor in tensors if tensor.is_meta]
        if missing:
            raise ValueError(f"{file} lacks weights of {type(part).__name__}, the first is {missing[0]}")
    return loaded


def load_script(folder: Path, choice: Choice = WHOLE) -> torch.jit.ScriptModule:
    """Load the one TorchScript file of a folder.

    Raises:
        OSError: There is none, or several.
        RuntimeError: It is not TorchScript.
    """
    path = one_file(folder, choice)
    with warnings.catch_warnings():
        # The successors of TorchScript don't read the published file.
        warnings.simplefilter("ignore", FutureWarning)
        return torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
