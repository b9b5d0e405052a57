"""Objects by text queries: boxes and scores of an open-vocabulary detector of the OWL-ViT family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torchvision.ops import batched_nms, box_convert

from editmill.generators.models.fixed_batches import in_fixed_batches
from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_processor, load_tokenizer
from editmill.manifests.arrays import Picture


@dataclass(frozen=True)
class Detection:
    """One object.

    Attributes:
        box: (left, top, right, bottom) in pixels of the image, right and bottom exclusive, within the image.
        label: Index of the query.
        score: The detector's probability in [0, 1].
    """

    box: tuple[float, float, float, float]
    label: int
    score: float


class Detector:
    """Detections of text queries by the role ``detector`` (OwlViTForObjectDetection; Minderer et al., arXiv
    2205.06230).
    """

    def __init__(self, models: Models, *, role: str = "detector", overlap: float = 0.3, batch: int = 1) -> None:
        """Set up.

        Args:
            models: The models.
            role: The detector's role.
            overlap: Of two boxes of one query whose IoU is above this, the one with the lower score is dropped.
            batch: Images per forward pass; passes are filled up, so another number gives other bits.
        """
        self.model: Any = models.get(role)
        self.device, self.overlap, self.batch = models.device, overlap, batch
        self.processor, self.tokenizer = load_processor(models, role), load_tokenizer(models, role)
        self.entry = models.pack.entry(role)
        # The queries of a class recur with every picture.
        self._texts: dict[tuple[str, ...], torch.Tensor] = {}

    def class_queries(self, class_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the pack's query for each class."""
        return self.entry.class_prompts(class_names)

    def detect(self, images: list[Picture], queries: tuple[str, ...], threshold: float = 0.3) -> list[list[Detection]]:
        """Find what ``queries`` name in each image (uint8 [H, W, 3] RGB, any sizes).

        Returns:
            For each image its detections with a score above ``threshold``, the best first. An object that fits several
            queries has a detection for each.
        """
        return self.detect_each(images, [queries] * len(images), threshold)

    @torch.inference_mode()
    def detect_each(
        self, images: list[Picture], queries: list[tuple[str, ...]], threshold: float = 0.3
    ) -> list[list[Detection]]:
        """Detect as ``detect`` does, with queries of its own for each image; nothing is found for no queries."""
        asked = [position for position, mine in enumerate(queries) if mine]
        found: list[list[Detection]] = [[] for _ in images]
        if not asked:
            return found
        # A decoded picture may be read-only, which torch warns of.
        shown = [np.require(images[position], requirements="W") for position in asked]
        pixels = torch.cat([self.processor(images=image, return_tensors="pt").pixel_values for image in shown])
        grids = in_fixed_batches(
            pixels.to(self.device, self.model.dtype),
            self.batch,
            lambda batch: self.model.image_embedder(pixel_values=batch)[0],
        )
        for position, grid in zip(asked, grids, strict=True):
            found[position] = self._one(
                images[position].shape[:2], grid[None], self._query_features(queries[position]), threshold
            )
        return found

    def _query_features(self, queries: tuple[str, ...]) -> torch.Tensor:
        if queries not in self._texts:
            # All padded to one length, so that a query's features do not depend on the others.
            tokens = self.tokenizer(list(queries), padding="max_length", truncation=True, return_tensors="pt").to(
                self.device
            )
            self._texts[queries] = self.model.owlvit.get_text_features(**tokens).pooler_output
        return self._texts[queries]

    def _one(
        self, shape: tuple[int, ...], grid: torch.Tensor, texts: torch.Tensor, threshold: float
    ) -> list[Detection]:
        features = grid.flatten(1, 2)
        scores = self.model.class_predictor(features, texts[None])[0][0].float().sigmoid()
        height, width = shape
        # OWL-ViT stretches pictures to a square, so each side has a scale of its own.
        scale = torch.tensor([width, height, width, height], device=self.device)
        boxes = box_convert(self.model.box_predictor(features, grid)[0].float(), "cxcywh", "xyxy").clamp(0, 1) * scale
        patches, labels = torch.nonzero(scores > threshold, as_tuple=True)
        # Within each query alone; what is kept comes back by falling score.
        kept = batched_nms(boxes[patches], scores[patches, labels], labels, self.overlap)
        found = zip(
            boxes[patches[kept]].tolist(), labels[kept].tolist(), scores[patches, labels][kept].tolist(), strict=True
        )
        return [Detection((box[0], box[1], box[2], box[3]), label, score) for box, label, score in found]
