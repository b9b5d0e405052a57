"""What diffusers' inpainting pipelines differ in: their native size, their guidance and their steps."""

from __future__ import annotations

from typing import Any


def network_of(pipeline: Any) -> Any:
    """Return what a pipeline denoises with: its U-Net or its transformer."""
    return getattr(pipeline, "unet", None) or pipeline.transformer


def native_side(pipeline: Any) -> int:
    """Return the side in pixels that its network's configuration names; 0 where it names none, as FLUX's."""
    return int(network_of(pipeline).config.get("sample_size") or 0) * int(pipeline.vae_scale_factor)


def size_multiple(pipeline: Any) -> int:
    """Return what both sides of a picture have to be multiples of."""
    config = network_of(pipeline).config
    # Transformers have no levels, but join latents in patches of two by two.
    levels = len(config.block_out_channels) - 1 if hasattr(config, "block_out_channels") else 1
    # Some pipelines refuse sides that are not multiples of 8, whatever their networks need.
    return max(8, int(pipeline.vae_scale_factor) * 2**levels)


def guidance_arguments(accepted: frozenset[str], guidance: float) -> dict[str, Any]:
    """Return the arguments of a call that set classifier-free guidance."""
    if "true_cfg_scale" not in accepted:
        return {"guidance_scale": guidance}
    # Qwen-Image guides away from a prompt that it is given, which its authors leave blank.
    return {"true_cfg_scale": guidance, **({"negative_prompt": " "} if guidance > 1 else {})}


def guided_twice(pipeline: Any, guidance: float) -> bool:
    """Return whether each step evaluates the network with and without the prompt."""
    # Guidance is an input of FLUX.1's network, and step-distilled models have none.
    if network_of(pipeline).config.get("guidance_embeds") or pipeline.config.get("is_distilled"):
        return False
    # Z-Image adds its scale to 1.
    return guidance > (0 if type(pipeline).__name__.startswith("ZImage") else 1)


def executed_steps(pipeline: Any, steps: int, strength: float) -> int:
    """Return the steps that run of a schedule of ``steps``, as diffusers cuts it."""
    if getattr(pipeline, "unet", None):
        return min(steps, int(steps * strength))
    return steps - int(max(steps - min(steps * strength, steps), 0))


def takes_several(pipeline: Any) -> bool:
    """Return whether a call can fill several pictures, each its own; other pipelines take them for views of one."""
    return type(pipeline).__name__.startswith("StableDiffusion")


def decodes_shifted(pipeline: Any) -> bool:
    """Return whether a pipeline forgets its autoencoder's shift when it decodes, which casts a colour over pictures.

    Stable Diffusion 3 does so in diffusers 0.42, which takes the shift off when it encodes.
    """
    return type(pipeline).__name__ == "StableDiffusion3InpaintPipeline"
