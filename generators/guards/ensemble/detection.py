"""The detector: whether an object of the class is there, where, and whether it is taken for another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from editmill.generators.guards.boxes import Box, box_iou, box_of
from editmill.generators.guards.ensemble.scores import OBJECT_SCORES
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.models.detector import Detection, Detector

# Scores below this count as this.
FAINTEST = 0.01
# Nothing competes too, with this score, so that a place without any object is none of the class.
NOTHING = 0.1
SAME_PLACE = 0.3


@dataclass(frozen=True)
class Sighting:
    """The best detection of the class.

    Attributes:
        box: Where; None when there is none.
        score: The detector's probability, at least ``FAINTEST``.
        rival: The best score of another name in the same place, at least ``NOTHING``.
    """

    box: Box | None
    score: float
    rival: float

    @property
    def scores(self) -> dict[str, float]:
        """``object_score`` in [0, 1], and ``object_margin``: its log odds less the rival's, in nats."""
        return {"object_score": self.score, "object_margin": _log_odds(self.score) - _log_odds(self.rival)}


def _log_odds(probability: float) -> float:
    # Neither end may be infinite.
    bounded = min(max(probability, FAINTEST), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))


class ObjectMember:
    """Asks for the class and its confusable names; where a mask says where the object is, only detections there count.

    Args:
        detector: The detector.
        rivals: N(y) by class name.
    """

    score_names: tuple[str, ...] = OBJECT_SCORES

    def __init__(self, detector: Detector, rivals: Mapping[str, tuple[str, ...]]) -> None:
        self.detector, self.rivals = detector, rivals

    def look(self, shown: Sequence[Shown]) -> list[Sighting | None]:
        """Return one sighting per candidate; None where the class is unknown."""
        asked = [one.class_name in self.rivals for one in shown]
        queries = [
            self.detector.class_queries((one.class_name, *self.rivals[one.class_name])) if known else ()
            for one, known in zip(shown, asked, strict=True)
        ]
        found = self.detector.detect_each([one.image for one in shown], queries, FAINTEST)
        return [_sighting(one, seen) if known else None for one, seen, known in zip(shown, found, asked, strict=True)]


def _sighting(one: Shown, seen: list[Detection]) -> Sighting:
    if one.mask is not None and (one.mask > 127).any():
        place = box_of(one.mask > 127)
        seen = [item for item in seen if box_iou(item.box, place) > SAME_PLACE]
    # The best come first.
    own = next((item for item in seen if item.label == 0), None)
    if own is None:
        return Sighting(None, FAINTEST, max((NOTHING, *(item.score for item in seen))))
    others = (item.score for item in seen if item.label and box_iou(item.box, own.box) > SAME_PLACE)
    return Sighting(own.box, own.score, max((NOTHING, *others)))
