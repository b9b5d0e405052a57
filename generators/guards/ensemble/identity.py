"""Image-encoder identity: the object of the edit is still the source's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from editmill.generators.base.per_source import PerSource
from editmill.generators.guards.ensemble.region import look_at
from editmill.generators.guards.ensemble.scores import IDENTITY_SCORES
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.models.fixed_batches import in_fixed_batches
from editmill.generators.models.image_encoder import ImageEncoder
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Feature, Picture


class SteadyEncoder(ImageEncoder):
    """The image encoder in filled batches, so that no feature depends on the pictures beside it."""

    def __init__(self, models: Models, *, batch: int = 8) -> None:
        super().__init__(models)
        self.batch = batch

    @torch.inference_mode()
    def _tokens(self, images: list[Picture]) -> torch.Tensor:
        shown = [np.require(image, requirements="W") for image in images]
        pixels = torch.cat([self.processor(images=image, return_tensors="pt").pixel_values for image in shown])
        pixels = pixels.to(self.device, self.model.dtype)
        return in_fixed_batches(
            pixels, self.batch, lambda batch: self.model(pixel_values=batch).last_hidden_state.float().cpu()
        )


class IdentityMember:
    """Cosines of CLS features (DINOv2: Oquab et al., arXiv 2304.07193) in [-1, 1], where there is a source.

    ``identity`` compares the objects, each cropped by its mask, or the frames where there is no mask; ``source_cosine``
    always the frames.
    """

    score_names: tuple[str, ...] = IDENTITY_SCORES

    def __init__(self, encoder: SteadyEncoder) -> None:
        self.encoder = encoder
        self._sources: PerSource[Feature] = PerSource()

    def scores(self, shown: Sequence[Shown]) -> list[dict[str, float]]:
        """Return one dictionary per candidate, empty without a source."""
        found: list[dict[str, float]] = [{} for _ in shown]
        asked = [number for number, one in enumerate(shown) if one.source is not None]
        if not asked:
            return found
        views = [
            view for number in asked for view in (look_at(shown[number].image, shown[number].mask), shown[number].image)
        ]
        features = self.encoder.identities(views).reshape(len(asked), 2, -1)
        for number, edit in zip(asked, features, strict=True):
            identity, frame = (edit * self._source(shown[number])).sum(axis=1, dtype=np.float64)
            found[number] = {"identity": float(identity), "source_cosine": float(frame)}
        return found

    def _source(self, one: Shown) -> Feature:
        """Return features of the source's object and frame, float32 [2, width]."""
        source = one.source
        assert source is not None
        # Compared as the edit is: by crops, or by frames.
        mask = one.object_in_source if one.mask is not None else None
        return self._sources.get(
            (one.source_key(), mask is None), lambda: self.encoder.identities([look_at(source, mask), source])
        )
