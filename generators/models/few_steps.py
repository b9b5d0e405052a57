"""Few steps with a checkpoint that was distilled for them, or with an adapter that was trained to make it so."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from editmill.manifests.errors import ModelError
from editmill.manifests.plugins import install_hint

if TYPE_CHECKING:
    from torch import Tensor

Sampler = Literal["lcm", "turbo", "lightning"]
# The scheduler of diffusers, and what it changes of the checkpoint's configuration: latent consistency (Luo et al.,
# arXiv 2310.04378), adversarial distillation (Sauer et al., arXiv 2311.17042) and SDXL-Lightning (Lin et al., arXiv
# 2402.13929). The last two were trained on timesteps that begin with the noisiest.
SAMPLERS: Mapping[Sampler, tuple[str, dict[str, Any]]] = {
    "lcm": ("LCMScheduler", {}),
    "turbo": ("EulerAncestralDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "lightning": ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
}
# Those that the latent consistency sampler takes its own from, as diffusers has it.
LCM_STEPS = 50
# The class of a role that is an adapter of low rank (Hu et al., arXiv 2106.09685), and the part of a pipeline that
# takes it.
LORA_CLASS, LORA_PART = "diffusers.loaders.LoraBaseMixin", "lora"


def require_peft() -> None:
    """Refuse adapters where the package is missing by which diffusers loads them.

    Raises:
        ModelError: It is missing.
    """
    if find_spec("peft") is None:
        raise ModelError("adapters of low rank need the package peft, which is not installed", fix=install_hint("lora"))


def set_sampler(pipeline: Any, sampler: Sampler) -> None:
    """Replace a pipeline's scheduler by that of a few-step sampler.

    Raises:
        ValueError: The pipeline is trained by flow matching, for which there are none here.
    """
    import diffusers

    before = type(pipeline.scheduler).__name__
    if before.startswith("FlowMatch"):
        raise ValueError(f"the sampler {sampler!r} is for Stable Diffusion 1, 2 and XL; this one has a {before}")
    name, changes = SAMPLERS[sampler]
    pipeline.scheduler = getattr(diffusers, name).from_config(pipeline.scheduler.config, **changes)


def put_on(pipeline: Any, adapter: dict[str, Tensor]) -> None:
    """Add an adapter's weights to those of a pipeline's networks, which cost no more than before.

    Raises:
        ValueError: It fits none of them.
    """
    pipeline.load_lora_weights(adapter)
    if not pipeline.get_active_adapters():
        raise ValueError("the adapter has no weights for any network of the pipeline")
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
