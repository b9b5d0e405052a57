"""What an image says of one object: the attributes of a group, judged on its crop, or its size, measured against
others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from editmill.generators.base.loaded import Box, CaptionedImage
from editmill.generators.guards.boxes import box_area
from editmill.generators.models.features import ImageTextFeatures
from editmill.generators.models.pack import AttributeGroup, ObjectSize
from editmill.generators.models.segmenter import Segmenter
from editmill.generators.models.together import side_by_side
from editmill.generators.text.language.articles import indefinite_article
from editmill.generators.text.sightings import Sighting
from editmill.manifests.arrays import Feature, Picture

TEMPLATES = ("{}", "a photo of {}", "a picture of {}")
SIZES = ("small", "large")
UNMEASURED = -1.0


@dataclass(frozen=True)
class Finding:
    """The outcome of one group for one object.

    Attributes:
        word: The winning word, "" for none.
        sure: Whether it passes the group's thresholds.
        probability, none, margin: Of the word, of "none", and the lead over the runner-up; -1 where the group has no
            probabilities.
        runner_up: The second answer, "" for none.
        ratio: For sizes, the area relative to what it is compared with; -1 elsewhere.
    """

    word: str
    sure: bool
    probability: float = UNMEASURED
    none: float = UNMEASURED
    runner_up: str = ""
    margin: float = UNMEASURED
    ratio: float = UNMEASURED


def phrase_of(noun: str, *words: str) -> str:
    """Return ``a red ball``, with the words that are not empty."""
    text = " ".join(word for word in (*words, noun) if word)
    return f"{indefinite_article(text.split()[0])} {text}"


def crop_around(image: Picture, box: Box, margin: float) -> Picture:
    """Return the square around ``box``, larger by ``margin`` of its longer side on each side, uint8 [S, S, 3] RGB.

    Beyond the frame the border is repeated.
    """
    left, top, right, bottom = box
    half = max(2, round(max(right - left, bottom - top) * (0.5 + margin)))
    x, y = int(left + right) // 2, int(top + bottom) // 2
    padded = cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REPLICATE)
    return padded[y : y + 2 * half, x : x + 2 * half]


class CropJudge:
    """Scores the words of a group, and "none", on crops of objects, by a CLIP-like model."""

    def __init__(self, features: ImageTextFeatures) -> None:
        self.features = features
        self._phrases: dict[str, Feature] = {}

    def look(self, crops: list[Picture]) -> Feature:
        """Return features of crops: float32 [crops, features]."""
        return np.asarray(self.features.images(crops).cpu())

    def logits(
        self, seen: Feature, noun: str, words: tuple[str, ...], *, context: str = "", none: float = 0.0
    ) -> Feature:
        """Return logits of ``words`` and, last, of "none" less ``none``: float64 [words + 1].

        Args:
            seen: A crop's features.
            noun: The object's noun.
            words: The group's words.
            context: A modifier that stands before each of them, such as a colour that is known.
            none: The handicap of "none".
        """
        texts = np.stack([self._phrase(phrase_of(noun, context, word)) for word in (*words, "")])
        scores = self.features.scale * (texts @ seen.astype(np.float64))
        scores[-1] -= none
        return np.asarray(scores)

    def _phrase(self, phrase: str) -> Feature:
        if phrase not in self._phrases:
            texts = self.features.texts(tuple(template.format(phrase) for template in TEMPLATES)).double().mean(dim=0)
            self._phrases[phrase] = np.asarray((texts / texts.norm()).cpu())
        return self._phrases[phrase]


def softmax(logits: Feature) -> Feature:
    """Return probabilities of logits."""
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum())


def find_word(logits: Feature, group: AttributeGroup) -> Finding:
    """Return the decision over a group's words and "none", the last of ``logits``."""
    probabilities = softmax(logits)
    order = np.argsort(-probabilities, kind="stable")
    names = (*group.words, "")
    first, second = int(order[0]), int(order[1])
    lead = float(probabilities[first] - probabilities[second])
    sure = bool(names[first]) and probabilities[first] >= group.probability and lead >= group.margin
    return Finding(names[first], bool(sure), float(probabilities[first]), float(probabilities[-1]), names[second], lead)


