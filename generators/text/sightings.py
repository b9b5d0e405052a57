"""Where the nouns of captions are in their images: boxes of a detector, or of the source's own annotations."""

from __future__ import annotations

from dataclasses import dataclass

from editmill.generators.base.loaded import Box, CaptionedImage
from editmill.generators.models.detector import Detector
from editmill.generators.text.settings import InsertionSettings


@dataclass(frozen=True)
class Sighting:
    """One object.

    Attributes:
        noun: The lemma that was looked for.
        box: (left, top, right, bottom) in pixels, right and bottom exclusive.
        score: The detector's probability, 1 for annotations.
    """

    noun: str
    box: Box
    score: float


class Lookout:
    """Finds objects by nouns. A noun's boxes do not depend on the other nouns or images that are asked about."""

    def __init__(
        self, detector: Detector | None, settings: InsertionSettings, vocabulary: tuple[str, ...] = ()
    ) -> None:
        """Without a detector, boxes are the source's, of nouns in the judges' ``vocabulary``; an empty one is open."""
        self.detector, self.settings, self.vocabulary = detector, settings, vocabulary

    def find(self, images: list[CaptionedImage], nouns: list[tuple[str, ...]]) -> list[dict[str, tuple[Sighting, ...]]]:
        """Return sightings by noun for each image, the best first; nouns that a closed vocabulary lacks have none."""
        found = (
            self._detected(images, nouns)
            if self.detector
            else [_annotated(image, self._judged(mine)) for image, mine in zip(images, nouns, strict=True)]
        )
        return [{noun: tuple(filter(self._large_enough, seen)) for noun, seen in mine.items()} for mine in found]

    def _detected(self, images: list[CaptionedImage], nouns: list[tuple[str, ...]]) -> list[dict[str, list[Sighting]]]:
        assert self.detector is not None
        known = self.detector.entry.vocabulary
        # Sorted, since sets of texts have another order in every process.
        asked = [tuple(sorted(noun for noun in set(mine) if not known or noun in known)) for mine in nouns]
        queries = [self.detector.class_queries(mine) for mine in asked]
        found: list[dict[str, list[Sighting]]] = [{noun: [] for noun in mine} for mine in asked]
        detections = self.detector.detect_each([image.image for image in images], queries, self.settings.detection)
        for mine, seen, names in zip(found, detections, asked, strict=True):
            for one in seen:
                mine[names[one.label]].append(Sighting(names[one.label], one.box, one.score))
        return found

    def _judged(self, nouns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(noun for noun in nouns if not self.vocabulary or noun in self.vocabulary)

    def _large_enough(self, sighting: Sighting) -> bool:
        left, top, right, bottom = sighting.box
        return min(right - left, bottom - top) >= self.settings.short_side


def _annotated(image: CaptionedImage, nouns: tuple[str, ...]) -> dict[str, list[Sighting]]:
    return {noun: [Sighting(noun, item.box, 1.0) for item in image.objects if item.name == noun] for noun in nouns}
