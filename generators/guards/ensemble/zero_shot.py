"""Zero-shot judges of the label: the margin over confusable names, as CLIP and SigLIP see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from editmill.generators.guards.ensemble.confusables import confusables
from editmill.generators.guards.ensemble.scores import PREFIXES
from editmill.generators.guards.ensemble.views import other_views
from editmill.generators.guards.looking import NOTHING
from editmill.generators.models.features import ImageTextFeatures
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Feature, Picture


class ZeroShotMember:
    """Scores of one judge, in nats; a class that it does not know has none.

    ``margin`` is s(x, y) less the largest s(x, c) over N(y), where s is the scaled cosine; ``margin_worst`` the least
    margin of three other views; ``top1`` 1 where y is the best of all names, which records how ambiguous names are;
    ``probability`` its softmax over all names and nothing, and ``confidence`` the largest name's; ``odds`` the logit of
    SigLIP's sigmoid (Zhai et al., arXiv 2303.15343, section 3.2), only of models that have its bias.

    Args:
        models: The models.
        role: ``zero_shot`` or ``zero_shot_2``.
        class_names: The dataset's classes, for judges without a vocabulary of their own.
        nearest: Size of N(y).
        backgrounds: Prompts of empty pictures, for open vocabularies; closed ones compete with "no object".
        templates: Prompts whose mean feature stands for a class, for open vocabularies (Radford et al., arXiv
            2103.00020, section 3.1.4).
        siblings: Names of the same superclass.
        batch: Pictures per forward pass.
    """

    def __init__(
        self,
        models: Models,
        role: str,
        *,
        class_names: tuple[str, ...],
        nearest: int,
        backgrounds: tuple[str, ...] = (),
        templates: tuple[str, ...] = (),
        siblings: Mapping[str, tuple[str, ...]] | None = None,
        batch: int = 8,
    ) -> None:
        self.prefix = PREFIXES[role]
        self.features = ImageTextFeatures(models, role=role, batch=batch)
        entry = models.pack.entry(role)
        self.names = tuple(dict.fromkeys(entry.vocabulary or class_names))
        prompts = [entry.class_prompts(self.names)]
        if templates and not entry.vocabulary:
            prompts = [tuple(template.format(name.split(",")[0]) for name in self.names) for template in templates]
        nothing = (NOTHING,) if entry.vocabulary else backgrounds
        names = sum((self.features.texts(one) for one in prompts), torch.tensor(0.0))
        self.texts = torch.cat(
            [torch.nn.functional.normalize(names, dim=-1), *([self.features.texts(nothing)] if nothing else [])]
        )
        near = confusables(
            np.asarray(self.texts[: len(self.names)].cpu()), self.names, nearest=nearest, siblings=siblings
        )
        index = {name: number for number, name in enumerate(self.names)}
        empty = range(len(self.names), len(self.texts))
        self.rivals = {name: [*(index[other] for other in near[name] if other in index), *empty] for name in self.names}
        self.near = near
        bias = getattr(self.features.model, "logit_bias", None)
        self.bias = None if bias is None else float(bias)

    def knows(self, class_name: str) -> bool:
        """Return whether it can be asked about the class."""
        return bool(self.rivals.get(class_name))

    def scores(self, crops: Sequence[Picture], class_names: Sequence[str]) -> list[dict[str, float]]:
        """Return scores of what judges look at (uint8 [H, W, 3] RGB, any sizes), by the label of each."""
        asked = [number for number, name in enumerate(class_names) if self.knows(name)]
        found: list[dict[str, float]] = [{} for _ in crops]
        if not asked:
            return found
        views = [view for number in asked for view in (crops[number], *other_views(crops[number]))]
        logits = self._logits(views).reshape(len(asked), -1, len(self.texts))
        for number, rows in zip(asked, logits, strict=True):
            scores = self._of_one(rows, class_names[number])
            found[number] = {f"{self.prefix}_{name}": value for name, value in scores.items()}
        return found

    @torch.inference_mode()
    def _logits(self, images: list[Picture]) -> Feature:
        """Return scaled cosines, float64 [images, texts]."""
        features = self.features.images(images)
        # Row by row: a product of another height would sum in another order.
        rows = torch.stack([(self.texts * feature).sum(dim=-1) for feature in features])
        return np.asarray((self.features.scale * rows).cpu(), np.float64)

    def _of_one(self, rows: Feature, name: str) -> dict[str, float]:
        own, rivals = self.names.index(name), self.rivals[name]
        margins = rows[:, own] - rows[:, rivals].max(axis=1)
        # The crop itself; the other rows are its views.
        first = rows[0]
        names, total = first[: len(self.names)], np.logaddexp.reduce(first)
        scores = {
            "margin": margins[0],
            "margin_worst": margins[1:].min(),
            "top1": names.argmax() == own,
            "probability": np.exp(first[own] - total),
            "confidence": np.exp(names.max() - total),
        }
        if self.bias is not None:
            scores["odds"] = first[own] + self.bias
        return {key: float(value) for key, value in scores.items()}
