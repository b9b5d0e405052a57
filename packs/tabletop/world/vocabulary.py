"""Names of everything that can appear in the tabletop world."""

from __future__ import annotations

# Part of every random stream, so that another version is another world.
WORLD_VERSION = "1"

CLASSES: tuple[str, ...] = ("ball", "cube", "cone", "cylinder", "ring", "star", "mug", "bottle")

# Three begin with a vowel, so that edits of captions meet both articles.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 38, 40),
    "orange": (245, 133, 24),
    "yellow": (240, 208, 40),
    "green": (52, 158, 64),
    "azure": (40, 150, 232),
    "purple": (122, 62, 178),
    "pink": (238, 112, 172),
    "ivory": (238, 232, 208),
}

# The empty name is a value that captions never mention.
SIZES: dict[str, tuple[float, float]] = {"small": (0.10, 0.125), "": (0.145, 0.18), "large": (0.205, 0.25)}
FINISHES: tuple[str, ...] = ("matte", "", "metal")

GROUNDS: dict[str, tuple[str, ...]] = {
    "plain": ("a plain surface", "a plain table"),
    "sky": ("a clear sky", "a sky gradient"),
    "wood": ("a wooden table", "wooden planks"),
    "checker": ("a checkered floor", "a checkerboard"),
    "brick": ("a brick wall", "red bricks"),
    "grass": ("green grass", "a grass lawn"),
    "stripes": ("a striped cloth", "stripes"),
    "marble": ("a marble slab", "white marble"),
}

SPLITS: tuple[str, ...] = ("train", "heldout", "shifted")
