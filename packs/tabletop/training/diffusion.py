"""What the latent diffusion roles share: the network with its text encoder, the noise schedule, captions, and the
loss.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from editmill.packs.tabletop.training.store import SIZE
from editmill.packs.tabletop.training.tokenizer import MAX_LENGTH, save_tokenizer

WEIGHTS = Path(__file__).parent.parent / "weights"
FACTOR = 4
LATENT_SIDE = SIZE // FACTOR
WIDTH = 128
CAPTION_DROP = 0.1


def make_scheduler() -> DDIMScheduler:
    """Return v-prediction with zero terminal signal and trailing spacing, so that generation starts from pure noise."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        # The pipelines overwrite other values of this and of steps_offset, with a warning.
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


class DiffusionNetwork(nn.Module):
    """A latent UNet and its text encoder, trained jointly."""

    def __init__(self, tokenizer: CLIPTokenizer, *, channels: int) -> None:
        super().__init__()
        self.text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=WIDTH,
                intermediate_size=4 * WIDTH,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=MAX_LENGTH,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.eos_token_id,
                projection_dim=WIDTH,
            )
        )
        self.unet = UNet2DConditionModel(
            sample_size=LATENT_SIDE,
            in_channels=channels,
            out_channels=4,
            layers_per_block=1,
            block_out_channels=(64, 96, 128),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=WIDTH,
            attention_head_dim=4,
            norm_num_groups=16,
            # The pooled text joins the time embedding, so that the class reaches every block and not only those with
            # attention.
            addition_embed_type="text",
            addition_embed_type_num_heads=4,
        )
        use_plain_attention(self)
        run_norms_in_float32(self.unet)

    def forward(self, sample: Tensor, timesteps: Tensor, tokens: Tensor) -> Tensor:
        """Return the predicted velocity, float32 [n, 4, h, w]."""
        return self.unet(sample, timesteps, self.text(tokens).last_hidden_state).sample.float()


def stored_state(folder: Path) -> dict[str, Tensor]:
    """Return the weights of a ``DiffusionNetwork`` that was saved as a pipeline."""
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").state_dict()
    text = CLIPTextModel.from_pretrained(folder / "text_encoder").state_dict()
    return {f"unet.{name}": value for name, value in unet.items()} | {
        f"text.{name}": value for name, value in text.items()
    }


def use_plain_attention(network: Any) -> None:
    """On the CPU the fused attention's backward pass takes a quarter of a step.

    The plain one is several times faster.
    """
    network.unet.set_attn_processor(AttnProcessor())
    network.text.set_attn_implementation("eager")


def run_norms_in_float32(model: nn.Module) -> None:
    """Give every group norm float32 input under autocast: in bfloat16 its backward pass over channels-last pictures is
    ten times slower.
    """
    for module in model.modules():
        if isinstance(module, nn.GroupNorm):
            module.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))


def drop_captions(
    tokens: Tensor, tokenizer: CLIPTokenizer, generator: torch.Generator, *, share: float = CAPTION_DROP
) -> Tensor:
    """Replace a share of the captions by the empty one, for classifier-free guidance (Ho and Salimans, arXiv
    2207.12598).
    """
    empty = torch.full_like(tokens[0], tokenizer.eos_token_id)
    empty[0] = tokenizer.bos_token_id
    dropped = torch.rand(len(tokens), generator=generator) < share
    return torch.where(dropped[:, None].to(tokens.device), empty, tokens)


def tokenise(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Return token ids int64 [n, MAX_LENGTH]."""
    return tokenizer(captions, padding="max_length", max_length=MAX_LENGTH, return_tensors="pt").input_ids


def add_noise(
    scheduler: DDIMScheduler, target: Tensor, generator: torch.Generator, *, shape_share: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Return noisy latents, velocity and timesteps of clean latents.

    Timesteps are uniform, but for ``shape_share`` of them, which lie around 500 (normal, deviation 200): there shapes
    are decided.
    """
    timesteps = torch.randint(0, 1000, (len(target),), generator=generator)
    decisive = (500 + 200 * torch.randn(len(target), generator=generator)).long().clamp(0, 999)
    timesteps = torch.where(torch.rand(len(target), generator=generator) < shape_share, decisive, timesteps).to(
        target.device
    )
    # Drawn on the CPU, so that every device trains on the same noise.
    noise = torch.randn(target.shape, generator=generator).to(target.device)
    return scheduler.add_noise(target, noise, timesteps), scheduler.get_velocity(target, noise, timesteps), timesteps


def weighted_error(predicted: Tensor, velocity: Tensor, weight: Tensor) -> Tensor:
    """Return the squared error weighted per latent pixel; ``weight`` is [n, 1, h, w]."""
    return ((predicted - velocity).square() * weight).sum() / (weight.sum() * predicted.shape[1])


class LatentEncoder:
    """Pictures to scaled latents with the pack's autoencoder, loaded when first used."""

    def __init__(self, folder: Path = WEIGHTS / "autoencoder") -> None:
        self.folder = folder
        self.vae: AutoencoderKL | None = None

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Return float32 [n, 3, H, W] in [-1, 1] to float32 [n, 4, H/4, W/4] of unit variance."""
        if self.vae is None:
            self.vae = AutoencoderKL.from_pretrained(self.folder).to(images.device, memory_format=torch.channels_last)
        latents = [self.vae.encode(part).latent_dist.mean for part in torch.split(images, 32)]
        return torch.cat(latents).float() * self.vae.config.scaling_factor


def shrink(mask: Tensor) -> Tensor:
    """Return the mean of a mask [n, 1, H, W] over the pixels of each latent."""
    return F.avg_pool2d(mask, FACTOR)


def pipeline_index(name: str) -> str:
    """Return the model_index.json of a pipeline whose autoencoder lies in a folder of its own.

    Pass it as ``vae`` when loading.
    """
    return (
        json.dumps(
            {
                "_class_name": name,
                "_diffusers_version": "0.42.1",
                "vae": ["diffusers", "AutoencoderKL"],
                "unet": ["diffusers", "UNet2DConditionModel"],
                "scheduler": ["diffusers", "DDIMScheduler"],
                "text_encoder": ["transformers", "CLIPTextModel"],
                "tokenizer": ["transformers", "CLIPTokenizer"],
                "safety_checker": [None, None],
                "feature_extractor": [None, None],
                "image_encoder": [None, None],
                "requires_safety_checker": False,
            },
            indent=2,
        )
        + "\n"
    )


def save_pipeline(network: Any, scheduler: DDIMScheduler, folder: Path, *, name: str) -> None:
    """Write UNet, text encoder, tokenizer and scheduler in half precision as the diffusers pipeline ``name``."""
    network.unet.to(torch.float16).save_pretrained(folder / "unet")
    network.text.to(torch.float16).save_pretrained(folder / "text_encoder")
    scheduler.save_pretrained(folder / "scheduler")
    save_tokenizer(folder / "tokenizer")
    (folder / "model_index.json").write_text(pipeline_index(name))
