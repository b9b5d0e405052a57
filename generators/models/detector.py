"""Objects by text queries: boxes and scores of an open-vocabulary detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from editmill.generators.models.grounding_dino import GroundingSight
from editmill.generators.models.loading import Models
from editmill.generators.models.owl import OwlSight
from editmill.generators.models.together import ask_each
from editmill.manifests.arrays import Picture
from editmill.manifests.stages import stage


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
    """Detections of text queries by the role ``detector``: an OwlViT-, Owlv2- or GroundingDinoForObjectDetection."""

    def __init__(self, models: Models, *, role: str = "detector", overlap: float = 0.3, batch: int = 1) -> None:
        """Set up.

        Args:
            models: The models.
            role: The detector's role.
            overlap: Of two boxes of one query whose IoU is above this, the one with the lower score is dropped.
            batch: Images per forward pass, of the OWL-ViT family; passes are filled up, so another number gives other
                bits. Grounding DINO takes as many as share any call.
        """
        self.overlap = overlap
        self.entry = models.pack.entry(role)
        grounding = models.get(role).config.model_type == "grounding-dino"
        self.sight = (
            GroundingSight(models, role, models.placement.pictures) if grounding else OwlSight(models, role, batch)
        )

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

    def detect_each(
        self, images: list[Picture], queries: list[tuple[str, ...]], threshold: float = 0.3
    ) -> list[list[Detection]]:
        """Detect as ``detect`` does, with queries of its own for each image; nothing is found for no queries."""
        asked = [position for position, mine in enumerate(queries) if mine]
        found: list[list[Detection]] = [[] for _ in images]
        if not asked:
            return found
        seen = ask_each(self._look, [(images[position], queries[position]) for position in asked])
        for position, (boxes, scores) in zip(asked, seen, strict=True):
            found[position] = self._best(boxes, scores, threshold)
        return found

    @stage("networks")
    @torch.inference_mode()
    def _look(self, asked: Sequence[tuple[Picture, tuple[str, ...]]]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return list(self.sight.look([image for image, _ in asked], [queries for _, queries in asked]))

    @torch.inference_mode()
    def _best(self, boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> list[Detection]:
        # A box beyond the picture, such as in OWLv2's padding, ends up without an area.
        within = (boxes[:, :2] < boxes[:, 2:]).all(dim=1)
        patches, labels = torch.nonzero((scores > threshold) & within[:, None], as_tuple=True)
        # Within each query alone; what is kept comes back by falling score.
        # Loads for seconds, and packs without a detector have no need of it.
        from torchvision.ops import batched_nms

        kept = batched_nms(boxes[patches], scores[patches, labels], labels, self.overlap)
        found = zip(
            boxes[patches[kept]].tolist(), labels[kept].tolist(), scores[patches, labels][kept].tolist(), strict=True
        )
        return [Detection((box[0], box[1], box[2], box[3]), label, score) for box, label, score in found]
