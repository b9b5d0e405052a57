"""What detectors of the OWL-ViT family see in a picture: boxes, and how well each fits each query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from editmill.generators.models.fixed_batches import fitting_rows, in_fixed_batches
from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_processor, load_tokenizer
from editmill.manifests.arrays import Picture


class OwlSight:
    """OWL-ViT (Minderer et al., arXiv 2205.06230) or OWLv2 (arXiv 2306.09683).

    Args:
        models: The models.
        role: The detector's role.
        batch: Images per forward pass; passes are filled up, so another number gives other bits.
    """

    def __init__(self, models: Models, role: str, batch: int) -> None:
        self.model: Any = models.get(role)
        self.device, self.batch = models.device, batch
        self.processor, self.tokenizer = load_processor(models, role), load_tokenizer(models, role)
        # OWL-ViT stretches pictures to a square, so each side has a scale of its own; OWLv2 pads them to the right and
        # below.
        self.pads = hasattr(self.model, "owlv2")
        self.towers = self.model.owlv2 if self.pads else self.model.owlvit
        # The queries of a class recur with every picture.
        self._texts: dict[tuple[str, ...], Tensor] = {}

    def look(self, images: list[Picture], queries: list[tuple[str, ...]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield for each image boxes in its pixels, float32 [boxes, 4] (left, top, right, bottom), and their scores for
        its queries in [0, 1], float32 [boxes, queries].
        """
        from torchvision.ops import box_convert

        # A decoded picture may be read-only, which torch warns of.
        shown = [np.require(image, requirements="W") for image in images]
        pixels = torch.cat([self.processor(images=image, return_tensors="pt").pixel_values for image in shown])
        grids = in_fixed_batches(
            pixels.to(self.device, self.model.dtype),
            self.batch,
            lambda batch: self.model.image_embedder(pixel_values=batch)[0],
        )
        for image, grid, texts in zip(images, grids, queries, strict=True):
            features = grid[None].flatten(1, 2)
            scores = self.model.class_predictor(features, self._query_features(texts)[None])[0][0].float().sigmoid()
            boxes = box_convert(self.model.box_predictor(features, grid[None])[0].float(), "cxcywh", "xyxy")
            yield self._in_pixels(boxes, image), scores

    def _in_pixels(self, boxes: Tensor, image: Picture) -> Tensor:
        height, width = image.shape[:2]
        sides = torch.tensor([width, height, width, height], device=self.device)
        scale = sides.amax().expand(4) if self.pads else sides
        return (boxes.clamp(0, 1) * scale).minimum(sides)

    def _query_features(self, queries: tuple[str, ...]) -> Tensor:
        if queries not in self._texts:
            # All padded to one length, so that a query's features do not depend on the others.
            tokens = self.tokenizer(list(queries), padding="max_length", truncation=True, return_tensors="pt").to(
                self.device
            )

            def run(*rows: Tensor) -> tuple[Tensor]:
                return (self.towers.get_text_features(**dict(zip(tokens, rows, strict=True))).pooler_output,)

            (self._texts[queries],) = fitting_rows(run, len(queries), *tokens.values())
        return self._texts[queries]
