"""The zero-shot judge: a CLIPModel trained with a multi-positive contrastive loss and auxiliary attribute losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.training.recognition import ATTRIBUTES, attribute_loss, scene_truth
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.tokenizer import MAX_LENGTH, make_tokenizer, save_tokenizer
from editmill.packs.tabletop.training.views import composite_view, crop_around, empty_view, random_view, resize
from editmill.packs.tabletop.world import CLASSES, COLOURS, FINISHES, GROUNDS, Scene
from editmill.packs.tabletop.world.captions import OPENINGS, ground_phrase, object_phrase, scene_caption
from editmill.packs.tabletop.world.scene import scene_rng

SIDE = 96
WIDTH = 128
EMPTY_SHARE = 0.1
COMPOSITE_SHARE = 0.3
# Which attributes a caption mentions; a text fits every image that agrees in all of them.
MENTIONS: tuple[tuple[str, ...], ...] = (
    ("name",),
    ("name", "colour"),
    ("name", "colour", "finish"),
    ("name", "colour", "ground"),
    ("name", "ground"),
    ("name", "colour", "finish", "ground"),
    ("ground",),
    ("none",),
)


def judged_view(index: int, rng: np.random.Generator, side: int) -> tuple[Scene, np.ndarray, int]:
    """Return what a judge sees: an empty ground, a scene or a shadowless composite, as a whole frame or as a crop
    around an object.

    Returns:
        The scene, the view uint8 [side, side, 3] RGB, and the index of the object it centres on, or -1 for the whole
        frame. Whole frames hold one object at most, so that a caption of the main object is all there is to say.
    """
    scene = train_scene(index)
    kind = rng.random()
    if kind < EMPTY_SHARE:
        empty = empty_view(scene)
        view = (
            scene.clean
            if rng.random() < 0.5
            else crop_around(scene.clean, scene.boxes[0], margin=float(rng.uniform(0.05, 0.9)))
        )
        return empty, resize(view, side), -1
    if kind < EMPTY_SHARE + COMPOSITE_SHARE:
        scene = composite_view(scene, train_scene(index + int(rng.integers(1, 5000))), rng, turn=0.3)
    view, chosen = random_view(scene, rng, side, whole=0.5 if len(scene.objects) == 1 else 0.0)
    return scene, view, chosen


def caption_for(truth: dict[str, int], mentioned: tuple[str, ...], rng: np.random.Generator) -> str:
    """Return a caption of the grammar that mentions exactly ``mentioned``."""
    ground = ground_phrase(list(GROUNDS)[truth["ground"]], rng)
    if truth["name"] < 0 or mentioned in (("ground",), ("none",)):
        return "no object" if mentioned == ("none",) else scene_caption([], ground, rng)
    words = {
        "colour": list(COLOURS)[truth["colour"]] if "colour" in mentioned else "",
        "finish": FINISHES[truth["finish"]] if "finish" in mentioned else "",
    }
    phrase = object_phrase(CLASSES[truth["name"]], words["colour"], "", words["finish"])
    opening = OPENINGS[int(rng.integers(len(OPENINGS)))]
    return f"{opening}{phrase} on {ground}" if "ground" in mentioned else opening + phrase


class ZeroShotNetwork(nn.Module):
    """CLIP with linear heads that only training uses."""

    def __init__(self, vocabulary: int, bos: int, eos: int) -> None:
        super().__init__()
        tower = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_attention_heads": 4}
        self.clip = CLIPModel(
            CLIPConfig(
                text_config={
                    **tower,
                    "num_hidden_layers": 2,
                    "vocab_size": vocabulary,
                    "max_position_embeddings": MAX_LENGTH,
                    "bos_token_id": bos,
                    "eos_token_id": eos,
                    "pad_token_id": eos,
                },
                vision_config={
                    **tower,
                    "num_hidden_layers": 5,
                    "image_size": SIDE,
                    "patch_size": 8,
                    "projection_dim": WIDTH,
                },
                projection_dim=WIDTH,
            )
        )
        # On the CPU the fused attention's backward pass takes half of a step; the plain one is several times faster.
        self.clip.set_attn_implementation("eager")
        self.heads = nn.ModuleDict({name: nn.Linear(WIDTH, len(values)) for name, values in ATTRIBUTES.items()})


def fits(captioned: Tensor, mentioned: Tensor, truth: Tensor) -> Tensor:
    """Return which texts fit which images, bool [texts, images].

    All arguments are [n, attributes], ``captioned`` holds the texts' values.
    """
    equal = captioned[:, None, :] == truth[None, :, :]
    return (equal | ~mentioned[:, None, :]).all(dim=-1)


def multi_positive_loss(logits: Tensor, fit: Tensor) -> Tensor:
    """Return the contrastive loss in both directions, with all texts that fit an image and all images that fit a
    text as
    equal targets.

    Args:
        logits: float [texts, images].
        fit: Bool [texts, images], which texts fit which images.
    """
    target = fit.float()
    by_text = -(target / target.sum(1, keepdim=True) * logits.log_softmax(1)).sum(1).mean()
    return by_text - (target / target.sum(0, keepdim=True) * logits.log_softmax(0)).sum(0).mean()


class ZeroShotTask:
    """Exact multi-positive contrastive loss plus cross-entropy of each attribute on the projected image feature."""

    name = "zero_shot"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.998

    def __init__(self, *, steps: int = 2400, size: int = 64, start: Path | None = None) -> None:
        self.steps, self.size, self.start = steps, size, start
        self.tokenizer = make_tokenizer()

    def module(self) -> nn.Module:
        network = ZeroShotNetwork(len(self.tokenizer), self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        if self.start:
            network.clip.load_state_dict(CLIPModel.from_pretrained(self.start).state_dict())
        return network

    def _example(self, index: int) -> tuple[Tensor, list[int], list[bool], str]:
        rng = scene_rng("train", index, "zero-shot")
        scene, image, chosen = judged_view(index, rng, SIDE)
        truth = dict(zip(ATTRIBUTES, scene_truth(scene, max(chosen, 0)), strict=True))
        mentioned = (
            # The last two are all that can be said of a view without an object.
            MENTIONS[int(rng.integers(len(MENTIONS) - 1))] if truth["name"] >= 0 else MENTIONS[int(rng.integers(6, 8))]
        )
        flags = [name in mentioned for name in ATTRIBUTES]
        if mentioned == ("none",):
            flags = [True, False, False, False]
        return (
            to_tensor(np.ascontiguousarray(image)),
            [truth[name] for name in ATTRIBUTES],
            flags,
            caption_for(truth, mentioned, rng),
        )

    def batch(self, step: int) -> dict[str, Any]:
        images, truths, flags, texts = zip(
            *(self._example(step * self.size + i) for i in range(self.size)), strict=True
        )
        tokens = self.tokenizer(list(texts), padding="max_length", max_length=MAX_LENGTH, return_tensors="pt")
        return {
            "image": torch.stack(images),
            "truth": torch.tensor(truths),
            "mentioned": torch.tensor(flags),
            "tokens": tokens.input_ids,
            "attention": tokens.attention_mask,
        }

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        output = module.clip(input_ids=batch["tokens"], attention_mask=batch["attention"], pixel_values=batch["image"])
        fit = fits(batch["truth"], batch["mentioned"], batch["truth"])
        contrastive = multi_positive_loss(output.logits_per_text.float(), fit)
        # Entries of a unit vector are small; scaled they are of the size that a new linear layer expects.
        features = output.image_embeds * WIDTH**0.5
        attributes, figures = attribute_loss(
            {name: head(features) for name, head in module.heads.items()}, batch["truth"]
        )
        return contrastive * 0.5 + attributes, {"contrastive": contrastive.item(), **figures}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, ZeroShotNetwork)
        module.clip.to(torch.float16).save_pretrained(folder)
        save_tokenizer(folder)
        CLIPImageProcessor(
            size={"height": SIDE, "width": SIDE},
            do_center_crop=False,
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
            resample=3,
        ).save_pretrained(folder)
