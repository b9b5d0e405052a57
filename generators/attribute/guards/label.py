"""The label guard: zero-shot judges still see the labelled class."""

from __future__ import annotations

import numpy as np

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.limits import LabelRule
from editmill.generators.attribute.guards.scores import LABEL, SUFFIXES
from editmill.generators.base.guards import Verdict
from editmill.generators.base.per_source import PerSource
from editmill.generators.guards.looking import object_crop
from editmill.generators.models.judge import ZeroShotJudge
from editmill.manifests.arrays import Picture


class LabelGuard:
    """Rejects when every judge that recognised the source no longer recognises the edited picture (gate G8).

    The margin is P(labelled class) less the largest P of another class of the judge's list. A judge that does not know
    the class, or did not recognise the source, is not asked: ``label_judged`` is then 0. The second judge's scores end
    in ``_2``.

    Args:
        judges: One or two, of roles that nothing is evaluated with.
        class_names: The dataset's classes, for judges without a vocabulary of their own.
        rule: The margin that has to be passed.
    """

    score_names: tuple[str, ...] = LABEL

    def __init__(self, *judges: ZeroShotJudge, class_names: tuple[str, ...], rule: LabelRule) -> None:
        self.judges, self.rule = judges, rule
        self.names = tuple(tuple(judge.vocabulary) or class_names for judge in judges)
        self._sources: PerSource[tuple[float | None, ...]] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        assert candidate.alpha is not None
        name = job.source.record.class_name
        before = self._sources.get(
            (job.source.record.id, name), lambda: self._margins(object_crop(job.source.image, job.source.mask), name)
        )
        after = self._margins(object_crop(image, candidate.alpha), name)
        scores: dict[str, float] = {}
        # With one judge the second suffix is left over.
        for suffix, old, new in zip(SUFFIXES, before, after, strict=False):
            scores["label_judged" + suffix] = 0.0
            if old is not None and new is not None:
                scores |= {"label_margin" + suffix: new, "label_source_margin" + suffix: old}
        return self.rule.decide(job.edit, scores)

    def _margins(self, crop: Picture, name: str) -> tuple[float | None, ...]:
        return tuple(_margin(judge, names, crop, name) for judge, names in zip(self.judges, self.names, strict=True))


def _margin(judge: ZeroShotJudge, names: tuple[str, ...], crop: Picture, name: str) -> float | None:
    """Return the margin of ``name``; None where the judge can't be asked."""
    if name not in names or len(names) < 2:
        return None
    probabilities = judge.probabilities([crop], judge.class_prompts(names))[0]
    index = names.index(name)
    return float(probabilities[index] - np.delete(probabilities, index).max())
