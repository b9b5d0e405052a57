"""The detector: an OwlViTForObjectDetection that starts from the pack's CLIP and learns boxes from the world's exact
ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_convert, generalized_box_iou_loss, sigmoid_focal_loss
from transformers import (
    AutoConfig,
    CLIPModel,
    OwlViTConfig,
    OwlViTForObjectDetection,
    OwlViTImageProcessor,
    OwlViTProcessor,
)

from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.training.frames import random_frame
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.tokenizer import make_tokenizer
from editmill.packs.tabletop.training.views import composite_view, empty_view
from editmill.packs.tabletop.world import CLASSES, COLOURS, FINISHES
from editmill.packs.tabletop.world.captions import OPENINGS, object_phrase
from editmill.packs.tabletop.world.scene import SceneObject, scene_rng

CLIP = Path(__file__).parents[1] / "weights" / "zero_shot"
NOUNS = ("object", *CLASSES)
OBJECTS = 2
EMPTY_SHARE = 0.08
COMPOSITE_SHARE = 0.2
# An object's patches answer for it within this share of its box's sides from the centre; those at its rim only learn
# the box.
CORE = 0.35
TOWER = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "layer_norm_eps")
TEXT = ("vocab_size", "max_position_embeddings", "bos_token_id", "eos_token_id", "pad_token_id")
# A query as (class, colour, finish): indices, or -1 where the query leaves the attribute open.
Query = tuple[int, int, int]
EVERY_CLASS_AND_COLOUR: tuple[Query, ...] = tuple(
    (name, colour, -1) for name in range(-1, len(CLASSES)) for colour in range(-1, len(COLOURS))
)
CLASS_QUERIES = [EVERY_CLASS_AND_COLOUR.index((name, -1, -1)) for name in range(len(CLASSES))]


def from_clip(clip: CLIPModel) -> OwlViTForObjectDetection:
    """Return an OWL-ViT whose two towers are those of ``clip``; its heads are new."""
    towers = {key: clip.config.to_dict()[key] for key in ("text_config", "vision_config")}
    text = {name: towers["text_config"][name] for name in (*TOWER, *TEXT)}
    vision = {name: towers["vision_config"][name] for name in (*TOWER, "image_size", "patch_size")}
    model = OwlViTForObjectDetection(
        OwlViTConfig(text_config=text, vision_config=vision, projection_dim=clip.config.projection_dim)
    )
    # transformers spells this layer otherwise in CLIP than in OWL-ViT.
    state = {name.replace("pre_layrnorm", "pre_layernorm"): value.float() for name, value in clip.state_dict().items()}
    model.owlvit.load_state_dict(state)
    for layer in [*model.class_head.children(), *model.box_head.children()]:
        # OWL-ViT's own initialisation draws these with a standard deviation of 1.
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    with torch.no_grad():
        # Logits start at about +5 for equal directions and at -5 for orthogonal ones: few patches are positive.
        for head, start in ((model.class_head.logit_scale, 9.0), (model.class_head.logit_shift, -0.5)):
            head.weight.zero_()
            head.bias.fill_(start)
        model.box_head.dense2.weight.zero_()
        # Boxes start at five patches, about an object's size.
        model.box_head.dense2.bias.copy_(torch.tensor([0.0, 0.0, 2.0, 2.0]))
    return model


def attributes(item: SceneObject) -> Query:
    """Return the indices of an object's class, colour and finish."""
    return CLASSES.index(item.name), list(COLOURS).index(item.colour), FINISHES.index(item.finish)


def query_text(query: Query, rng: np.random.Generator) -> str:
    """Return one wording of a query."""
    name, colour, finish = query
    opening = OPENINGS[int(rng.integers(len(OPENINGS)))] if rng.random() < 0.5 else ""
    return opening + object_phrase(
        NOUNS[name + 1], list(COLOURS)[colour] if colour >= 0 else "", "", FINISHES[finish] if finish >= 0 else ""
    )


def finish_queries(objects: list[Query], count: int, rng: np.random.Generator) -> list[Query]:
    """Return queries that name the finish, made from the attributes of objects in the batch and often wrong in one of
    them.
    """
    queries: list[Query] = []
    for _ in range(count):
        name, colour, _ = objects[int(rng.integers(len(objects)))]
        # The finish in the middle has no name.
        finish = int(rng.integers(2)) * 2
        queries.append((name if rng.random() < 0.8 else -1, colour if rng.random() < 0.5 else -1, finish))
    return queries


def fitting(objects: list[list[Query]], queries: list[Query]) -> np.ndarray:
    """Return which queries each object of each image fits, bool [images, OBJECTS, queries].

    False where there is no such object.
    """
    truth = np.full((len(objects), OBJECTS, 3), -2)
    for number, items in enumerate(objects):
        truth[number, : len(items)] = np.reshape(items, (-1, 3))
    asked = np.array(queries)
    return ((asked == truth[:, :, None]) | (asked == -1)).all(axis=-1) & (truth[:, :, :1] >= 0)


