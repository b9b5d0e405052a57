"""The removal guard: nothing of a removed object is left in the background that another object, or the same one, was
laid on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.scores import REMOVAL
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.guards import Verdict
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.base.per_source import PerSource
from editmill.generators.compositing.composite import cover
from editmill.generators.guards.boxes import box_iou, box_of
from editmill.generators.guards.looking import NOTHING, object_crop
from editmill.generators.models.detector import Detector
from editmill.generators.models.judge import ZeroShotJudge
from editmill.manifests.arrays import Mask, Picture

# Overlap with the old box, of gate G1 (imagenet-e spec, section 6).
SAME_PLACE = 0.3
# Detections are asked for far below the limit, so that rows hold scores on both sides of it.
FAINTEST = 0.05
# P(class) in the source from which on a judge is asked at all.
RECOGNISED = 0.5
# As many as there are scores for.
JUDGES = 2


@dataclass(frozen=True)
class Traces:
    """What is seen of a class in one place: the best detection's score there, and each judge's P(class).

    None where it was not asked.
    """

    detection: float | None
    probabilities: tuple[float | None, ...]


class RemovalGuard:
    """Rejects when a judge still sees the removed object's class in the place of its old box (gate G1).

    A zero-shot judge weighs the class against nothing: against "no object" with a closed vocabulary, whose judges are
    trained to say so, and against the pack's background prompts with an open one. A judge is asked where it sees the
    object in the unedited source.

    Args:
        judges: Zero-shot judges, at most two.
        detector: Finds objects by class, or None.
        backgrounds: Prompts of empty backgrounds.
        probability: P(class) from which a judge sees an object.
        threshold: Detection score above which the detector does.
    """

    score_names: tuple[str, ...] = REMOVAL

    def __init__(
        self,
        judges: Sequence[ZeroShotJudge],
        detector: Detector | None,
        *,
        backgrounds: tuple[str, ...],
        probability: float = 0.1,
        threshold: float = 0.3,
    ) -> None:
        self.judges, self.detector, self.backgrounds = tuple(judges)[:JUDGES], detector, backgrounds
        self.probability, self.threshold = probability, threshold
        self._sources: PerSource[Traces] = PerSource()
        self._removed: PerSource[Traces] = PerSource()

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        removed, background = removed_source(job), candidate.removed
        if background is None or removed is None:
            return Verdict({})
        mask = cover(removed.mask, background.shape) > 127
        if not mask.any():
            return Verdict({"removal_judged": 0.0})
        name = removed.record.class_name
        # Several edits of one source share a look; a partner's own edits, which may be of another shard, have theirs,
        # since what a detector sees may depend on the company of its call.
        key = job.source.record.id, removed.record.id, name
        before = self._sources.get(key, lambda: self._look(removed.image, removed.mask > 127, name))
        shown = *key, hashlib.blake2b(background.tobytes(), digest_size=16).digest()
        return self._weigh(before, self._removed.get(shown, lambda: self._look(background, mask, name)))

    def _weigh(self, before: Traces, after: Traces) -> Verdict:
        scores: dict[str, float] = {}
        judged, seen = False, False
        if before.detection is not None and after.detection is not None:
            scores["removal_detection"] = after.detection
            judged = before.detection > self.threshold
            seen = judged and after.detection > self.threshold
        for name, old, new in zip(self.score_names[2:], before.probabilities, after.probabilities, strict=False):
            if old is not None and new is not None:
                scores[name] = new
                judged |= old >= RECOGNISED
                seen |= old >= RECOGNISED and new >= self.probability
        return Verdict({"removal_judged": float(judged), **scores}, (AttributeReason.REMOVAL_RESIDUAL,) if seen else ())

    def _look(self, image: Picture, mask: Mask, name: str) -> Traces:
        crop = object_crop(image, mask)
        return Traces(
            self._detection(image, mask, name), tuple(self._probability(judge, crop, name) for judge in self.judges)
        )

    def _detection(self, image: Picture, mask: Mask, name: str) -> float | None:
        if self.detector is None:
            return None
        box = box_of(mask)
        # A copy, because kept backgrounds can't be written to, of which torch warns.
        found = self.detector.detect([image.copy()], self.detector.class_queries((name,)), FAINTEST)[0]
        return max((item.score for item in found if box_iou(item.box, box) > SAME_PLACE), default=0.0)

    def _probability(self, judge: ZeroShotJudge, crop: Picture, name: str) -> float | None:
        nothing = (NOTHING,) if judge.vocabulary else self.backgrounds
        if not judge.knows(name) or not nothing:
            return None
        return float(judge.probabilities([crop], (*judge.class_prompts((name,)), *nothing))[0][0])


def removed_source(job: EditJob) -> LoadedSource | None:
    """Return the source whose object was removed: the partner where its background was taken, else the job's own."""
    return job.partner if job.edit.name == "random-background" else job.source
