"""What is measured of every edited caption, whether a guard reads it or not."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from editmill.generators.base.loaded import CaptionedImage
from editmill.generators.models.entailment import Entailment
from editmill.generators.models.features import ImageTextFeatures
from editmill.generators.text.fluency import Fluency
from editmill.generators.text.language.article_check import article_errors
from editmill.generators.text.settling import ENTAILED


class Measures:
    """Similarities, likelihoods and entailment of edited texts and their sources.

    Models that a pack lacks leave their scores out.
    """

    def __init__(
        self, features: ImageTextFeatures | None, fluency: Fluency | None, entailment: Entailment | None
    ) -> None:
        self.features, self.fluency, self.entailment = features, fluency, entailment
        self._images: dict[str, torch.Tensor] = {}

    def measure(self, images: Sequence[CaptionedImage], pairs: Sequence[tuple[str, str]]) -> list[dict[str, float]]:
        """Return scores of (source, edited) texts about ``images``, one dict each.

        ``text_similarity`` and ``cross_modal_…`` are cosines of the first judge's features, ``pll_…`` nats per token,
        ``entailment`` the probability that the edited text entails its source, ``article_errors`` a count.
        """
        scores: list[dict[str, float]] = [{"article_errors": float(len(article_errors(edited)))} for _, edited in pairs]
        if not pairs:
            return scores
        before, after = [source for source, _ in pairs], [edited for _, edited in pairs]
        if self.features is not None:
            self._cosines(images, before, after, scores)
        if self.fluency is not None:
            for one, old, new in zip(
                scores, self.fluency.per_token(before), self.fluency.per_token(after), strict=True
            ):
                one |= {"pll_before": old, "pll_after": new}
        if self.entailment is not None:
            # The edited text is the premise: it may say more than its source, but take nothing back.
            entailed = self.entailment.probabilities([(edited, source) for source, edited in pairs])[
                :, ENTAILED
            ].tolist()
            for one, probability in zip(scores, entailed, strict=True):
                one["entailment"] = probability
        return scores

    def _cosines(
        self, images: Sequence[CaptionedImage], before: list[str], after: list[str], scores: list[dict[str, float]]
    ) -> None:
        assert self.features is not None
        seen = self._seen(images)
        old, new = self.features.texts(tuple(before)), self.features.texts(tuple(after))
        rows = zip(
            scores, (old * new).sum(1).tolist(), (seen * old).sum(1).tolist(), (seen * new).sum(1).tolist(), strict=True
        )
        for one, similarity, first, second in rows:
            one |= {"text_similarity": similarity, "cross_modal_before": first, "cross_modal_after": second}

    def _seen(self, images: Sequence[CaptionedImage]) -> torch.Tensor:
        """Return features of whole images.

        Those of the last call are remembered, since the edits of one image come together.
        """
        assert self.features is not None
        known = {image.record.id: image for image in images}
        new = [key for key in known if key not in self._images]
        if new:
            fresh = dict(zip(new, self.features.images([known[key].image for key in new]), strict=True))
            self._images = {**{key: self._images[key] for key in known if key in self._images}, **fresh}
        return torch.stack([self._images[image.record.id] for image in images])