def owners(boxes: np.ndarray, grid: int, reach: float) -> np.ndarray:
    """Return, for each patch of a ``grid`` x ``grid`` raster the object that it belongs to, or -1: int64 [grid * grid].

    A patch belongs to an object when its centre lies within ``reach`` times the box's sides from the box's centre
    (centre sampling as in FCOS, Tian et al., arXiv 1904.01355); each object has at least one patch.
    """
    centres = (np.arange(grid) + 0.5) / grid
    found = np.full((grid, grid), -1, np.int64)
    for number, (left, top, right, bottom) in enumerate(boxes):
        columns = np.abs(centres - (left + right) / 2) <= max((right - left) * reach, 0.5 / grid)
        rows = np.abs(centres - (top + bottom) / 2) <= max((bottom - top) * reach, 0.5 / grid)
        found[np.ix_(rows, columns)] = number
    return found.ravel()


class DetectorTask:
    """Focal loss of patches and queries, cross-entropy of the class where an object is, and L1 and GIoU of the boxes of
    its patches.

    Args:
        steps: Training steps.
        size: Frames per step.
        start: Weights folder of a CLIP model whose towers to start from, or of an earlier detector to go on from.
    """

    name = "detector"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.998

    def __init__(self, *, steps: int = 1700, size: int = 48, start: Path = CLIP) -> None:
        self.steps, self.size, self.start = steps, size, start
        self.tokenizer = make_tokenizer()
        config = AutoConfig.from_pretrained(start, local_files_only=True)
        self.goes_on = isinstance(config, OwlViTConfig)
        self.side, self.grid = (
            config.vision_config.image_size,
            config.vision_config.image_size // config.vision_config.patch_size,
        )

    def module(self) -> nn.Module:
        if self.goes_on:
            model = OwlViTForObjectDetection.from_pretrained(self.start, local_files_only=True, dtype=torch.float32)
        else:
            model = from_clip(CLIPModel.from_pretrained(self.start, local_files_only=True))
        # On the CPU the fused attention's backward pass takes half of a step; the plain one is several times faster.
        model.set_attn_implementation("eager")
        return model

    def _example(self, index: int) -> dict[str, Any]:
        scene = train_scene(index)
        rng = scene_rng("train", index, "detector")
        kind = rng.random()
        if kind < EMPTY_SHARE:
            scene = empty_view(scene)
        elif kind < EMPTY_SHARE + COMPOSITE_SHARE:
            scene = composite_view(scene, train_scene(index + int(rng.integers(1, 5000))), rng)
        frame = random_frame(scene, rng)
        boxes = frame.boxes(scene)
        core, inside = owners(boxes, self.grid, CORE), owners(boxes, self.grid, 0.5)
        return {
            "image": to_tensor(frame.cut(scene.image, self.side)),
            "boxes": torch.from_numpy(np.pad(boxes, ((0, OBJECTS - len(boxes)), (0, 0)))),
            "core": torch.from_numpy(core),
            "inside": torch.from_numpy(np.where(core >= 0, core, inside)),
            "objects": [attributes(scene.objects[number]) for number in frame.shown],
        }

    def batch(self, step: int) -> dict[str, Any]:
        examples = [self._example(step * self.size + i) for i in range(self.size)]
        rng = scene_rng("train", step, "detector queries")
        objects = [example["objects"] for example in examples]
        queries = [*EVERY_CLASS_AND_COLOUR, *finish_queries([item for items in objects for item in items], 24, rng)]
        tokens = self.tokenizer([query_text(query, rng) for query in queries], padding=True, return_tensors="pt")
        return {
            **{
                name: torch.stack([example[name] for example in examples])
                for name in ("image", "boxes", "core", "inside")
            },
            "fit": torch.from_numpy(fitting(objects, queries)),
            "tokens": tokens.input_ids,
            "attention": tokens.attention_mask,
        }

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        texts = module.owlvit.get_text_features(
            input_ids=batch["tokens"], attention_mask=batch["attention"]
        ).pooler_output
        features = module.image_embedder(pixel_values=batch["image"])[0].flatten(1, 2)
        logits = module.class_predictor(features, texts[None])[0].float()
        core, inside = batch["core"] >= 0, batch["inside"] >= 0
        image = torch.arange(len(core), device=core.device)[:, None].expand_as(core)
        targets = torch.zeros_like(logits)
        targets[core] = batch["fit"][image[core], batch["core"][core]].float()
        asked = core | ~inside
        # A negative alpha weighs positives and negatives alike.
        classes = sigmoid_focal_loss(logits[asked], targets[asked], alpha=-1).sum() / targets.sum().clamp(min=1)
        names, truth = logits[core][:, CLASS_QUERIES], targets[core][:, CLASS_QUERIES].argmax(dim=1)
        naming = F.cross_entropy(names, truth)
        centred = (
            module.box_head(features[inside]).float() + module.box_bias.expand(len(core), -1, -1)[inside]
        ).sigmoid()
        predicted = box_convert(centred, "cxcywh", "xyxy")
        true = batch["boxes"][image[inside], batch["inside"][inside]]
        overlap = generalized_box_iou_loss(predicted, true, reduction="mean")
        figures = {
            "classes": classes.item(),
            "giou": 1 - overlap.item(),
            "named": (names.argmax(dim=1) == truth).float().mean().item(),
            "empty_top": logits[~inside].amax(dim=1).sigmoid().mean().item(),
        }
        return classes + naming + 5 * F.l1_loss(predicted, true) + 2 * overlap, figures

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, OwlViTForObjectDetection)
        module.to(torch.float16).save_pretrained(folder)
        side = {"height": self.side, "width": self.side}
        images = OwlViTImageProcessor(
            size=side, crop_size=side, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3
        )
        OwlViTProcessor(images, self.tokenizer).save_pretrained(folder)
