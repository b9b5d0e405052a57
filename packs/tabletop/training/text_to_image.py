"""The text-to-image model: a 4-channel latent UNet with its text encoder, for whole scenes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTokenizer

from editmill.manifests.arrays import Feature, Mask
from editmill.manifests.canonical import file_digest
from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.training.diffusion import (
    LATENT_SIDE,
    WEIGHTS,
    DiffusionNetwork,
    LatentEncoder,
    add_noise,
    drop_captions,
    make_scheduler,
    save_pipeline,
    shrink,
    stored_state,
    tokenise,
    weighted_error,
)
from editmill.packs.tabletop.training.rows import RowStore
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.tokenizer import make_tokenizer
from editmill.packs.tabletop.training.views import empty_view
from editmill.packs.tabletop.world.captions import ground_phrase, scene_caption
from editmill.packs.tabletop.world.scene import Scene, ScenePlan, plan_scene, render_scene, scene_rng

EMPTY_SHARE = 0.05
OBJECT_WEIGHT = 4.0
OPTIONAL = ("size", "finish")
# One object stands upright but for this angle in radians, as in most photographs. Free turns need many times the
# training: a network must first tell from noise how an object lies before it can draw it.
TILT = float(np.radians(10))
# Every other step shows crops of half the side around single objects: four times the objects for the same work, since
# shapes are what is hard.
FRAMES_EVERY = 2
CROP = LATENT_SIDE // 2
CROPS_PER_PICTURE = 3
SHAPE_SHARE = 0.5
SHAPE_WEIGHT = 0.5
# Equal turns that leave an object looking the same; 0 for any turn.
SYMMETRIES = {"ball": 0, "ring": 0, "cube": 3, "star": 5}


def is_empty(index: int) -> bool:
    """Return whether example ``index`` shows the bare ground."""
    return float(scene_rng("train", index, "text-to-image").random()) < EMPTY_SHARE


def random_caption(plan: ScenePlan, rng: np.random.Generator, *, empty: bool) -> str:
    """Return a wording of the scene; size and finish are left out half of the time, colour now and then."""
    ground = ground_phrase(plan.ground, rng)
    if empty:
        return scene_caption([], ground, rng)
    kept = tuple(name for name in OPTIONAL if rng.random() < 0.5)
    if rng.random() < 0.93:
        kept = (*kept, "colour")
    phrases = [item.phrase(attributes=kept) for item in plan.objects]
    return scene_caption(phrases, ground, rng)


class LatentTable(RowStore):
    """Latents of training pictures with their object coverage."""

    def __init__(self, folder: Path, count: int) -> None:
        side = (LATENT_SIDE, LATENT_SIDE)
        super().__init__(folder, count, {"latents": (np.float16, (4, *side)), "cover": (np.uint8, (1, *side))})

    def tensors(self, indices: list[int]) -> dict[str, Tensor] | None:
        """Return latents [n, 4, h, w] and object coverage [n, 1, h, w] in [0, 1], if all are there."""
        rows = self.read(indices)
        if rows is None:
            return None
        return {
            "latents": torch.from_numpy(rows["latents"]).float(),
            "cover": torch.from_numpy(rows["cover"]).float() / 255,
        }

    def keep(self, indices: list[int], latents: Tensor, cover: Tensor) -> None:
        """Write encoded examples."""
        self.write(indices, {"latents": latents.cpu().numpy(), "cover": (cover * 255).round().cpu().numpy()})


def object_coordinates(plan: ScenePlan) -> Feature:
    """Return where each latent lies in the frame of its nearest object: axes along the object's own, in radii, float32
    [2, h, w].

    A turn that leaves the object as it is does not turn its axes. What an object's latents look like follows from these
    coordinates and its attributes, so a network that can tell them has understood the shape.
    """
    axis = (np.arange(LATENT_SIDE, dtype=np.float32) + 0.5) / LATENT_SIDE
    offsets = [
        np.stack(np.broadcast_arrays(axis[None, :] - x, axis[:, None] - y)) / item.radius
        for item in plan.objects
        for x, y in [item.centre]
    ]
    nearest = np.argmin([np.hypot(*offset) for offset in offsets], axis=0)
    turned = []
    for item, (right, down) in zip(plan.objects, offsets, strict=True):
        symmetry = SYMMETRIES.get(item.name, 1)
        angle = item.angle % (2 * np.pi / symmetry) if symmetry else 0.0
        turned.append(
            np.stack([np.cos(angle) * right - np.sin(angle) * down, np.sin(angle) * right + np.cos(angle) * down])
        )
    return np.where(nearest == 0, turned[0], turned[-1]).astype(np.float32).clip(-1.5, 1.5)


def coverage(scene: Scene) -> Mask:
    """Return what share of each pixel objects cover, float32 [H, W] in [0, 1]."""
    return np.max(scene.alphas, axis=0) if scene.alphas else np.zeros(scene.image.shape[:2], np.float32)


def standing(plan: ScenePlan) -> ScenePlan:
    """Return the plan with its main object alone, turned by at most ``TILT`` from standing upright."""
    item = plan.objects[0]
    return replace(plan, objects=(replace(item, angle=(item.angle / np.pi - 1) * TILT),))


class ShapeNetwork(DiffusionNetwork):
    """The network with heads, which only training uses, that read the objects' shapes from features inside of the
    UNet.
    """

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__(tokenizer, channels=4)
        widths = self.unet.config.block_out_channels[::-1][:2]
        self.heads = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(16, width), nn.SiLU(), nn.Conv2d(width, 3, 1)) for width in widths
        )
        self.features: list[Tensor] = []
        for block in self.unet.up_blocks[:2]:
            block.register_forward_hook(lambda _, inputs, output: self.features.append(output))

    def forward(self, sample: Tensor, timesteps: Tensor, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:  # type: ignore[override]
        """Return the predicted velocity, float32 [n, 4, h, w], and what each head reads: coverage and object
        coordinates,
        float32 [n, 3, h or h / 2, ...].
        """
        self.features.clear()
        velocity = super().forward(sample, timesteps, tokens)
        return velocity, [
            head(feature.float()).float() for head, feature in zip(self.heads, self.features, strict=True)
        ]


def shape_error(read: Tensor, shape: Tensor) -> Tensor:
    """Return the squared error of coverage everywhere, and of coordinates where the objects are.

    Args:
        read: What a head says, float [n, 3, h, w].
        shape: Coverage in [0, 1] and coordinates, float [n, 3, H, W]; averaged to the head's size.
    """
    # Weighted by coverage while averaging: coordinates of bare ground mean nothing.
    shape = F.adaptive_avg_pool2d(
        torch.cat([shape[:, :1], shape[:, 1:] * shape[:, :1]], dim=1), (read.shape[-2], read.shape[-1])
    )
    cover = shape[:, :1]
    coordinates = shape[:, 1:] / cover.clamp(min=0.05)
    placed = ((read[:, 1:] - coordinates).square() * cover).sum() / cover.sum().clamp(min=1)
    return 4 * (read[:, :1] - cover).square().mean() + placed


class TextToImageTask:
    """v-prediction with more weight on objects; 10 % of the captions are dropped for classifier-free guidance.

    Args:
        steps: Training steps.
        size: Whole pictures per step.
        examples: How many training scenes there are; later ones wrap around.
        cache: Folder for the scenes' latents.
        autoencoder: Weights folder of the autoencoder.
        start: Weights folder to go on from.
    """

    name = "text_to_image"
    lr, adam_lr, ema = 3e-3, 1e-3, 0.998
    turned = False

    def __init__(
        self,
        *,
        steps: int = 4800,
        size: int = 32,
        examples: int = 12288,
        cache: Path = Path("runs/tabletop/text_to_image"),
        autoencoder: Path = WEIGHTS / "autoencoder",
        start: Path | None = None,
    ) -> None:
        self.steps, self.size, self.examples, self.start = steps, size, examples, start
        self.scheduler, self.tokenizer = make_scheduler(), make_tokenizer()
        self.encoder = LatentEncoder(autoencoder)
        # Latents of another autoencoder would train the model on the wrong space.
        digest = file_digest(autoencoder / "diffusion_pytorch_model.safetensors")[:12]
        self.table = LatentTable(cache / f"{'turned' if self.turned else 'standing'}-{digest}", examples)

    def module(self) -> nn.Module:
        network = ShapeNetwork(self.tokenizer)
        if self.start:
            # Saved pipelines have no heads; those stay as they were made.
            network.load_state_dict({**network.state_dict(), **stored_state(self.start)})
        return network

    def plan(self, index: int) -> ScenePlan:
        """Return what example ``index`` shows, unless it is empty: the whole scene where ``turned``, else its main
        object, standing.
        """
        plan = plan_scene("train", index)
        return plan if self.turned else standing(plan)

    def scene(self, index: int) -> Scene:
        """Return example ``index``, rendered."""
        scene = train_scene(index) if self.turned else render_scene(self.plan(index), "train", index)
        return empty_view(scene) if is_empty(index) else scene

    def batch(self, step: int) -> dict[str, Any]:
        return self._cropped(step) if step % FRAMES_EVERY else self.frames(step)

    def indices(self, step: int) -> list[int]:
        """Return the examples of a step of whole pictures."""
        return [(step * self.size + i) % self.examples for i in range(self.size)]

    def frames(self, step: int) -> dict[str, Any]:
        """Return whole pictures: latents (or pictures that are not encoded yet), object coverage and tokens."""
        indices = self.indices(step)
        plans = [self.plan(index) for index in indices]
        captions = [
            # Numbered on, so that a scene gets another caption each time that it comes round.
            random_caption(plan, scene_rng("train", number, "caption"), empty=is_empty(index))
            for number, (index, plan) in enumerate(zip(indices, plans, strict=True), start=step * self.size)
        ]
        places = torch.from_numpy(np.stack([object_coordinates(plan) for plan in plans]))
        return {
            **(self.table.tensors(indices) or self._pictures(indices)),
            "places": places,
            "tokens": tokenise(self.tokenizer, captions),
        }

    def _cropped(self, step: int) -> dict[str, Any]:
        """Return crops [n, 4, h/2, w/2] around the objects of scenes with one object.

        Whole pictures as long as the table lacks some.
        """
        rng = scene_rng("train", step, "crops")
        indices: list[int] = []
        captions: list[str] = []
        windows: list[Feature] = []
        places: list[Feature] = []
        while len(indices) < self.size * CROPS_PER_PICTURE:
            index = int(rng.integers(self.examples))
            plan = self.plan(index)
            if len(plan.objects) == 1 and not is_empty(index):
                indices.append(index)
                captions.append(random_caption(plan, rng, empty=False))
                middle = np.asarray(plan.objects[0].centre) * LATENT_SIDE - CROP / 2 + rng.uniform(-3, 3, 2)
                places.append(object_coordinates(plan))
                windows.append(np.rint(middle).clip(0, LATENT_SIDE - CROP).astype(int))
        encoded = self.table.tensors(indices)
        if encoded is None:
            return self.frames(step)
        encoded["places"] = torch.from_numpy(np.stack(places))
        cut = {
            name: torch.stack([value[i, :, y : y + CROP, x : x + CROP] for i, (x, y) in enumerate(windows)])
            for name, value in encoded.items()
        }
        return {**cut, "tokens": tokenise(self.tokenizer, captions)}

    def _pictures(self, indices: list[int]) -> dict[str, Any]:
        scenes = [self.scene(index) for index in indices]
        covers = torch.stack([torch.from_numpy(coverage(scene))[None] for scene in scenes])
        return {
            "indices": indices,
            "image": torch.stack([to_tensor(scene.image) for scene in scenes]),
            "cover": shrink(covers),
        }

    def encoded(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the batch with latents, from the table or freshly encoded."""
        if "latents" in batch:
            return batch
        latents = self.encoder(batch["image"])
        self.table.keep(batch["indices"], latents, batch["cover"])
        return {**batch, "latents": latents}

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        batch = self.encoded(batch)
        noisy, velocity, timesteps = add_noise(
            self.scheduler, batch["latents"].float(), generator, shape_share=SHAPE_SHARE
        )
        predicted, read = module(noisy, timesteps, drop_captions(batch["tokens"], self.tokenizer, generator))
        shape = torch.cat([batch["cover"], batch["places"]], dim=1)
        shapes = torch.stack([shape_error(one, shape) for one in read]).sum()
        figures = {"plain": (predicted - velocity).square().mean().item(), "shapes": shapes.item()}
        return weighted_error(predicted, velocity, 1 + OBJECT_WEIGHT * batch["cover"]) + SHAPE_WEIGHT * shapes, figures

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, DiffusionNetwork)
        save_pipeline(module, self.scheduler, folder, name="StableDiffusionPipeline")
