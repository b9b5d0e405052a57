"""The inpainting model: a 9-channel latent UNet with its text encoder, for grounds and for object removal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.manifests.canonical import file_digest
from editmill.packs.tabletop.training.autoencoder import SIZE, to_tensor
from editmill.packs.tabletop.training.diffusion import (
    FACTOR,
    LATENT_SIDE,
    WEIGHTS,
    DiffusionNetwork,
    LatentEncoder,
    add_noise,
    drop_captions,
    make_scheduler,
    save_pipeline,
    stored_state,
    tokenise,
    weighted_error,
)
from editmill.packs.tabletop.training.rows import RowStore
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.tokenizer import MAX_LENGTH, make_tokenizer
from editmill.packs.tabletop.world import Scene
from editmill.packs.tabletop.world.captions import OPENINGS, ground_phrase, scene_caption
from editmill.packs.tabletop.world.scene import scene_rng

KNOWN_WEIGHT = 0.25
# The prompt with which the pack removes objects.
EMPTY = "an empty background"
EMPTY_OPENINGS = (*OPENINGS, f"{EMPTY} of ")


def random_blob(rng: np.random.Generator) -> Feature:
    """Return a random smooth region, bool [SIZE, SIZE]: an ellipse, a box or a thresholded noise blob."""
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
        cv2.rectangle(
            canvas, (centre[0] - axes[0], centre[1] - axes[1]), (centre[0] + axes[0], centre[1] + axes[1]), 1, -1
        )
    return canvas > 0


def _dilate(mask: Mask, radius: int) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def _removal(scene: Scene, rng: np.random.Generator) -> tuple[Mask, Picture]:
    """Return a hole over the main object, or a random hole, and the picture with clean ground inside it."""
    hole = random_blob(rng) if rng.random() < 0.2 else _dilate(scene.alphas[0] > 0, int(rng.integers(2, 12)))
    return hole, np.where(hole[..., None], scene.clean, scene.image)


def _removal_caption(ground: str, rng: np.random.Generator) -> str:
    kind = rng.random()
    return "" if kind < 0.3 else EMPTY if kind < 0.75 else _ground_caption(ground, rng)


def _ground_caption(ground: str, rng: np.random.Generator) -> str:
    return EMPTY_OPENINGS[int(rng.integers(len(EMPTY_OPENINGS)))] + ground


def _around_objects(scene: Scene, ground: str, rng: np.random.Generator) -> tuple[Mask, Picture, str]:
    """Return everything but the objects is open; the caption names the ground, and now and then the objects too."""
    known = np.max(scene.alphas, axis=0) > 0.5
    named = scene_caption([item.phrase() for item in scene.objects], ground, rng)
    return scene.image, ~known, named if rng.random() < 0.3 else _ground_caption(ground, rng)


def _object(scene: Scene, ground: str, rng: np.random.Generator) -> tuple[Mask, Picture, str]:
    """Return a hole over the main object, which the caption names."""
    caption = scene_caption([item.phrase() for item in scene.objects], ground, rng)
    return scene.image, _dilate(scene.alphas[0] > 0, int(rng.integers(4, 24))), caption


def training_example(index: int) -> tuple[Picture, Mask, str]:
    """Return target picture (uint8 RGB), open region (bool) and caption of training example ``index``.

    Objects are in an open region's target only when the caption names them: otherwise the model learns to add some on
    its own.
    """
    scene = train_scene(index)
    rng = scene_rng("train", index, "inpaint")
    ground = ground_phrase(scene.ground, rng)
    kind = rng.random()
    if kind < 0.4:
        hole, target = _removal(scene, rng)
        return target, hole, _removal_caption(ground, rng)
    if kind < 0.75:
        return _around_objects(scene, ground, rng)
    if kind < 0.85:
        return _object(scene, ground, rng)
    hole = ~random_blob(rng) if kind < 0.92 else np.ones((SIZE, SIZE), bool)
    return scene.clean, hole, _ground_caption(ground, rng)


def start_from(network: DiffusionNetwork, folder: Path) -> DiffusionNetwork:
    """Give a nine-channel network the weights of an earlier one, or of a text-to-image model: what its first layer
    lacks starts at zero.
    """
    state = stored_state(folder)
    given = state["unet.conv_in.weight"]
    first = torch.zeros_like(network.unet.conv_in.weight)
    first[:, : given.shape[1]] = given
    network.load_state_dict({**state, "unet.conv_in.weight": first})
    return network


class LatentCache(RowStore):
    """Encoded examples."""

    def __init__(self, folder: Path, count: int) -> None:
        side = (LATENT_SIDE, LATENT_SIDE)
        columns = {
            "latents": (np.float16, (8, *side)),
            "mask": (np.uint8, (1, *side)),
            "tokens": (np.int16, (MAX_LENGTH,)),
        }
        super().__init__(folder, count, columns)

    def tensors(self, indices: list[int]) -> dict[str, Tensor] | None:
        """Return target and masked latents [n, 8, h, w], masks [n, 1, h, w] and token ids [n, length], if all are
        there.
        """
        rows = self.read(indices)
        if rows is None:
            return None
        latents, mask, tokens = (torch.from_numpy(rows[name]) for name in ("latents", "mask", "tokens"))
        return {"latents": latents.float(), "mask": mask.float(), "tokens": tokens.long()}

    def keep(self, indices: list[int], encoded: dict[str, Tensor]) -> None:
        """Write encoded examples."""
        self.write(indices, {name: value.float().cpu().numpy() for name, value in encoded.items()})


class InpaintTask:
    """Mask-weighted v-prediction, starting from the text-to-image model or from an earlier result."""

    name = "inpaint"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.998

    def __init__(
        self,
        *,
        steps: int = 1000,
        size: int = 64,
        examples: int = 15360,
        cache: Path = Path("runs/tabletop/inpaint"),
        autoencoder: Path = WEIGHTS / "autoencoder",
        start: Path | None = WEIGHTS / "text_to_image",
    ) -> None:
        self.steps, self.size, self.examples, self.start = steps, size, examples, start
        self.scheduler, self.tokenizer = make_scheduler(), make_tokenizer()
        self.encoder = LatentEncoder(autoencoder)
        # Latents of another autoencoder would train the model on the wrong space.
        digest = file_digest(autoencoder / "diffusion_pytorch_model.safetensors")[:12]
        self.cache = LatentCache(cache / f"latents-{digest}", examples)

    def module(self) -> nn.Module:
        network = DiffusionNetwork(self.tokenizer, channels=9)
        return start_from(network, self.start) if self.start else network

    def batch(self, step: int) -> dict[str, Any]:
        indices = [(step * self.size + i) % self.examples for i in range(self.size)]
        cached = self.cache.tensors(indices)
        if cached is not None:
            return cached
        images, holes, captions = zip(*(training_example(index) for index in indices), strict=True)
        return {
            "indices": indices,
            "image": torch.stack([to_tensor(image) for image in images]),
            "hole": torch.stack([torch.from_numpy(hole)[None].float() for hole in holes]),
            "tokens": tokenise(self.tokenizer, list(captions)),
        }

    def _encode(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        image, hole = batch["image"], batch["hole"]
        # The pipeline too shows grey, 0 in [-1, 1], where the hole is.
        latents = [self.encoder(part) for part in (image, image * (hole < 0.5))]
        encoded = {
            "latents": torch.cat(latents, dim=1),
            # The nearest pixel, as the pipeline shrinks its masks.
            "mask": F.interpolate(hole, scale_factor=1 / FACTOR),
            "tokens": batch["tokens"],
        }
        self.cache.keep(batch["indices"], encoded)
        return encoded

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        encoded = self._encode(batch) if "image" in batch else batch
        target, masked = encoded["latents"].float().chunk(2, dim=1)
        mask = encoded["mask"]
        noisy, velocity, timesteps = add_noise(self.scheduler, target, generator)
        tokens = drop_captions(encoded["tokens"], self.tokenizer, generator)
        predicted = module(torch.cat([noisy, mask, masked], dim=1), timesteps, tokens)
        return weighted_error(predicted, velocity, KNOWN_WEIGHT + (1 - KNOWN_WEIGHT) * mask), {}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, DiffusionNetwork)
        save_pipeline(module, self.scheduler, folder, name="StableDiffusionInpaintPipeline")
