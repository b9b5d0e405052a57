"""Masks from boxes and points, and of everything in an image, by a segment-anything model."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from segment_anything import SamAutomaticMaskGenerator
from segment_anything.modeling import Sam

from editmill.generators.models.loading import Models
from editmill.generators.models.sam2 import BatchedSam2
from editmill.generators.models.segment_anything import BatchedSam, Prompt
from editmill.generators.models.together import ask, ask_each
from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.manifests.errors import RequestError
from editmill.manifests.stages import stage

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Segment:
    """One mask.

    Attributes:
        mask: Bool [H, W] in the image's size.
        predicted_iou: The model's own estimate of the mask's IoU; about 0 to 1, but not clipped.
    """

    mask: Mask
    predicted_iou: float


class Segmenter:
    """Masks by the role ``segmenter``: segment_anything.Sam (Kirillov et al., arXiv 2304.02643) or transformers'
    Sam2Model.

    Images are uint8 [H, W, 3] RGB of any size; coordinates are pixels (x, y) of the image.
    """

    def __init__(self, models: Models, *, role: str = "segmenter", batch: int = 1) -> None:
        """Set up.

        Args:
            models: The models.
            role: The segmenter's role.
            batch: Pictures per pass of the encoder, and prompts per pass of the decoder; passes are filled up, so
                another number gives other bits.
        """
        self.model = models.get(role)
        sam = isinstance(self.model, Sam)
        self.network: Any = BatchedSam(self.model, batch) if sam else BatchedSam2(models, role, batch)
        # As many as jobs look at side by side.
        self._recent: deque[tuple[Picture, Any]] = deque(maxlen=batch)

    def _embedded(self, image: Picture) -> Any:
        # Most of the work is in embedding the picture, which all prompts to it share.
        known = next((found for shown, found in self._recent if np.array_equal(shown, image)), None)
        if known is None:
            known = ask(self._embed, image)
            # A copy, so that a caller who writes into the picture is not answered about the old one.
            self._recent.append((image.copy(), known))
        return known

    @stage("networks")
    def _embed(self, images: Sequence[Picture]) -> list[Any]:
        return list(self.network.embed(images))

    def from_box(self, image: Picture, box: Box) -> Segment:
        """Return the mask of what fills the box (left, top, right, bottom)."""
        return self.from_boxes(image, [box])[0]

    def from_boxes(self, image: Picture, boxes: Sequence[Box]) -> list[Segment]:
        """Return the masks of what fills each box of a picture, asked together."""
        empty = next((box for box in boxes if not (box[0] < box[2] and box[1] < box[3])), None)
        if empty is not None:
            raise RequestError(
                f"the box {empty} is empty", where="box", fix="give it as (left, top, right, bottom) in pixels"
            )
        embedded = self._embedded(image)
        prompts = [(embedded, Prompt(box=np.asarray(box, np.float32))) for box in boxes]
        return [Segment(masks[0], float(predicted[0])) for masks, predicted in ask_each(self._single, prompts, key=0)]

    def from_points(self, image: Picture, points: Feature, labels: Feature) -> Segment:
        """Return the mask that holds the points labelled 1 and none of those labelled 0.

        Args:
            image: Uint8 [H, W, 3] RGB.
            points: [n, 2] pixels (x, y).
            labels: [n] of 0 and 1.

        Returns:
            The mask with the best predicted IoU: one of three for a single point, which is ambiguous; the single one
            for more.
        """
        points, labels = np.asarray(points, np.float32), np.asarray(labels, np.int32)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points) or labels.shape != points.shape[:1]:
            what = f"points of shape {points.shape} with labels of shape {labels.shape}"
            raise RequestError(
                what, where="points", fix="give points as [n, 2] pixels (x, y) and one label, 0 or 1, for each"
            )
        decode = self._three if len(points) == 1 else self._single
        masks, predicted = ask(decode, (self._embedded(image), Prompt(points=points, labels=labels)), key=len(points))
        best = int(predicted.argmax())
        return Segment(masks[best], float(predicted[best]))

    @stage("networks")
    def _single(self, asked: Sequence[tuple[Any, Prompt]]) -> list[tuple[Mask, Feature]]:
        return list(self.network.answer(asked, several=False))

    @stage("networks")
    def _three(self, asked: Sequence[tuple[Any, Prompt]]) -> list[tuple[Mask, Feature]]:
        return list(self.network.answer(asked, several=True))

    def automatic(
        self, image: Picture, *, points_per_side: int = 16, least_iou: float = 0.75, least_stability: float = 0.65
    ) -> list[Segment]:
        """Return masks of everything in the image, the best predicted IoU first.

        One image at a time: the points of its raster fill the decoder's calls.

        Args:
            image: Uint8 [H, W, 3] RGB.
            points_per_side: A raster of this many points squared is asked; smaller objects need more.
            least_iou: Masks with a lower predicted IoU are dropped. Small models judge themselves low; the published
                ones were used with 0.88.
            least_stability: Least IoU of a mask cut at a logit of -1 with itself cut at 1. Masks of small models have
                softer edges than those of the published ones, which were used with 0.95.
        """
        limits: dict[str, Any] = {
            "points_per_side": points_per_side,
            "pred_iou_thresh": least_iou,
            "stability_score_thresh": least_stability,
        }
        if isinstance(self.model, Sam):
            items = SamAutomaticMaskGenerator(self.model, **limits).generate(image)
        else:
            items = self.network.generate(image, **limits)
        found = [Segment(item["segmentation"], float(item["predicted_iou"])) for item in items]
        return sorted(found, key=lambda segment: -segment.predicted_iou)
