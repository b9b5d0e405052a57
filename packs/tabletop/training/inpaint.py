"""The inpainting model: a 9-channel latent UNet with its text encoder, for grounds and for object removal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from manifests.canonical import file_digest
from packs.tabletop.training.autoencoder import SIZE, to_tensor
from packs.tabletop.training.tokenizer import MAX_LENGTH, make_tokenizer, save_tokenizer
from packs.tabletop.world import Scene, make_scene
from packs.tabletop.world.captions import OPENINGS, ground_phrase, scene_caption
from packs.tabletop.world.scene import scene_rng

Array = np.ndarray
WEIGHTS = Path(__file__).parent.parent / "weights"
FACTOR = 4
WIDTH = 128
CAPTION_DROP = 0.1
KNOWN_WEIGHT = 0.1
EMPTY_OPENINGS = (*OPENINGS, "an empty background of ")


def make_scheduler() -> DDIMScheduler:
    """v-prediction with zero terminal signal and trailing spacing, so that generation starts from pure noise."""
    return DDIMScheduler(
        num_train_timesteps=1000, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
        set_alpha_to_one=True, steps_offset=1, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing",
    )


def random_blob(rng: np.random.Generator) -> Array:
    """A random smooth region, bool [SIZE, SIZE]: an ellipse, a box or a thresholded noise blob."""
    kind = rng.random()
    if kind < 0.4:
        noise = cv2.resize(rng.random((5, 5), dtype=np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        return noise > np.quantile(noise, rng.uniform(0.55, 0.95))
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    centre = tuple(int(v) for v in rng.integers(0, SIZE, 2))
    axes = tuple(int(v) for v in rng.integers(8, SIZE // 2, 2))
    if kind < 0.75:
        cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    else:
        cv2.rectangle(canvas, (centre[0] - axes[0], centre[1] - axes[1]), (centre[0] + axes[0], centre[1] + axes[1]), 1, -1)
    return canvas > 0


def _dilate(mask: Array, radius: int) -> Array:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def _removal(scene: Scene, rng: np.random.Generator) -> tuple[Array, Array]:
    """A hole over the main object, or a random hole, and the picture with clean ground inside it."""
    hole = random_blob(rng) if rng.random() < 0.2 else _dilate(scene.alphas[0] > 0, int(rng.integers(2, 12)))
    return hole, np.where(hole[..., None], scene.clean, scene.image)


def _ground(scene: Scene, rng: np.random.Generator) -> tuple[Array, Array]:
    """Everything but the objects (or but a random region) is open."""
    known = random_blob(rng) if rng.random() < 0.2 else np.max(scene.alphas, axis=0) > 0.5
    return ~known, scene.image


def training_example(index: int) -> tuple[Array, Array, str]:
    """Target picture (uint8 RGB), open region (bool) and caption of training example ``index``."""
    scene = make_scene("train", index, size=SIZE)
    rng = scene_rng("train", index, "inpaint")
    ground = ground_phrase(scene.ground, rng)
    caption = EMPTY_OPENINGS[int(rng.integers(len(EMPTY_OPENINGS)))] + ground
    kind = rng.random()
    if kind < 0.4:
        hole, target = _removal(scene, rng)
        return target, hole, caption if rng.random() < 0.3 else ""
    if kind < 0.9:
        hole, target = _ground(scene, rng)
        full = scene_caption([item.phrase() for item in scene.objects], ground, rng)
        return target, hole, full if rng.random() < 0.3 else caption
    return scene.clean, np.ones((SIZE, SIZE), bool), caption


class InpaintNetwork(nn.Module):
    """UNet and text encoder, trained jointly."""

    def __init__(self, vocabulary: int, bos: int, eos: int) -> None:
        super().__init__()
        self.text = CLIPTextModel(CLIPTextConfig(
            vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=MAX_LENGTH, bos_token_id=bos, eos_token_id=eos, pad_token_id=eos, projection_dim=WIDTH,
        ))
        self.unet = UNet2DConditionModel(
            sample_size=SIZE // FACTOR, in_channels=9, out_channels=4, layers_per_block=1, block_out_channels=(64, 128, 192),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=WIDTH, attention_head_dim=4, norm_num_groups=16,
        )
        # On the CPU the fused attention's backward pass takes a quarter of a step; the plain one is several times faster.
        self.unet.set_attn_processor(AttnProcessor())


# The autoencoder lies in a folder of its own, since other pipelines share it; pass it as ``vae`` when loading.
PIPELINE = {
    "_class_name": "StableDiffusionInpaintPipeline", "_diffusers_version": "0.42.1",
    "vae": ["diffusers", "AutoencoderKL"], "unet": ["diffusers", "UNet2DConditionModel"], "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "safety_checker": [None, None], "feature_extractor": [None, None], "image_encoder": [None, None], "requires_safety_checker": False,
}


class LatentCache:
    """Encoded examples on disk, so that later epochs skip rendering and encoding."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        side = SIZE // FACTOR
        self.latents = self._open(folder / "latents.f16", np.float16, (count, 8, side, side))
        self.masks = self._open(folder / "masks.u8", np.uint8, (count, side, side))
        self.tokens = self._open(folder / "tokens.i16", np.int16, (count, MAX_LENGTH))

    @staticmethod
    def _open(path: Path, dtype: type, shape: tuple[int, ...]) -> Array:
        return np.memmap(path, dtype, "r+" if path.exists() else "w+", shape=shape)

    def read(self, indices: list[int]) -> dict[str, Tensor] | None:
        """Target and masked latents [n, 8, h, w], masks [n, 1, h, w] and token ids [n, length], if all are there."""
        tokens = self.tokens[indices].astype(np.int64)
        if not tokens.any(axis=1).all():
            return None
        return {
            "latents": torch.from_numpy(self.latents[indices].astype(np.float32)),
            "mask": torch.from_numpy(self.masks[indices].astype(np.float32))[:, None],
            "tokens": torch.from_numpy(tokens),
        }

    def write(self, indices: list[int], encoded: dict[str, Tensor]) -> None:
        """Keep encoded examples; the tokens are written last, since they mark an example as present."""
        self.latents[indices] = encoded["latents"].float().cpu().numpy().astype(np.float16)
        self.masks[indices] = encoded["mask"][:, 0].cpu().numpy().astype(np.uint8)
        self.tokens[indices] = encoded["tokens"].cpu().numpy().astype(np.int16)


