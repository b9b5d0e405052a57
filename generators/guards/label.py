"""The label guard: a zero-shot judge still sees the labelled class."""

from __future__ import annotations

import cv2
import numpy as np

from generators.base import Candidate, Job, LoadedSource
from generators.guards.base import Array, Verdict
from generators.models.judge import ZeroShotJudge
from generators.reasons import Reason

CONTEXT = 0.3


def object_crop(image: Array, alpha: Array) -> Array:
    """The square around the object with a third of its size as context on each side; beyond the frame the border is repeated."""
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    half = max(2, round(max(bottom - top, right - left) * (0.5 + CONTEXT)))
    y, x = (top + bottom) // 2, (left + right) // 2
    border = cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REPLICATE)
    return border[y : y + 2 * half, x : x + 2 * half]


class LabelGuard:
    """Rejects when the judge recognised the source but no longer recognises the edited picture (gate G8 with one judge).

    The margin is P(labelled class) less the largest P of another class of the judge's list. A judge that does not know the class, or did
    not recognise the source, has no say: ``label_judged`` is then 0.
    """

    score_names: tuple[str, ...] = ("label_judged", "label_margin", "label_source_margin")

    def __init__(self, judge: ZeroShotJudge, *, class_names: tuple[str, ...], margin: float = 0.0) -> None:
        self.judge, self.margin = judge, margin
        self.names = tuple(judge.vocabulary) or class_names
        self._sources: dict[str, float] = {}

    def check(self, job: Job, candidate: Candidate, image: Array) -> Verdict:
        assert candidate.alpha is not None
        name = job.source.record.class_name
        if name not in self.names or len(self.names) < 2:
            return Verdict({"label_judged": 0.0})
        source = self._source_margin(job.source)
        margin = self._margin(object_crop(image, candidate.alpha), name)
        judged = source > self.margin
        reasons = (Reason.LABEL_MARGIN_LOW,) if judged and margin <= self.margin else ()
        return Verdict({"label_judged": float(judged), "label_margin": margin, "label_source_margin": source}, reasons)

    def _source_margin(self, source: LoadedSource) -> float:
        identity = source.record.id
        if identity not in self._sources:
            self._sources[identity] = self._margin(object_crop(source.image, source.mask), source.record.class_name)
        return self._sources[identity]

    def _margin(self, crop: Array, name: str) -> float:
        probabilities = self.judge.probabilities([crop], self.judge.class_prompts(self.names))[0]
        index = self.names.index(name)
        return float(probabilities[index] - np.delete(probabilities, index).max())
