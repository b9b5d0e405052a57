"""The classifier that adversarial backgrounds are made against, differentiable down to the picture."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_processor

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET_SIDE, IMAGENET_CLASSES = 224, 1000
# What the publication's code enlarges pictures to, for a network that it feeds [-1, 1] without normalisation.
RAW_SIDE = 256
# The number that Pillow and processors have for it.
BICUBIC = 3
# From this side on ConvNeXt's processor stretches whole pictures and crops none.
CONVNEXT_WHOLE = 384


class Surrogate:
    """A transformers image classifier with its own processor, or a torchvision one with ImageNet's preprocessing.

    Args:
        models: The pack's models.
        role: The classifier's role.
        raw: Feed pictures in [-1, 1], enlarged to 256 pixels, as the publication does, whatever the classifier was
            trained on.
    """

    def __init__(self, models: Models, role: str, *, raw: bool = False) -> None:
        self.model: Any = models.get(role)
        self.role, self.raw, self.device = role, raw, models.device
        entry = models.pack.entry(role)
        self.published = entry.cls.startswith("torchvision.")
        self.id = f"{role}: {entry.cls} {models.digest(role)}"
        self.resized = self.cropped = IMAGENET_SIDE
        self.mode, mean, std = "bilinear", list(IMAGENET_MEAN), list(IMAGENET_STD)
        if not self.published:
            processor = load_processor(models, role)
            self.resized, self.cropped, self.mode, mean, std = _preprocessing(processor)
        self.mean, self.std = (torch.tensor(values, device=self.device)[None, :, None, None] for values in (mean, std))

    def index(self, label: int, class_name: str) -> int | None:
        """Return the model's index of a class, or None if it doesn't know it.

        The name decides where exactly one of the model's classes bears it, with or without synonyms ("cock, rooster");
        else the label itself is taken for ImageNet's, if the model has ImageNet's classes.
        """
        names = (
            {} if self.published else {int(number): str(name) for number, name in self.model.config.id2label.items()}
        )
        for wanted in (_plain(class_name), _plain(class_name.split(",")[0])):
            found = [number for number, name in names.items() if wanted in (_plain(name), _plain(name.split(",")[0]))]
            if len(found) == 1:
                return found[0]
        return label if self.classes >= IMAGENET_CLASSES and 0 <= label < self.classes else None

    @property
    def classes(self) -> int:
        """Number of the model's classes."""
        if not self.published:
            return int(self.model.config.num_labels)
        # The bias of the last layer has one number per class.
        return len(list(self.model.parameters())[-1])

    def log_probabilities(self, picture: Tensor) -> Tensor:
        """Return log p of every class for pictures float32 [n, 3, H, W] in [-1, 1]: float32 [n, classes].

        Gradients flow through to ``picture``.
        """
        pixels = self._pixels(picture).to(next(self.model.parameters()).dtype)
        output = self.model(pixels) if self.published else self.model(pixel_values=pixels).logits
        return output.float().log_softmax(dim=-1)

    def log_probability(self, picture: Tensor, index: int) -> Tensor:
        """Return log p(class ``index``) of pictures in [-1, 1], float32 [n, 3, S, S]: float32 [n].

        Gradients flow through to ``picture``.
        """
        return self.log_probabilities(picture)[:, index]

    def _pixels(self, picture: Tensor) -> Tensor:
        if self.raw:
            return F.interpolate(picture, (RAW_SIDE, RAW_SIDE))
        # Antialiased, as Pillow resizes for the processors.
        resized = F.interpolate(
            (picture + 1) / 2, (self.resized, self.resized), mode=self.mode, antialias=True, align_corners=False
        )
        margin = (self.resized - self.cropped) // 2
        return (resized[..., margin : margin + self.cropped, margin : margin + self.cropped] - self.mean) / self.std


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", " ")


def _preprocessing(processor: Any) -> tuple[int, int, str, list[float], list[float]]:
    """Return the side that a square picture is resized to, that of the centre which is cut from it, the interpolation,
    and mean and standard deviation.
    """
    timm = getattr(processor, "data_config", None)
    if timm is not None:
        side = int(timm["input_size"][-1])
        mode = "bicubic" if timm["interpolation"] == "bicubic" else "bilinear"
        return int(side / timm["crop_pct"]), side, mode, list(timm["mean"]), list(timm["std"])
    mode = "bicubic" if int(processor.resample or 0) == BICUBIC else "bilinear"
    mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else ([0.0] * 3, [1.0] * 3)
    return *_sides(processor), mode, list(mean), list(std)


def _sides(processor: Any) -> tuple[int, int]:
    """Return the side that a square picture is resized to, and that of the centre which is cut from it."""
    size = processor.size
    side = int(size.get("shortest_edge") or size["height"])
    share = getattr(processor, "crop_pct", None)
    # ConvNeXt's processor resizes to side / crop_pct and cuts the middle.
    if share is not None and side < CONVNEXT_WHOLE:
        return int(side / share), side
    if getattr(processor, "do_center_crop", None):
        return side, int(processor.crop_size["height"])
    return side, side
