"""What the source itself says of insertions: the only use of its truth, which no decision of an edit but the oracle's
may see.
"""

from __future__ import annotations

from collections.abc import Sequence

from editmill.generators.base.loaded import CaptionedImage, GoldObject
from editmill.generators.text.language.phrases import NounPhrase

TRUE, FALSE, UNKNOWN = "true", "false", "unknown"


def meant(image: CaptionedImage, phrase: NounPhrase) -> tuple[GoldObject, ...]:
    """Return the objects that a noun phrase may mean: of its noun, and not contradicting a modifier whose group the
    source knows.
    """
    said = {word.text.lower() for word in phrase.modifiers}
    known = {group: {item.attributes.get(group, "") for item in image.objects} - {""} for group in known_groups(image)}
    # Only a modifier that some object of the image has can tell objects apart.
    telling = {group: said & words for group, words in known.items() if said & words}
    objects = [item for item in image.objects if item.name in (phrase.lemma, phrase.head_lemma)]
    return tuple(
        item for item in objects if all(item.attributes.get(group, "") in words for group, words in telling.items())
    )


def judge(image: CaptionedImage, phrase: NounPhrase, word: str, group: str = "") -> tuple[str, str]:
    """Return whether ``word`` is true of every object that the phrase may mean, and of any object of its noun.

    The word may belong to any group of attributes where none is named.

    Boxes don't matter here: a second box on one object makes no sentence false.
    """
    kind = [item for item in image.objects if item.name in (phrase.lemma, phrase.head_lemma)]
    if not kind or not all(group in item.attributes if group else item.attributes for item in kind):
        return UNKNOWN, UNKNOWN
    # A caption that contradicts its image may mean no object at all; then every object of the noun counts.
    objects = meant(image, phrase) or kind
    return (TRUE if all(_has(item, word, group) for item in objects) else FALSE), (
        TRUE if any(_has(item, word, group) for item in kind) else FALSE
    )


def _has(item: GoldObject, word: str, group: str) -> bool:
    return item.attributes.get(group) == word if group else word in item.attributes.values()


def true_words(image: CaptionedImage, phrase: NounPhrase, groups: Sequence[str], said: Sequence[str]) -> dict[str, str]:
    """Return by group that is not ``said``: the word that is true of every object that the phrase may mean.

    None where they differ or have none.
    """
    objects = meant(image, phrase)
    found: dict[str, str] = {}
    for group in groups:
        words = {item.attributes.get(group, "") for item in objects}
        if group not in said and len(words) == 1 and "" not in words:
            found[group] = words.pop()
    return found


def said_groups(image: CaptionedImage, phrase: NounPhrase) -> list[str]:
    """Return the groups that the source knows and of which the phrase says a value that some object of the image
    has.
    """
    known = {group: {item.attributes.get(group, "") for item in image.objects} for group in known_groups(image)}
    return [group for group, words in known.items() if phrase.described & words]


def known_groups(image: CaptionedImage) -> tuple[str, ...]:
    """Return the groups that the source knows of its objects."""
    return tuple(dict.fromkeys(group for item in image.objects for group in item.attributes))
