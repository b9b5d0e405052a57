"""Tiny forward passes of a role, whatever its class, which show that a checkpoint computes, and how exactly."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from editmill.generators.models.image_adapter import ImageAdapter
from editmill.generators.models.inpaint_pipelines import guidance_arguments
from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_processor, load_tokenizer
from editmill.manifests.arrays import Picture

# Both sides of pictures that pipelines make; every one of them takes multiples of 64.
SIDE = 64
NOUNS = ("dog", "cup", "bus", "tree", "chair", "boat", "clock", "pizza", "horse", "lamp")
# On which the precisions are compared.
SAMPLES = len(NOUNS)
PROCESSORS = ("preprocessor_config.json", "processor_config.json")


@torch.no_grad()
def try_forward(models: Models, role: str, sample: int = 0) -> list[Tensor]:
    """Run a role on one of ``SAMPLES`` inputs and return what it gives: float32 tensors on the CPU, equal for equal
    weights.
    """
    model = models.get(role)
    torch.manual_seed(sample)
    return [value.float().cpu() for value in _floats(_forward(model, models, role, sample))]


def try_samples(models: Models, role: str) -> list[Tensor]:
    """Run a role on all samples and return what it gives, each kind of value in one tensor: the logit of one sample may
    be next to nothing, and would measure no deviation.
    """
    found = [try_forward(models, role, sample) for sample in range(SAMPLES)]
    return [torch.cat([value.flatten() for value in values]) for values in zip(*found, strict=True)]


def deviation(found: Sequence[Tensor], exact: Sequence[Tensor]) -> float:
    """Return the largest difference of two outcomes, each tensor by its largest value in ``exact``.

    Masked entries, which hold the lowest number of each precision, do not count.
    """
    largest = 0.0
    for one, other in zip(found, exact, strict=True):
        counted = other.isfinite() & one.isfinite() & (other.abs() < 1e30)
        if counted.any():
            scale = other[counted].abs().max().clamp_min(1e-12)
            largest = max(largest, float((one[counted] - other[counted]).abs().max() / scale))
    return largest


def count_parameters(model: Any) -> int:
    """Return the number of parameters of a network, of all networks of a pipeline, or of an adapter."""
    if isinstance(model, ImageAdapter):
        return sum(tensor.numel() for part in model.state.values() for tensor in part.values())
    if isinstance(model, dict):
        return sum(tensor.numel() for tensor in model.values())
    parts = getattr(model, "components", {"": model}).values()
    networks = [part for part in parts if isinstance(part, torch.nn.Module)]
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def photograph(sample: int) -> Picture:
    """Return a small picture, uint8 [H, W, 3] RGB: a bright disc on noise."""
    noise = np.random.default_rng(sample).integers(0, 160, (96, 128, 3), dtype=np.uint8)
    rows, columns = np.ogrid[:96, :128]
    noise[(rows - 48) ** 2 + (columns - 64) ** 2 < 900] = (230, 120, 20 * sample)
    return noise


def _forward(model: Any, models: Models, role: str, sample: int) -> Any:
    from diffusers import DiffusionPipeline, ModelMixin
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from segment_anything.modeling import Sam
    from transformers import PreTrainedModel

    if isinstance(model, DiffusionPipeline):
        return _render(model, sample)
    if isinstance(model, ImageAdapter):
        return _project(model, sample)
    if isinstance(model, dict):
        # An adapter of low rank, which runs as a part of its pipeline.
        return next(iter(model.values()))
    if isinstance(model, Sam):
        return _segment(model, sample)
    if isinstance(model, torch.jit.ScriptModule):
        return model(_noise((1, 3, SIDE, SIDE), device=models.device), _disc(models.device))
    if isinstance(model, StableDiffusionSafetyChecker):
        pixels = _texts_and_pixels(models, role, ("pixel_values",), sample)["pixel_values"]
        return model.visual_projection(model.vision_model(pixels.to(model.dtype))[1])
    if isinstance(model, PreTrainedModel):
        accepted = tuple(inspect.signature(model.forward).parameters)
        inputs = _texts_and_pixels(models, role, accepted, sample).items()
        return model(**{name: value.to(model.dtype) if value.is_floating_point() else value for name, value in inputs})
    if isinstance(model, ModelMixin):
        accepted = tuple(inspect.signature(model.forward).parameters)
        return model(**{name: value for name, value in _latents(model).items() if name in accepted})
    # A torchvision architecture.
    first = next(model.parameters())
    return model(_noise((1, 3, 224, 224), device=first.device, dtype=first.dtype))


def _noise(shape: tuple[int, ...], **kind: Any) -> Tensor:
    """Return values in [0, 1], drawn on the CPU, so that they are the same everywhere."""
    return torch.rand(shape).to(**kind)


def _texts_and_pixels(models: Models, role: str, accepted: Sequence[str], sample: int) -> dict[str, Tensor]:
    """Return the inputs of a network of transformers that it accepts, by the tokenizer and processor beside it."""
    inputs: dict[str, Any] = {}
    if "input_ids" in accepted:
        inputs |= load_tokenizer(models, role)(_text(sample), return_tensors="pt")
    if "pixel_values" in accepted:
        config = models.get(role).config
        side = getattr(getattr(config, "vision_config", config), "image_size", None)
        # The encoders of IP-Adapters come without a processor; timm's classifiers describe theirs in config.json.
        if side is None or any((models.folder(role) / name).is_file() for name in PROCESSORS):
            inputs |= load_processor(models, role)(images=Image.fromarray(photograph(sample)), return_tensors="pt")
        else:
            inputs["pixel_values"] = _noise((1, 3, side, side))
    return {
        name: value.to(models.device)
        for name, value in inputs.items()
        if name in accepted and isinstance(value, Tensor)
    }


def _latents(model: Any) -> dict[str, Any]:
    """Return the inputs of a network of diffusers by its configuration; pictures for autoencoders."""
    config, kind = model.config, {"device": model.device, "dtype": model.dtype}
    levels = len(config.block_out_channels) - 1
    side = 8 * 2**levels
    inputs: dict[str, Any] = {"sample": _noise((1, config.in_channels, side, side), **kind)}
    inputs["timestep"] = torch.tensor([500], device=model.device)
    if config.get("cross_attention_dim"):
        inputs["encoder_hidden_states"] = _noise((1, 8, config.cross_attention_dim), **kind)
    if "conditioning_embedding_out_channels" in config:
        whole = side * 2 ** (len(config.conditioning_embedding_out_channels) - 1)
        inputs["controlnet_cond"] = _noise((1, config.conditioning_channels, whole, whole), **kind)
    return inputs


def _render(pipeline: Any, sample: int) -> Any:
    """Run one step of a pipeline at the smallest size, with whatever its call takes."""
    accepted = inspect.signature(pipeline.__call__).parameters
    if not {"prompt", "image"} & set(accepted):
        # Pipelines without inputs have one size, and turn no half precision into pictures.
        inputs = _latents(pipeline.unet)
        return pipeline.unet(inputs["sample"], inputs["timestep"])
    image = Image.fromarray(photograph(sample)).resize((SIDE, SIDE))
    hole = Image.fromarray(np.uint8(_disc("cpu")[0, 0].numpy() * 255))
    offered = {
        "prompt": _text(sample),
        "image": image,
        "mask_image": hole,
        "control_image": image,
        "height": SIDE,
        "width": SIDE,
        "strength": 1.0,
        "num_inference_steps": 1,
        "generator": torch.Generator().manual_seed(sample),
        "output_type": "np",
        **guidance_arguments(frozenset(accepted), 1.0),
    }
    return pipeline(**{name: value for name, value in offered.items() if name in accepted}).images


def _project(adapter: ImageAdapter, sample: int) -> Any:
    """Return the tokens that an IP-Adapter makes of a picture."""
    from diffusers.loaders.unet import UNet2DConditionLoadersMixin
    from transformers import CLIPImageProcessor

    encoder = adapter.image_encoder
    side = encoder.config.image_size
    processor = adapter.processor or CLIPImageProcessor(size=side, crop_size=side)
    pixels = processor(images=photograph(sample), return_tensors="pt").pixel_values.to(encoder.device, encoder.dtype)
    seen = encoder(pixels, output_hidden_states=True)
    # The plus form, whose projection has queries, reads all tokens of the last layer but one.
    features = seen.hidden_states[-2] if "latents" in adapter.state["image_proj"] else seen.image_embeds
    project: Any = UNet2DConditionLoadersMixin._convert_ip_adapter_image_proj_to_diffusers
    projection = project(None, adapter.state["image_proj"], low_cpu_mem_usage=False)
    return projection.to(encoder.device, encoder.dtype)(features)


def _segment(model: Any, sample: int) -> Any:
    from segment_anything import SamPredictor

    predictor = SamPredictor(model)
    predictor.set_image(photograph(sample))
    _, quality, masks = predictor.predict(box=np.array([34, 18, 94, 78], np.float32), multimask_output=False)
    return quality, masks


def _text(sample: int) -> str:
    # GroundingDINO's texts end with a full stop.
    return f"a photo of a {NOUNS[sample]}."


def _disc(device: Any) -> Tensor:
    """Return a hole, float32 [1, 1, SIDE, SIDE] of 0 and 1."""
    place = torch.arange(SIDE, device=device) - SIDE / 2
    return ((place[:, None] ** 2 + place**2) < 256).float()[None, None]


def _floats(output: Any) -> Iterator[Tensor]:
    """Yield every floating-point tensor within what a model returned."""
    if isinstance(output, np.ndarray):
        output = torch.from_numpy(output)
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from _floats(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from _floats(value)
