"""Words of visual attributes by group: what published models are asked about, and what captions say already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generators.text.language.phrases import NounPhrase

# In the order in which English sets modifiers before a noun.
ORDER: tuple[str, ...] = ("size", "state", "shape", "colour", "pattern", "material")
GROUPS: dict[str, tuple[str, ...]] = {
    "size": ("small", "large"),
    "state": ("open", "closed", "empty", "full", "wet", "dirty", "clean", "broken", "folded", "parked"),
    "shape": ("round", "square", "rectangular", "triangular", "oval", "flat", "curved", "cylindrical"),
    "colour": ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray", "beige"),
    "pattern": ("striped", "checkered", "spotted", "floral", "plaid"),
    "material": ("wooden", "metal", "plastic", "glass", "leather", "stone", "brick", "ceramic", "paper", "concrete"),
}
# What stands in captions for these groups beyond the words that are inserted, and synonyms of them.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "small": ("little", "tiny", "mini", "miniature", "short", "petite"),
    "large": ("big", "huge", "giant", "gigantic", "enormous", "tall", "massive", "oversized"),
    "gray": ("grey", "silver"), "blue": ("azure", "navy", "turquoise", "teal"), "purple": ("violet", "lavender"),
    "red": ("crimson", "maroon", "scarlet"), "beige": ("tan", "cream", "ivory"), "yellow": ("gold", "golden", "blond", "blonde"),
    "wooden": ("wood",), "metal": ("metallic", "steel", "iron", "chrome"), "checkered": ("checked", "chequered"), "spotted": ("dotted", "polka-dot"),
    "striped": ("stripy",), "broken": ("cracked",), "dirty": ("muddy", "dusty"), "round": ("circular", "spherical"),
    "floral": ("flowered", "flowery"), "stone": ("rock", "rocky", "marble"),
}
FURTHER: dict[str, tuple[str, ...]] = {
    "size": ("medium", "wide", "narrow", "long", "thin", "thick", "medium-sized"),
    "colour": ("colorful", "colourful", "multicolored", "dark", "light", "bright", "pale"), "pattern": ("patterned", "printed", "plain"),
    "material": ("matte", "cotton", "woolen", "denim", "fabric", "cloth", "rubber", "tile", "tiled", "shiny", "stainless", "granite", "cement"),
    "state": ("old", "new", "dry", "snowy", "sliced", "cut", "cooked", "lit", "unlit"), "shape": ("cubic", "conical", "pointed"),
}
# Where a word of one group settles another: a square is no round box, and a brick wall is no wooden one.
NOUN_SAYS: dict[str, str] = {
    "orange": "colour", "lemon": "colour", "ball": "shape", "cube": "shape", "cone": "shape", "cylinder": "shape", "ring": "shape", "star": "shape",
    "box": "", "square": "shape", "circle": "shape", "glass": "material", "grass": "colour", "snow": "colour", "brick": "material", "sky": "colour",
}
_GROUP_OF: dict[str, str] = {
    **{word: group for group, words in GROUPS.items() for word in words},
    **{other: group for group, words in GROUPS.items() for word in words for other in SYNONYMS.get(word, ())},
    **{word: group for group, words in FURTHER.items() for word in words},
}


def group_of(word: str) -> str:
    """The group of an attribute word in any case, or ``""``."""
    return _GROUP_OF.get(word.lower(), "")


def conflicts(word: str, group: str, phrase: NounPhrase) -> bool:
    """Whether ``word`` has no place at a noun: its group is there already, or the noun itself settles it ("orange juice", "square box")."""
    said = [modifier.text.lower() for modifier in phrase.modifiers] + phrase.lemma.split()
    if any(group_of(other) == group or other == word for other in said):
        return True
    return NOUN_SAYS.get(phrase.head_lemma) == group
