"""The text-to-image model: a 4-channel latent UNet with its text encoder, for whole scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from manifests.canonical import file_digest
from packs.tabletop.training.autoencoder import to_tensor
from packs.tabletop.training.diffusion import (
    LATENT_SIDE,
    WEIGHTS,
    DiffusionNetwork,
    LatentEncoder,
    add_noise,
    drop_captions,
    make_scheduler,
    save_pipeline,
    shrink,
    tokenise,
    weighted_error,
)
from packs.tabletop.training.store import train_scene
from packs.tabletop.training.tokenizer import make_tokenizer
from packs.tabletop.world.captions import ground_phrase, scene_caption
from packs.tabletop.world.scene import ScenePlan, plan_scene, scene_rng

Array = np.ndarray
EMPTY_SHARE = 0.05
OBJECT_WEIGHT = 4.0
OPTIONAL = ("size", "finish")
# Every other step shows crops of half the side around single objects: four times the objects for the same work, since shapes are what is hard.
CROP = LATENT_SIDE // 2
CROPS_PER_PICTURE = 3
SHAPE_SHARE = 0.5


def is_empty(index: int) -> bool:
    """Whether example ``index`` shows the bare ground."""
    return float(scene_rng("train", index, "text-to-image").random()) < EMPTY_SHARE


def random_caption(plan: ScenePlan, rng: np.random.Generator, *, empty: bool) -> str:
    """A wording of the scene; size and finish are left out half of the time, colour now and then."""
    ground = ground_phrase(plan.ground, rng)
    if empty:
        return scene_caption([], ground, rng)
    kept = tuple(name for name in OPTIONAL if rng.random() < 0.5)
    if rng.random() < 0.93:
        kept = (*kept, "colour")
    phrases = [item.phrase(attributes=kept) for item in plan.objects]
    return scene_caption(phrases, ground, rng)


class LatentTable:
    """Latents of training pictures with their object coverage on disk, so that later epochs skip rendering and encoding."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.latents = self._open(folder / "latents.f16", np.float16, (count, 4, LATENT_SIDE, LATENT_SIDE))
        self.cover = self._open(folder / "cover.u8", np.uint8, (count, LATENT_SIDE, LATENT_SIDE))
        self.present = self._open(folder / "present.u8", np.uint8, (count,))

    @staticmethod
    def _open(path: Path, dtype: type, shape: tuple[int, ...]) -> Array:
        return np.memmap(path, dtype, "r+" if path.exists() else "w+", shape=shape)

    def read(self, indices: list[int]) -> dict[str, Tensor] | None:
        """Latents [n, 4, h, w] and object coverage [n, 1, h, w], if all are there."""
        if not self.present[indices].all():
            return None
        return {
            "latents": torch.from_numpy(self.latents[indices].astype(np.float32)),
            "cover": torch.from_numpy(self.cover[indices].astype(np.float32))[:, None] / 255,
        }

    def write(self, indices: list[int], latents: Tensor, cover: Tensor) -> None:
        """Keep encoded examples; the flag is written last, since it marks an example as present."""
        self.latents[indices] = latents.cpu().numpy().astype(np.float16)
        self.cover[indices] = (cover[:, 0] * 255).round().cpu().numpy().astype(np.uint8)
        self.present[indices] = 1


class TextToImageTask:
    """v-prediction with more weight on objects; 10 % of the captions are dropped for classifier-free guidance."""

    name = "text_to_image"
    lr, adam_lr, ema = 3e-3, 1e-3, 0.998

    def __init__(
        self, *, steps: int = 4800, size: int = 32, crops: bool = True, examples: int = 12288, cache: Path = Path("runs/tabletop/text_to_image"),
        autoencoder: Path = WEIGHTS / "autoencoder",
    ) -> None:
        self.steps, self.size, self.crops, self.examples = steps, size, crops, examples
        self.scheduler, self.tokenizer = make_scheduler(), make_tokenizer()
        self.encoder = LatentEncoder(autoencoder)
        # Latents of another autoencoder would train the model on the wrong space.
        digest = file_digest(autoencoder / "diffusion_pytorch_model.safetensors")[:12]
        self.table = LatentTable(cache / f"latents-{digest}", examples)

    def module(self) -> nn.Module:
        return DiffusionNetwork(self.tokenizer, channels=4)

    def batch(self, step: int) -> dict[str, Any]:
        if step % 2 and self.crops:
            return self._cropped(step)
        return self.frames(step)

    def frames(self, step: int) -> dict[str, Any]:
        """Whole pictures: latents (or pictures that are not encoded yet), object coverage and tokens."""
        numbers = [step * self.size + i for i in range(self.size)]
        indices = [number % self.examples for number in numbers]
        captions = [
            random_caption(plan_scene("train", index), scene_rng("train", number, "caption"), empty=is_empty(index))
            for number, index in zip(numbers, indices, strict=True)
        ]
        return {**self._read(indices), "tokens": tokenise(self.tokenizer, captions)}

    def _read(self, indices: list[int]) -> dict[str, Any]:
        return self.table.read(indices) or self._pictures(indices)

    def _cropped(self, step: int) -> dict[str, Any]:
        """Crops [n, 4, h/2, w/2] around the objects of scenes with one object; whole pictures as long as the table lacks some."""
        rng = scene_rng("train", step, "crops")
        indices: list[int] = []
        captions: list[str] = []
        windows: list[Array] = []
        while len(indices) < self.size * CROPS_PER_PICTURE:
            index = int(rng.integers(self.examples))
            plan = plan_scene("train", index)
            if len(plan.objects) == 1 and not is_empty(index):
                indices.append(index)
                captions.append(random_caption(plan, rng, empty=False))
                middle = np.asarray(plan.objects[0].centre) * LATENT_SIDE - CROP / 2 + rng.uniform(-3, 3, 2)
                windows.append(np.rint(middle).clip(0, LATENT_SIDE - CROP).astype(int))
        encoded = self.table.read(indices)
        if encoded is None:
            return self.frames(step)
        cut = {
            name: torch.stack([value[i, :, y : y + CROP, x : x + CROP] for i, (x, y) in enumerate(windows)]) for name, value in encoded.items()
        }
        return {**cut, "tokens": tokenise(self.tokenizer, captions)}

    @staticmethod
    def _pictures(indices: list[int]) -> dict[str, Any]:
        scenes = [(train_scene(index), is_empty(index)) for index in indices]
        covers = [np.max(scene.alphas, axis=0) * (not empty) for scene, empty in scenes]
        return {
            "indices": indices,
            "image": torch.stack([to_tensor(scene.clean if empty else scene.image) for scene, empty in scenes]),
            "cover": shrink(torch.stack([torch.from_numpy(cover)[None] for cover in covers]).float()),
        }

    def encoded(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch with latents, from the table or freshly encoded."""
        if "latents" in batch:
            return batch
        latents = self.encoder(batch["image"])
        self.table.write(batch["indices"], latents, batch["cover"])
        return {**batch, "latents": latents}

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        batch = self.encoded(batch)
        noisy, velocity, timesteps = add_noise(self.scheduler, batch["latents"].float(), generator, shape_share=SHAPE_SHARE)
        predicted = module(noisy, timesteps, drop_captions(batch["tokens"], self.tokenizer, generator))
        plain = (predicted - velocity).square().mean().item()
        return weighted_error(predicted, velocity, 1 + OBJECT_WEIGHT * batch["cover"]), {"plain": plain}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, DiffusionNetwork)
        save_pipeline(module, self.scheduler, folder, name="StableDiffusionPipeline")
