"""Masks by transformers' Sam2Model, with the interface of ``BatchedSam``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from segment_anything.utils.amg import batched_mask_to_box, build_point_grid, calculate_stability_score
from torch import Tensor
from torchvision.ops import nms

from editmill.generators.models.fixed_batches import fitting_rows
from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_processor
from editmill.generators.models.segment_anything import Prompt
from editmill.manifests.arrays import Feature, Mask, Picture

# Points of a raster that are asked at once, and the IoU of boxes above which masks count as one: as SAM's generator.
BATCH, OVERLAP = 64, 0.7


@dataclass(frozen=True)
class Embedded:
    """A picture as the encoder sees it: features float [1, c, h, w] by level, its (height, width), and the side of the
    square that it was stretched to.
    """

    levels: list[Tensor]
    shape: tuple[int, ...]
    side: int


class BatchedSam2:
    """SAM 2 (Ravi et al., arXiv 2408.00714): passes of ``batch`` pictures and prompts, always filled up."""

    def __init__(self, models: Models, role: str, batch: int = 1) -> None:
        self.model: Any = models.get(role)
        self.device, self.batch = models.device, batch
        self.processor = load_processor(models, role)

    @torch.inference_mode()
    def embed(self, images: Sequence[Picture]) -> list[Embedded]:
        """Embed pictures, uint8 [H, W, 3] RGB of any sizes: most of the work, which all prompts to one share."""
        # A decoded picture may be read-only, which torch warns of.
        shown = [np.require(image, requirements="W") for image in images]
        pixels = torch.cat([self.processor(images=image, return_tensors="pt").pixel_values for image in shown])

        def run(rows: Tensor) -> tuple[Tensor, ...]:
            return tuple(self.model.get_image_embeddings(rows))

        levels = fitting_rows(run, self.batch, pixels.to(self.device, self.model.dtype))
        return [
            Embedded([level[number, None] for level in levels], image.shape[:2], pixels.shape[-1])
            for number, image in enumerate(images)
        ]

    @torch.inference_mode()
    def answer(self, asked: Sequence[tuple[Embedded, Prompt]], *, several: bool) -> list[tuple[Mask, Feature]]:
        """Return bool masks [n, H, W] and their predicted IoU, as ``BatchedSam.answer`` does."""
        levels = [torch.cat(level) for level in zip(*(one.levels for one, _ in asked), strict=True)]
        prompts = [self._prompt(*pair) for pair in asked]
        names = list(prompts[0])

        def run(*rows: Tensor) -> tuple[Tensor, Tensor]:
            given = dict(zip(names, rows[len(levels) :], strict=True))
            output = self.model(image_embeddings=list(rows[: len(levels)]), multimask_output=several, **given)
            return output.pred_masks[:, 0].float(), output.iou_scores[:, 0].float()

        rows = [torch.cat([prompt[name] for prompt in prompts]) for name in names]
        masks, predicted = fitting_rows(run, self.batch, *levels, *rows)
        return [
            ((_enlarged(mask[None], one.shape)[0] > 0).cpu().numpy(), own.cpu().numpy())
            for (one, _), mask, own in zip(asked, masks, predicted, strict=True)
        ]

    def _prompt(self, one: Embedded, prompt: Prompt) -> dict[str, Tensor]:
        if prompt.box is not None:
            return {"input_boxes": self._scaled(one, prompt.box.reshape(2, 2)).reshape(1, 1, 4)}
        labels = torch.as_tensor(prompt.labels, device=self.device)[None, None]
        return {"input_points": self._scaled(one, np.asarray(prompt.points))[None, None], "input_labels": labels}

    def _scaled(self, one: Embedded, places: Feature) -> Tensor:
        """Return pixels (x, y) [..., 2] in the square that pictures are stretched to."""
        height, width = one.shape
        scaled = np.asarray(places, np.float32) * (one.side / np.array([width, height], np.float32))
        return torch.from_numpy(scaled.astype(np.float32)).to(self.device)

    def generate(
        self, image: Picture, *, points_per_side: int, pred_iou_thresh: float, stability_score_thresh: float
    ) -> list[dict[str, Any]]:
        """Return masks of everything in a picture, with their predicted IoU, as segment_anything's generator does.

        One picture at a time, since the points of its raster fill the calls.
        """
        one = self.embed([image])[0]
        height, width = one.shape
        raster = self._scaled(one, build_point_grid(points_per_side) * np.array([width, height]))
        masks, scores = [], []
        for points in torch.split(raster, BATCH):
            ones = torch.ones((1, len(points), 1), dtype=torch.int64, device=self.device)
            output = self._ask(one, {"input_points": points[None, :, None], "input_labels": ones})
            logits, predicted = (values.flatten(0, 1) for values in output)
            kept = predicted > pred_iou_thresh
            kept &= calculate_stability_score(logits, 0.0, 1.0) >= stability_score_thresh
            masks.append(logits[kept] > 0)
            scores.append(predicted[kept])
        found, predicted = torch.cat(masks), torch.cat(scores)
        best = nms(batched_mask_to_box(found).float(), predicted, OVERLAP)
        return [{"segmentation": found[i].cpu().numpy(), "predicted_iou": float(predicted[i])} for i in best.tolist()]

    @torch.inference_mode()
    def _ask(self, one: Embedded, prompt: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits float32 [prompts, masks, H, W] in the picture's size and predicted IoU [prompts, masks]."""
        output = self.model(image_embeddings=one.levels, multimask_output=True, **prompt)
        return _enlarged(output.pred_masks[0].float(), one.shape), output.iou_scores[0].float()


def _enlarged(logits: Tensor, shape: tuple[int, ...]) -> Tensor:
    return F.interpolate(logits, shape, mode="bilinear", align_corners=False)
