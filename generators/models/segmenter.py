"""Masks from boxes and points, and of everything in an image, by a segment-anything model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from segment_anything import SamAutomaticMaskGenerator
from segment_anything.modeling import Sam

from editmill.generators.models.loading import Models
from editmill.generators.models.sam2 import Sam2Predictor
from editmill.generators.models.segment_anything import BatchedSamPredictor
from editmill.generators.models.together import ask
from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.manifests.errors import RequestError
from editmill.manifests.stages import stage


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
            batch: Pictures per pass of the encoder; passes are filled up, so another number gives other bits. The
                decoder reads the prompts of one picture.
        """
        self.model = models.get(role)
        sam = isinstance(self.model, Sam)
        self.predictor: Any = BatchedSamPredictor(self.model, batch) if sam else Sam2Predictor(models, role, batch)
        self._shown: Picture | None = None

    def _show(self, image: Picture) -> None:
        # Most of the work is in embedding the picture, which all prompts to it share.
        if self._shown is None or not np.array_equal(self._shown, image):
            self.predictor.show(ask(self._embed, image))
            # A copy, so that a caller who writes into the picture is not answered about the old one.
            self._shown = image.copy()

    @stage("networks")
    def _embed(self, images: Sequence[Picture]) -> list[Any]:
        return list(self.predictor.embed(images))

    def from_box(self, image: Picture, box: tuple[float, float, float, float]) -> Segment:
        """Return the mask of what fills the box (left, top, right, bottom)."""
        left, top, right, bottom = box
        if not (left < right and top < bottom):
            raise RequestError(
                f"the box {box} is empty", where="box", fix="give it as (left, top, right, bottom) in pixels"
            )
        self._show(image)
        masks, predicted = self._predict(box=np.asarray(box, np.float32), multimask_output=False)
        return Segment(masks[0], float(predicted[0]))

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
        self._show(image)
        masks, predicted = self._predict(point_coords=points, point_labels=labels, multimask_output=len(points) == 1)
        best = int(predicted.argmax())
        return Segment(masks[best], float(predicted[best]))

    @stage("networks")
    def _predict(self, **prompt: Any) -> tuple[Mask, Feature]:
        masks, predicted, _ = self.predictor.predict(**prompt)
        return masks, predicted

    def automatic(
        self, image: Picture, *, points_per_side: int = 16, least_iou: float = 0.75, least_stability: float = 0.65
    ) -> list[Segment]:
        """Return masks of everything in the image, the best predicted IoU first.

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
            # It is left with another picture than the one that was shown last.
            self._shown = None
            items = self.predictor.generate(image, **limits)
        found = [Segment(item["segmentation"], float(item["predicted_iou"])) for item in items]
        return sorted(found, key=lambda segment: -segment.predicted_iou)
