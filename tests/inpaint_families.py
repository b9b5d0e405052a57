"""Tiny random inpainting pipelines of every family that the role ``inpaint`` may have, in the published layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from diffusers import (
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    ControlNetModel,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxFillPipeline,
    FluxTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3InpaintPipeline,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from editmill.generators.models.guided_steps import Shift
from editmill.packs.tabletop.training.tokenizer import make_tokenizer
from tests.checkpoints import (
    SEED,
    SIDE,
    WIDTH,
    make_autoencoder,
    make_inpaint_pipeline,
    make_unet,
    text_settings,
    write_clip,
)

CLASSES = {
    "sd": "StableDiffusionInpaintPipeline",
    "controlnet": "StableDiffusionControlNetInpaintPipeline",
    "sdxl": "StableDiffusionXLInpaintPipeline",
    "sd3": "StableDiffusion3InpaintPipeline",
    "flux-fill": "FluxFillPipeline",
    "flux2-klein": "Flux2KleinInpaintPipeline",
    "qwen-image": "QwenImageInpaintPipeline",
    "z-image": "ZImageInpaintPipeline",
}
FAMILIES = tuple(CLASSES)
# Their checkpoints name no size.
UNSIZED = FAMILIES[4:]
ROPE = {"attention_head_dim": 16, "num_attention_heads": 2, "axes_dims_rope": (4, 6, 6)}


@dataclass(frozen=True)
class Guided:
    """Guidance of a picture alone, by a function of the size that latents decode to."""

    make: Callable[[int, int], Shift]

    def shift(self, width: int, height: int, others: Sequence[Any] = ()) -> Shift:
        assert not others
        return self.make(width, height)


def make_family(family: str) -> Any:
    """A pipeline of ``family`` with random weights, of the class that its published checkpoint names."""
    torch.manual_seed(SEED + 3)
    makers = (make_inpaint_pipeline, _controlnet, _sdxl, _sd3, _flux_fill, _flux2_klein, _qwen_image, _z_image)
    return dict(zip(FAMILIES, makers, strict=True))[family]()


def write_family(folder: Path, family: str) -> Path:
    """Write a pipeline of ``family``, a CLIP judge and the pack file that maps them; returns the pack file."""
    make_family(family).save_pretrained(folder / "inpaint")
    write_clip(folder / "zero_shot")
    document = {
        "name": family,
        "description": "Tiny random checkpoints for tests.",
        "backgrounds": ["green grass"],
        "worlds": ["*"],
        "guidance": 2.0,
        "steps": 2,
        "roles": {
            "inpaint": {
                "cls": f"diffusers.{CLASSES[family]}",
                "path": "inpaint",
                "licence": "Apache-2.0",
                **({"side": SIDE} if family in UNSIZED else {}),
            },
            "zero_shot": {"cls": "transformers.CLIPModel", "path": "zero_shot", "licence": "Apache-2.0"},
        },
    }
    path = folder / f"{family}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def _controlnet() -> StableDiffusionControlNetInpaintPipeline:
    base = make_inpaint_pipeline()
    controlnet = ControlNetModel(
        in_channels=4,
        layers_per_block=1,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        conditioning_embedding_out_channels=(8, 8),
    )
    parts = {name: part for name, part in base.components.items() if name != "image_encoder"}
    return StableDiffusionControlNetInpaintPipeline(**parts, controlnet=controlnet, requires_safety_checker=False)


def _projected_text() -> CLIPTextModelWithProjection:
    return CLIPTextModelWithProjection(CLIPTextConfig(**text_settings()))


def _sdxl() -> StableDiffusionXLInpaintPipeline:
    unet = make_unet(
        channels=9,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDTH,
    )
    scheduler = EulerDiscreteScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1
    )
    return StableDiffusionXLInpaintPipeline(
        vae=make_autoencoder(),
        text_encoder=None,
        text_encoder_2=_projected_text(),
        tokenizer=None,
        tokenizer_2=make_tokenizer(),
        unet=unet,
        scheduler=scheduler,
        add_watermarker=False,
    )


def _sd3() -> StableDiffusion3InpaintPipeline:
    transformer = SD3Transformer2DModel(
        sample_size=SIDE // 2,
        patch_size=2,
        in_channels=16,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=WIDTH,
        caption_projection_dim=32,
        pooled_projection_dim=2 * WIDTH,
        out_channels=16,
        pos_embed_max_size=32,
    )
    return StableDiffusion3InpaintPipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=make_autoencoder(channels=16, shift_factor=0.06, scaling_factor=1.5),
        text_encoder=_projected_text(),
        tokenizer=make_tokenizer(),
        text_encoder_2=_projected_text(),
        tokenizer_2=make_tokenizer(),
        text_encoder_3=None,
        tokenizer_3=None,
    )


def _flow() -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)


def _qwen_tokenizer() -> Qwen2Tokenizer:
    """One token a byte, with the signs and the template of a chat."""
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    tokens = [*sorted(ByteLevel.alphabet()), *special]
    tokenizer = Qwen2Tokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": list(special[1:])})
    tokenizer.chat_template = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n"
    )
    return tokenizer


def _qwen_settings(tokenizer: Qwen2Tokenizer, layers: int) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": WIDTH // 2,
    }


def _flux_fill() -> FluxFillPipeline:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0), *((letter, -3.0) for letter in "aegnrs")]
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0)
    text = T5Config(vocab_size=len(pieces), d_model=WIDTH, d_kv=16, d_ff=WIDTH, num_layers=1, num_heads=2)
    # Noise, the picture without the hole, and the hole in patches of two by two latents of two by two pixels.
    transformer = FluxTransformer2DModel(
        in_channels=16 + 16 + 16,
        out_channels=16,
        num_layers=1,
        num_single_layers=1,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH,
        guidance_embeds=True,
        **ROPE,
    )
    return FluxFillPipeline(
        scheduler=_flow(),
        vae=make_autoencoder(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=CLIPTextModel(CLIPTextConfig(**text_settings())),
        tokenizer=make_tokenizer(),
        text_encoder_2=T5EncoderModel(text),
        tokenizer_2=tokenizer,
        transformer=transformer,
    )


def _flux2_klein() -> Flux2KleinPipeline:
    vae = AutoencoderKLFlux2(
        block_out_channels=(8, 16),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=8,
        sample_size=SIDE,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        mid_block_add_attention=False,
    )
    vae.bn.running_mean.normal_()
    vae.bn.running_var.uniform_(0.5, 2)
    tokenizer = _qwen_tokenizer()
    transformer = Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        joint_attention_dim=3 * WIDTH,
        guidance_embeds=False,
        **{**ROPE, "axes_dims_rope": (4, 4, 4, 4)},
    )
    return Flux2KleinPipeline(
        scheduler=_flow(),
        vae=vae,
        # The pipeline reads its ninth, 18th and 27th layer.
        text_encoder=Qwen3ForCausalLM(Qwen3Config(**_qwen_settings(tokenizer, 27))),
        tokenizer=tokenizer,
        transformer=transformer,
        is_distilled=True,
    )


def _qwen_image() -> QwenImagePipeline:
    vae = AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 2],
        num_res_blocks=1,
        temperal_downsample=[True],
        latents_mean=[0.1, -0.2, 0.3, -0.4],
        latents_std=[0.5, 1.0, 1.5, 2.0],
    )
    tokenizer = _qwen_tokenizer()
    vision = {"depth": 1, "hidden_size": WIDTH, "intermediate_size": WIDTH, "num_heads": 2, "out_hidden_size": WIDTH}
    text = {**_qwen_settings(tokenizer, 1), "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]}}
    transformer = QwenImageTransformer2DModel(
        in_channels=16, out_channels=4, num_layers=1, joint_attention_dim=WIDTH, **ROPE
    )
    return QwenImagePipeline(
        scheduler=_flow(),
        vae=vae,
        text_encoder=Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision)),
        tokenizer=tokenizer,
        transformer=transformer,
    )


def _z_image() -> ZImagePipeline:
    tokenizer = _qwen_tokenizer()
    transformer = ZImageTransformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=WIDTH,
        axes_dims=[4, 6, 6],
    )
    return ZImagePipeline(
        scheduler=_flow(),
        vae=make_autoencoder(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=Qwen3Model(Qwen3Config(**_qwen_settings(tokenizer, 2))),
        tokenizer=tokenizer,
        transformer=transformer,
    )