class InpaintTask:
    """Mask-weighted v-prediction; 10 % of the captions are dropped for classifier-free guidance."""

    name = "inpaint"
    lr, adam_lr, ema = 3e-3, 1e-3, 0.998

    def __init__(
        self, *, steps: int = 1700, size: int = 32, examples: int = 10240, cache: Path = Path("runs/tabletop/inpaint"),
        autoencoder: Path = WEIGHTS / "autoencoder",
    ) -> None:
        self.steps, self.size, self.examples = steps, size, examples
        self.scheduler, self.tokenizer = make_scheduler(), make_tokenizer()
        self.autoencoder = autoencoder
        # Latents of another autoencoder would train the model on the wrong space.
        weights = autoencoder / "diffusion_pytorch_model.safetensors"
        self.cache = LatentCache(cache / f"latents-{file_digest(weights)[:12]}", examples)
        self.vae: AutoencoderKL | None = None

    def module(self) -> nn.Module:
        return InpaintNetwork(len(self.tokenizer), self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)

    def batch(self, step: int) -> dict[str, Any]:
        indices = [(step * self.size + i) % self.examples for i in range(self.size)]
        cached = self.cache.read(indices)
        if cached is not None:
            return cached
        images, holes, captions = zip(*(training_example(index) for index in indices), strict=True)
        return {
            "indices": indices,
            "image": torch.stack([to_tensor(image) for image in images]),
            "hole": torch.stack([torch.from_numpy(hole)[None].float() for hole in holes]),
            "tokens": self.tokenizer(list(captions), padding="max_length", max_length=MAX_LENGTH, return_tensors="pt").input_ids,
        }

    @torch.no_grad()
    def _encode(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        image, hole = batch["image"], batch["hole"]
        if self.vae is None:
            self.vae = AutoencoderKL.from_pretrained(self.autoencoder).to(image.device, memory_format=torch.channels_last)
        scale = self.vae.config.scaling_factor
        latents = [self.vae.encode(part).latent_dist.mean * scale for part in (image, image * (hole < 0.5))]
        encoded = {"latents": torch.cat(latents, dim=1), "mask": F.interpolate(hole, scale_factor=1 / FACTOR), "tokens": batch["tokens"]}
        self.cache.write(batch["indices"], encoded)
        return encoded

    def _drop_captions(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        empty = torch.full_like(tokens[0], self.tokenizer.eos_token_id)
        empty[0] = self.tokenizer.bos_token_id
        dropped = torch.rand(len(tokens), generator=generator) < CAPTION_DROP
        return torch.where(dropped[:, None].to(tokens.device), empty, tokens)

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        encoded = self._encode(batch) if "image" in batch else batch
        target, masked = encoded["latents"].float().chunk(2, dim=1)
        mask = encoded["mask"]
        timesteps = torch.randint(0, 1000, (len(target),), generator=generator).to(target.device)
        noise = torch.randn(target.shape, generator=generator).to(target.device)
        noisy = self.scheduler.add_noise(target, noise, timesteps)
        velocity = self.scheduler.get_velocity(target, noise, timesteps)
        text = module.text(self._drop_captions(encoded["tokens"], generator)).last_hidden_state
        predicted = module.unet(torch.cat([noisy, mask, masked], dim=1), timesteps, text).sample.float()
        weight = KNOWN_WEIGHT + (1 - KNOWN_WEIGHT) * mask
        error = (predicted - velocity).square() * weight
        return error.sum() / (weight.sum() * 4), {}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, InpaintNetwork)
        module.unet.to(torch.float16).save_pretrained(folder / "unet")
        module.text.to(torch.float16).save_pretrained(folder / "text_encoder")
        self.scheduler.save_pretrained(folder / "scheduler")
        save_tokenizer(folder / "tokenizer")
        (folder / "model_index.json").write_text(json.dumps(PIPELINE, indent=2) + "\n")
