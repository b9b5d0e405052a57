"""What the source itself says of insertions: the only use of its truth, which no decision of an edit but the oracle's may see."""

from __future__ import annotations

from collections.abc import Sequence

from generators.guards.boxes import box_iou
from generators.text.base import Box, CaptionedImage, GoldObject
from generators.text.language.phrases import NounPhrase

TRUE, FALSE, UNKNOWN = "true", "false", "unknown"
SAME_PLACE = 0.5


def meant(image: CaptionedImage, phrase: NounPhrase) -> tuple[GoldObject, ...]:
    """The objects that a noun phrase may mean: of its noun, and not contradicting a modifier whose group the source knows."""
    said = {word.text.lower() for word in phrase.modifiers}
    known = {group: {item.attributes.get(group, "") for item in image.objects} - {""} for group in known_groups(image)}
    # Only a modifier that some object of the image has can tell objects apart.
    telling = {group: said & words for group, words in known.items() if said & words}
    objects = [item for item in image.objects if item.name in (phrase.lemma, phrase.head_lemma)]
    return tuple(item for item in objects if all(item.attributes.get(group, "") in words for group, words in telling.items()))


def judge(image: CaptionedImage, phrase: NounPhrase, boxes: Sequence[Box], group: str, word: str) -> tuple[str, str]:
    """Whether ``word`` is true of the objects in ``boxes`` (strictly all), and of any object of the noun."""
    kind = [item for item in image.objects if item.name in (phrase.lemma, phrase.head_lemma)]
    if not kind or not all(group in item.attributes for item in kind):
        return UNKNOWN, UNKNOWN
    referents = [_at(kind, box) for box in boxes] if boxes else list(meant(image, phrase))
    strict = bool(referents) and all(item is not None and item.attributes[group] == word for item in referents)
    return (TRUE if strict else FALSE), (TRUE if any(item.attributes[group] == word for item in kind) else FALSE)


def _at(objects: Sequence[GoldObject], box: Box) -> GoldObject | None:
    best = max(objects, key=lambda item: box_iou(item.box, box))
    return best if box_iou(best.box, box) >= SAME_PLACE else None


def true_words(image: CaptionedImage, phrase: NounPhrase, groups: Sequence[str], said: Sequence[str]) -> dict[str, str]:
    """By group that is not ``said``: the word that is true of every object that the phrase may mean; none where they differ or have none."""
    objects = meant(image, phrase)
    found: dict[str, str] = {}
    for group in groups:
        words = {item.attributes.get(group, "") for item in objects}
        if group not in said and len(words) == 1 and "" not in words:
            found[group] = words.pop()
    return found


def known_groups(image: CaptionedImage) -> tuple[str, ...]:
    """The groups that the source knows of its objects."""
    return tuple(dict.fromkeys(group for item in image.objects for group in item.attributes))