class SizeRuler:
    """Sizes of objects: their area against the usual one of their noun, else of other objects of the noun, else of the
    image's objects.

    Crops of one scale make every object the same size, so no judge is asked.
    """

    def __init__(
        self,
        segmenter: Segmenter | None,
        usual: dict[str, ObjectSize],
        *,
        small: float,
        large: float,
        together: int = 1,
    ) -> None:
        """Set up.

        Args:
            segmenter: Measures by masks; None for boxes alone.
            usual: Sizes by noun.
            small: Up to which ratio an object is small.
            large: From which ratio on it is large.
            together: Pictures that share a call of the segmenter.
        """
        self.segmenter, self.usual, self.small, self.large, self.together = segmenter, usual, small, large, together
        self._areas: dict[tuple[str, Box], float] = {}

    def forget(self) -> None:
        """Drop the masks' areas that were measured so far."""
        self._areas.clear()

    def look(self, asked: Iterable[tuple[CaptionedImage, Sighting, tuple[Sighting, ...]]]) -> None:
        """Measure the masks that ``measure`` will need for several images and objects, in shared calls."""
        if self.segmenter is None:
            return
        images, boxes = dict[str, CaptionedImage](), dict[str, list[Box]]()
        for image, sighting, all_seen in asked:
            name = image.record.id
            needed = [one.box for one in (sighting, *self._compared(sighting, all_seen))]
            images[name] = image
            boxes.setdefault(name, []).extend(box for box in needed if (name, box) not in self._areas)
        new = [name for name, mine in boxes.items() if mine]
        side_by_side(
            lambda name: self._measure(images[name], list(dict.fromkeys(boxes[name]))), new, most=self.together
        )

    def _measure(self, image: CaptionedImage, boxes: list[Box]) -> None:
        assert self.segmenter is not None
        for box, found in zip(boxes, self.segmenter.from_boxes(image.image, boxes), strict=True):
            # An empty mask would make everything that is compared with it infinitely large.
            self._areas[image.record.id, box] = max(float(found.mask.mean()), 1e-6)

    def measure(self, image: CaptionedImage, sighting: Sighting, all_seen: tuple[Sighting, ...]) -> Finding:
        """Return the size by the mask's area, or the box's where there is no segmenter."""
        self.look([(image, sighting, all_seen)])
        ratio = self._ratio(
            image,
            sighting,
            all_seen,
            self._mask_area if self.segmenter else self._box_area,
            masks=self.segmenter is not None,
        )
        if ratio is None:
            return Finding("", False)
        word = "large" if ratio >= self.large else "small" if ratio <= self.small else ""
        return Finding(word, bool(word), ratio=ratio)

    def box_ratio(self, image: CaptionedImage, sighting: Sighting, all_seen: tuple[Sighting, ...]) -> float | None:
        """Return the same by boxes: a second opinion, from the detector."""
        return self._ratio(image, sighting, all_seen, self._box_area, masks=False)

    def _ratio(
        self,
        image: CaptionedImage,
        sighting: Sighting,
        all_seen: tuple[Sighting, ...],
        area: Callable[[CaptionedImage, Box], float],
        *,
        masks: bool,
    ) -> float | None:
        mine = area(image, sighting.box)
        usual = self.usual.get(sighting.noun)
        if usual is not None:
            return mine / (usual.mask if masks else usual.box)
        compared = self._compared(sighting, all_seen)
        return mine / float(np.median([area(image, other.box) for other in compared])) if compared else None

    def _compared(self, sighting: Sighting, all_seen: tuple[Sighting, ...]) -> list[Sighting]:
        """Return what an object's size is compared with; nothing where the usual one of its noun is known."""
        if sighting.noun in self.usual:
            return []
        others = [other for other in all_seen if other != sighting]
        siblings = [other for other in others if other.noun == sighting.noun]
        # One other object is no measure of what is usual in an image.
        return siblings or (others if len(others) >= 2 else [])

    @staticmethod
    def _box_area(image: CaptionedImage, box: Box) -> float:
        return box_area(box) / (image.image.shape[0] * image.image.shape[1])

    def _mask_area(self, image: CaptionedImage, box: Box) -> float:
        return self._areas[image.record.id, box]


def size_margin(word: str, box_ratio: float | None) -> float:
    """Return by how much, in natural logarithms, boxes agree that an object is ``word``.

    0 where there is nothing to compare with.
    """
    if box_ratio is None:
        return 0.0
    return math.log(box_ratio) * (1 if word == "large" else -1)
