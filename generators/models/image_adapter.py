"""IP-Adapter weights in the layout of the published files, and how they join a pipeline."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.embeddings import ImageProjection
from safetensors.torch import save_file

from editmill.generators.models.networks import one_file, read_tensors
from editmill.generators.models.prompts import remember_prompts
from editmill.manifests.errors import RequestError
from editmill.manifests.weights import WHOLE, Choice

PARTS = ("image_proj", "ip_adapter")


@dataclass(frozen=True)
class ImageAdapter:
    """Weights of projection and image cross-attention, and the vision encoder (with its processor) that feeds them."""

    state: dict[str, dict[str, torch.Tensor]]
    image_encoder: Any
    processor: Any


def load_image_adapter(
    folder: Path, choice: Choice = WHOLE, *, dtype: torch.dtype, image_encoder: Any, processor: Any
) -> ImageAdapter:
    """Read the one weights file of ``folder`` (IP-Adapter, arXiv 2308.06721; the "plus" form reads all tokens of
    the vision encoder).

    Raises:
        ValueError: The file holds no IP-Adapter, or one of another encoder's width.
        OSError: The folder has no or several weights files.
    """
    path = one_file(folder, choice)
    state: dict[str, dict[str, torch.Tensor]] = {part: {} for part in PARTS}
    for name, value in read_tensors(path).items():
        part, _, rest = name.partition(".")
        if part not in state:
            raise ValueError(f"{path.name} holds {name!r}, which no IP-Adapter has")
        state[part][rest] = value.to(dtype)
    if not state["image_proj"] or not state["ip_adapter"]:
        raise ValueError(f"{path.name} holds no IP-Adapter: one of {' and '.join(PARTS)} is missing")
    # Only the plus form has this projection; other forms have no width to compare.
    width = state["image_proj"].get("proj_in.weight", torch.empty(0, image_encoder.config.hidden_size)).shape[1]
    if width != image_encoder.config.hidden_size:
        raise ValueError(
            f"{path.name} reads features of width {width}; the pack's vision encoder has "
            f"{image_encoder.config.hidden_size}"
        )
    return ImageAdapter(state, image_encoder, processor)


def convert_image_adapter(checkpoint: Path, folder: Path) -> None:
    """Write a published pickle of nested tensors (``{"image_proj": {…}, "ip_adapter": {…}}``) as the one safetensors
    file of a new folder.

    Raises:
        RequestError: The file is no such pickle, or the folder exists.
    """
    if folder.exists():
        raise RequestError("the folder exists already", where=str(folder), fix="name a new one")
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        tensors = {f"{part}.{name}": value.contiguous() for part in PARTS for name, value in state[part].items()}
    except (OSError, pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, AttributeError) as error:
        what = f"this is not a pickled IP-Adapter: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        raise RequestError(
            what, where=str(checkpoint), fix=f"give a .bin file that holds {' and '.join(PARTS)}"
        ) from error
    folder.mkdir(parents=True)
    save_file(tensors, folder / "image_adapter.safetensors")


def attach(pipeline: Any, adapter: ImageAdapter, *, scale: float = 1.0) -> Any:
    """Give a Stable Diffusion pipeline of its own (not one that others share) the adapter.

    Pass a list of references as ``ip_adapter_image``, one of each picture of the call. The library takes all that are
    given for references of every picture.
    """

    def told(images: Sequence[Any], _: None, device: torch.device, count: int, guided: bool) -> list[torch.Tensor]:
        (projection,) = pipeline.unet.encoder_hid_proj.image_projection_layers
        shown, nothing = pipeline.encode_image(list(images), device, 1, not isinstance(projection, ImageProjection))
        return [(torch.cat([nothing, shown]) if guided else shown)[:, None]]

    pipeline.register_modules(image_encoder=adapter.image_encoder, feature_extractor=adapter.processor)
    # With the weights at hand the names are not read; without None a CLIP encoder would be looked for.
    pipeline.load_ip_adapter(adapter.state, subfolder="", weight_name="", image_encoder_folder=None)
    pipeline.set_ip_adapter_scale(scale)
    pipeline.prepare_ip_adapter_image_embeds = told
    return remember_prompts(pipeline)
