"""Proposals: the mask that a pack's segmenter makes of a prompt, with what it thinks of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from editmill.generators.guards.boxes import box_of
from editmill.generators.guards.looking import object_crop
from editmill.generators.models.detector import Detector
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.generators.models.segmenter import Segment, Segmenter
from editmill.manifests.arrays import Mask, Picture
from editmill.pipelines.masks.prompts import Box, Prompt
from editmill.pipelines.masks.refusal import Refusal, Refused
from editmill.pipelines.masks.shape import borders_met, centrality, clean, mask_iou

# How much the mask's box grows on each side for the second test of stability.
GROWTH = 0.08
DETECTION = 0.3
# From this probability on, a second object counts as one of the class.
LIKELY = 0.5
AUTOMATIC_LEAST, AUTOMATIC_MOST, AUTOMATIC_BORDERS = 0.01, 0.6, 2


@dataclass(frozen=True)
class Proposal:
    """A cleaned mask.

    Attributes:
        mask: Bool [H, W], one piece.
        source: ``sam-box``, ``sam-point``, ``sam-automatic`` or ``sam-detector``.
        score: IoU that the segmenter predicts.
        stability: The lower IoU of the mask with the segmenter's masks of its own box and of that box grown.
        largest: Share of the segmenter's pixels in the piece that was kept.
    """

    mask: Mask
    source: str
    score: float
    stability: float
    largest: float


class Proposer:
    """Makes proposals with the roles ``segmenter``, ``detector`` (when asked) and ``zero_shot`` (for the automatic
    choice, where the pack has one).

    Args:
        models: The models.
        class_names: The names between which an open-vocabulary judge decides.
    """

    def __init__(self, models: Models, *, class_names: tuple[str, ...]) -> None:
        self.models, self.class_names = models, class_names
        self.segmenter = Segmenter(models)

    @cached_property
    def judge(self) -> ZeroShotJudge | None:
        """The judge of automatic masks, where the pack has one."""
        return ZeroShotJudge(self.models) if "zero_shot" in self.models.pack.roles else None

    @cached_property
    def detector(self) -> Detector:
        """The detector of class names."""
        return Detector(self.models)

    def propose(self, image: Picture, prompt: Prompt, class_name: str) -> Proposal:
        """Return the proposal for an image (uint8 [H, W, 3] RGB).

        Raises:
            Refused: There is nothing to propose.
        """
        segment = self._segment(image, prompt, class_name)
        if not segment.mask.any():
            raise Refused(Refusal.NO_CANDIDATE, "the segmenter's mask is empty")
        cleaned = clean(segment.mask)
        return Proposal(
            cleaned.mask,
            f"sam-{prompt.kind}",
            segment.predicted_iou,
            self._stability(image, cleaned.mask),
            cleaned.largest,
        )

    def _segment(self, image: Picture, prompt: Prompt, class_name: str) -> Segment:
        if prompt.kind == "box":
            return self.segmenter.from_box(image, prompt.box)
        if prompt.kind == "point":
            return self.segmenter.from_points(image, np.asarray(prompt.points), np.ones(len(prompt.points)))
        if prompt.kind == "detector":
            return self.segmenter.from_box(image, self._detect(image, class_name))
        return self._choose(image, class_name)

    def _detect(self, image: Picture, class_name: str) -> Box:
        if not class_name:
            raise Refused(Refusal.PROMPT_UNUSABLE, "the row names no class to look for")
        found = self.detector.detect([image], self.detector.class_queries((class_name,)), DETECTION)[0]
        if not found:
            raise Refused(Refusal.NOT_DETECTED, f"no {class_name!r} found with a score above {DETECTION:g}")
        # The other object would stay in every edited background.
        if len(found) > 1:
            raise Refused(
                Refusal.SEVERAL_OBJECTS, f"{len(found)} objects look like {class_name!r}, and the mask would be of one"
            )
        return found[0].box

    def _choose(self, image: Picture, class_name: str) -> Segment:
        """Return the most central mask that the segmenter trusts and that shows the
        class.
        """
        segments = [segment for segment in self.segmenter.automatic(image) if _may_be_object(segment.mask)]
        if not segments:
            raise Refused(
                Refusal.NO_CANDIDATE,
                f"no mask with {AUTOMATIC_LEAST:g} to {AUTOMATIC_MOST:g} of the frame that meets at most two borders",
            )
        fits = self._fits(image, segments, class_name)
        if fits is None:
            return max(segments, key=_weight)
        best = max(zip(segments, fits, strict=True), key=lambda pair: pair[1] * _weight(pair[0]))[0]
        if any(fit >= LIKELY and not (one.mask & best.mask).any() for one, fit in zip(segments, fits, strict=True)):
            raise Refused(
                Refusal.SEVERAL_OBJECTS, f"another object looks like {class_name!r}, too, and the mask would be of one"
            )
        return best

    def _fits(self, image: Picture, segments: list[Segment], class_name: str) -> list[float] | None:
        """Return the judge's probability that each mask's crop shows the class; None where it can't tell."""
        judge = self.judge
        if judge is None or not class_name or not judge.knows(class_name):
            return None
        names = judge.vocabulary or self.class_names
        # Backgrounds give an open-vocabulary judge something else to say, even in a set of one class.
        texts = judge.class_prompts(names) + (() if judge.vocabulary else self.models.pack.backgrounds)
        crops = [object_crop(image, segment.mask) for segment in segments]
        return [float(row[names.index(class_name)]) for row in judge.probabilities(crops, texts)]

    def _stability(self, image: Picture, mask: Mask) -> float:
        box = box_of(mask)
        others = [self.segmenter.from_box(image, shown).mask for shown in (box, _grow(box, image.shape))]
        return min(mask_iou(mask, clean(other).mask) if other.any() else 0.0 for other in others)


def _weight(segment: Segment) -> float:
    # The predicted IoU is not clipped and may exceed 1.
    return centrality(segment.mask) * min(segment.predicted_iou, 1.0)


def _may_be_object(mask: Mask) -> bool:
    return AUTOMATIC_LEAST <= mask.mean() <= AUTOMATIC_MOST and borders_met(mask) <= AUTOMATIC_BORDERS


def _grow(box: Box, shape: tuple[int, ...]) -> Box:
    left, top, right, bottom = box
    across, down = GROWTH * (right - left), GROWTH * (bottom - top)
    return (
        max(left - across, 0.0),
        max(top - down, 0.0),
        min(right + across, float(shape[1])),
        min(bottom + down, float(shape[0])),
    )
