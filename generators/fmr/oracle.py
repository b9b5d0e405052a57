"""What judges the iterates of an ascent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from editmill.generators.base.guards import Verdict
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.models.judge import ZeroShotJudge
from editmill.manifests.arrays import Feature, Mask, Picture


@dataclass(frozen=True)
class Subject:
    """One source of an ascent: ``image`` uint8 [H, W, 3] RGB, and the true class by number and name.

    ``mask`` is uint8 [H, W], 255 on the object, for guards that look at it; None where nobody knows.
    """

    key: str
    image: Picture
    label: int
    class_name: str
    mask: Mask | None = None


class Oracle(Protocol):
    """Judges pictures as they will be stored.

    A verdict may depend on neither the order nor the number of the pictures.
    """

    def __call__(self, subjects: Sequence[Subject], images: Sequence[Picture]) -> Sequence[Verdict]:
        """Return one verdict per picture, uint8 [H, W, 3] RGB, decoded from its bytes; no reasons accept it."""


class ZeroShotOracle:
    """The publication's h: the class of the highest zero-shot probability over the whole picture is the label, without
    a margin.

    Args:
        judge: The zero-shot judge; of another role than anything that is evaluated.
        class_names: The dataset's classes, for a judge without a vocabulary of its own.
    """

    def __init__(self, judge: ZeroShotJudge, class_names: tuple[str, ...]) -> None:
        self.judge, self.names = judge, tuple(judge.vocabulary) or class_names

    def __call__(self, subjects: Sequence[Subject], images: Sequence[Picture]) -> list[Verdict]:
        probabilities = self.judge.probabilities(list(images), self.judge.class_prompts(self.names))
        return [self._verdict(subject.class_name, row) for subject, row in zip(subjects, probabilities, strict=True)]

    def _verdict(self, name: str, probabilities: Feature) -> Verdict:
        if name not in self.names:
            return Verdict({}, (GuardReason.LABEL_MARGIN_LOW,))
        index = self.names.index(name)
        margin = float(probabilities[index] - np.delete(probabilities, index).max())
        return Verdict(
            {"label_margin": margin}, () if int(probabilities.argmax()) == index else (GuardReason.LABEL_MARGIN_LOW,)
        )
