"""The segmentation guard: the object that a segmenter finds in the picture is the intended one, and not larger."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from editmill.generators.base.guards import Verdict
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.base.per_source import PerSource
from editmill.generators.guards.boxes import box_of
from editmill.generators.guards.ensemble.scores import SEGMENTATION_SCORES
from editmill.generators.guards.segmentation_rule import SegmentationRule
from editmill.manifests.arrays import Mask, Picture

if TYPE_CHECKING:
    from editmill.generators.models.segmenter import Segmenter

# An object that reaches within this many pixels of two opposite borders has no surroundings to tell it from.
SPAN = 2
# A Sam's decoder gives masks of four times its embedding's side.
MASK_FACTOR = 4


class Sourced(Protocol):
    """What the guard reads of a job: where it started from."""

    @property
    def source(self) -> LoadedSource:
        """The source."""


class Composed(Protocol):
    """What the guard reads of a candidate: a picture, the object's alpha in it, and what it is a copy of."""

    @property
    def image(self) -> Picture | None:
        """The picture."""

    @property
    def alpha(self) -> Mask | None:
        """Share of the object per pixel, uint8 [H, W]."""

    @property
    def reference(self) -> Picture | None:
        """The source as it was laid into the picture."""


@dataclass(frozen=True)
class Agreement:
    """How a segmented mask agrees with the intended one; ``share`` is the intended one's share of the frame."""

    iou: float
    expansion: float
    share: float


def outline_band(mask: Mask, width: int = 1) -> Mask:
    """Return the ``width`` pixels on either side of a mask's outline, bool [H, W]; the frame's border is no outline."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inside = mask.astype(np.uint8)
    return cv2.dilate(inside, cross, iterations=width) > cv2.erode(inside, cross, iterations=width)


def band_width(segmenter: Segmenter, shape: tuple[int, ...]) -> int:
    """Return half a pixel of the segmenter's own masks, which are coarser than its input, in pixels of a frame of
    ``shape``; at least one.
    """
    rows, _ = segmenter.model.prompt_encoder.image_embedding_size
    return max(1, round(max(shape[:2]) / (2 * MASK_FACTOR * rows)))


def agreement(found: Mask, intended: Mask, *, band: int = 1) -> Agreement:
    """Compare two masks, bool [H, W].

    Both figures leave out ``band`` pixels on either side of the intended outline, where alpha ramps and a segmenter may
    decide either way. The expansion is the area found beyond them over the intended mask's.
    """
    clear = ~outline_band(intended, band)
    union = np.count_nonzero((found | intended) & clear)
    shared = np.count_nonzero(found & intended & clear)
    expansion = float(np.count_nonzero(found & ~intended & clear) / max(1, int(np.count_nonzero(intended))))
    return Agreement(shared / union if union else 0.0, expansion, float(intended.mean()))


def spans_frame(mask: Mask) -> bool:
    """Return whether a mask's box (bool [H, W]) reaches two opposite borders of the frame."""
    left, top, right, bottom = box_of(mask)
    height, width = mask.shape
    return (left <= SPAN and right >= width - SPAN) or (top <= SPAN and bottom >= height - SPAN)


class SegmentationGuard:
    """Rejects an object that was grown (gate G3) or that is not where it was meant to be (gate G4).

    The segmenter is asked for what fills the box of the intended mask (alpha of at least half). It counts
    (``segment_judged``) where its mask of the unedited source reaches the limit, unless the object spans the frame, as
    ``full`` makes it, or nothing was composed, since the alpha of large frames leaves out a rim that is still there
    then. Expansion that it shows on the source already, such as into a shadow, is its own.

    Args:
        segmenter: The judge.
        rule: The limits.
    """

    score_names: tuple[str, ...] = SEGMENTATION_SCORES

    def __init__(self, segmenter: Segmenter, *, rule: SegmentationRule) -> None:
        self.segmenter, self.rule = segmenter, rule
        self._sources: PerSource[Agreement] = PerSource()

    def check(self, job: Sourced, candidate: Composed, image: Picture) -> Verdict:
        """Judge a stored picture by what it was composed of."""
        assert candidate.alpha is not None
        made, kept = candidate.image, candidate.reference
        if made is not None and kept is not None and np.array_equal(made, kept):
            return Verdict({"segment_judged": 0.0})
        source = job.source
        return self.compare(image, candidate.alpha > 127, source.image, source.mask > 127, key=source.record.id)

    def compare(self, image: Picture, intended: Mask, source: Picture, mask: Mask, *, key: Hashable) -> Verdict:
        """Judge a picture uint8 [H, W, 3] RGB.

        Args:
            image: The picture.
            intended: Where its object should be, bool [H, W].
            source: What it was made of, uint8 [H', W', 3] RGB.
            mask: The object there, bool [H', W'].
            key: Identifies the source with its mask, so that several pictures of it share one look.
        """
        if not intended.any() or spans_frame(intended):
            return Verdict({"segment_judged": 0.0})
        before = self._sources.get(key, lambda: self._measure(source, mask))
        found = self._measure(image, intended)
        scores = {
            "mask_iou": found.iou,
            "source_mask_iou": before.iou,
            "expansion": found.expansion,
            "source_expansion": before.expansion,
        }
        return self.rule.weigh(scores, share=found.share, source_share=before.share)

    def _measure(self, image: Picture, intended: Mask) -> Agreement:
        found = self.segmenter.from_box(image, box_of(intended)).mask
        return agreement(found, intended, band=band_width(self.segmenter, intended.shape))
