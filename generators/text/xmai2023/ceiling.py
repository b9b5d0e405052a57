"""How precise insertions by a masked model could be at all: where none of its words is true, no choice among them
is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from editmill.generators.text.xmai2023.editor import Outcome
from editmill.generators.text.xmai2023.slots import MaskSlot


@dataclass(frozen=True)
class Ceiling:
    """Slots whose true words are known, and how many of them have one among their candidates."""

    slots: int
    reached: int

    @property
    def share(self) -> float:
        """The ceiling, in [0, 1]; 0 without slots."""
        return self.reached / self.slots if self.slots else 0.0


def masked_model_ceiling(
    outcomes: Sequence[Outcome], true_words: Callable[[int, MaskSlot], Collection[str] | None]
) -> Ceiling:
    """Count slots with a true word among the candidates.

    Args:
        outcomes: Edited captions.
        true_words: For a caption's position and a slot the words that are true of its objects in lower case, or None
            where nobody knows.
    """
    known = [
        (candidates, words)
        for position, outcome in enumerate(outcomes)
        for slot, candidates in zip(outcome.slots, outcome.candidates, strict=True)
        if (words := true_words(position, slot)) is not None
    ]
    return Ceiling(len(known), sum(any(one.word.lower() in words for one in candidates) for candidates, words in known))
