"""The caption grammar: what a scene is called, fully or with attributes left out."""

from __future__ import annotations

import numpy as np

from editmill.packs.tabletop.world.vocabulary import GROUNDS

OPENINGS: tuple[str, ...] = ("", "a photo of ", "a picture of ", "there is ")


def with_article(phrase: str) -> str:
    """Put the indefinite article that the next word needs before it."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def object_phrase(
    name: str, colour: str, size: str, finish: str, *, attributes: tuple[str, ...] = ("size", "colour", "finish")
) -> str:
    """Return a noun phrase such as ``a small red metal cube``; only the named ``attributes`` are mentioned."""
    words = {"size": size, "colour": colour, "finish": finish}
    kept = [
        words[attribute] for attribute in ("size", "colour", "finish") if attribute in attributes and words[attribute]
    ]
    return with_article(" ".join([*kept, name]))


def ground_phrase(family: str, rng: np.random.Generator) -> str:
    """Return one wording of the ground."""
    wordings = GROUNDS[family]
    return wordings[int(rng.integers(len(wordings)))]


def scene_caption(objects: list[str], ground: str, rng: np.random.Generator) -> str:
    """Return a sentence about object phrases on a ground, or about the bare ground when ``objects`` is empty."""
    opening = OPENINGS[int(rng.integers(len(OPENINGS)))]
    if not objects:
        return opening + ground
    return f"{opening}{' and '.join(objects)} on {ground}"
