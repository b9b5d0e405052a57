"""Masks by transformers' Sam2Model, with the interface of segment_anything's predictor."""

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


class Sam2Predictor:
    """SAM 2 (Ravi et al., arXiv 2408.00714) for one picture after the other; coordinates are its pixels (x, y)."""

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

    def show(self, one: Embedded) -> None:
        """Answer prompts about a picture from here on."""
        self.embeddings, self.shape, self.side = one.levels, one.shape, one.side

    def predict(
        self,
        *,
        multimask_output: bool,
        box: Feature | None = None,
        point_coords: Feature | None = None,
        point_labels: Feature | None = None,
    ) -> tuple[Mask, Feature, Feature]:
        """Return bool masks [n, H, W] of a box or of points with labels, their predicted IoU and their logits float32
        [n, H, W].
        """
        if box is not None:
            prompt = {"input_boxes": self._scaled(box.reshape(2, 2)).reshape(1, 1, 4)}
        else:
            labels = torch.as_tensor(point_labels, device=self.device)[None, None]
            prompt = {"input_points": self._scaled(np.asarray(point_coords))[None, None], "input_labels": labels}
        logits, predicted = self._ask(prompt, multimask_output)
        return (logits[0] > 0).cpu().numpy(), predicted[0].cpu().numpy(), logits[0].cpu().numpy()

    def _scaled(self, places: Feature) -> Tensor:
        """Return pixels (x, y) [..., 2] in the square that pictures are stretched to."""
        height, width = self.shape
        scaled = np.asarray(places, np.float32) * (self.side / np.array([width, height], np.float32))
        return torch.from_numpy(scaled.astype(np.float32)).to(self.device)

    @torch.inference_mode()
    def _ask(self, prompt: dict[str, Tensor], several: bool) -> tuple[Tensor, Tensor]:
        """Return logits float32 [prompts, masks, H, W] in the picture's size and predicted IoU [prompts, masks]."""
        output = self.model(image_embeddings=self.embeddings, multimask_output=several, **prompt)
        masks = output.pred_masks[0].float()
        return F.interpolate(masks, self.shape, mode="bilinear", align_corners=False), output.iou_scores[0].float()

    def generate(
        self, image: Picture, *, points_per_side: int, pred_iou_thresh: float, stability_score_thresh: float
    ) -> list[dict[str, Any]]:
        """Return masks of everything in a picture, with their predicted IoU, as segment_anything's generator does."""
        self.show(self.embed([image])[0])
        height, width = self.shape
        raster = self._scaled(build_point_grid(points_per_side) * np.array([width, height]))
        masks, scores = [], []
        for points in torch.split(raster, BATCH):
            ones = torch.ones((1, len(points), 1), dtype=torch.int64, device=self.device)
            logits, predicted = self._ask({"input_points": points[None, :, None], "input_labels": ones}, True)
            logits, predicted = logits.flatten(0, 1), predicted.flatten(0, 1)
            kept = predicted > pred_iou_thresh
            kept &= calculate_stability_score(logits, 0.0, 1.0) >= stability_score_thresh
            masks.append(logits[kept] > 0)
            scores.append(predicted[kept])
        found, predicted = torch.cat(masks), torch.cat(scores)
        best = nms(batched_mask_to_box(found).float(), predicted, OVERLAP)
        return [{"segmentation": found[i].cpu().numpy(), "predicted_iou": float(predicted[i])} for i in best.tolist()]
