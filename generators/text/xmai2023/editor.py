"""The published algorithm over many captions at once: the k-th slots of all captions are filled together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from generators.reasons import Reason
from generators.text.language.operations import Operation, apply_operations
from generators.text.settings import XmaiSettings
from generators.text.xmai2023.proposals import Blank, Proposer
from generators.text.xmai2023.scoring import total_scores
from generators.text.xmai2023.slots import MaskSlot, Similarity, find_slots

HYPHEN = re.compile(r"(?<=\w)-(?=\w)")
# Image and sentence pairs to cosines.
Cosines = Callable[[Sequence[int], Sequence[str]], Sequence[float]]
DEVIATIONS = (
    "boxes and names come from the pack's detector, not from the Faster R-CNN of bottom-up attention with its 1,600 names",
    "a box's attribute is the best of the pack's closed vocabulary, not of the detector's 400",
    "similarities of words are cosines of the masked model's input embeddings, not of en_core_web_md and bert-base-nli-mean-tokens",
    "the masked model and the CLIP are the pack's",
    "nouns are tagged by textblob's lexicon, not by flair",
    "texts are edited in place; the published detokenisation comes with defect 4 only",
)


@dataclass(frozen=True)
class Filled:
    """A filled slot with the terms of its word; ``fused`` for a piece that was joined to the word before it (defect 3)."""

    slot: MaskSlot
    word: str
    fluency: float
    attribute: float
    image: float
    score: float
    runner_up: str = ""
    margin: float = 0.0
    fused: bool = False


@dataclass
class Outcome:
    """An edited caption; ``reason`` is empty for an edit."""

    source: str
    slots: list[MaskSlot]
    filled: list[Filled] = field(default_factory=list)
    reason: str = ""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Insertions into the untouched source."""
        return tuple(_insertion(self.source, one) for one in self.filled)

    def so_far(self) -> str:
        """The text with the slots that are filled."""
        return apply_operations(self.source, self.operations)


class Xmai:
    """Fills slots before detected objects with words that the masked model proposes and that fit the detected attributes, but not the image."""

    def __init__(self, proposer: Proposer, similarity: Similarity, cosines: Cosines, settings: XmaiSettings) -> None:
        """Args:
            proposer: proposes words.
            similarity: of two words, in [-1, 1].
            cosines: of pictures (positions in the batch) and sentences.
            settings: the recipe's.
        """
        self.proposer, self.similarity, self.cosines, self.settings = proposer, similarity, cosines, settings

    def edit(self, texts: Sequence[str], attributes: Sequence[Mapping[str, Sequence[str]]]) -> list[Outcome]:
        """Edit captions.

        Args:
            texts: the captions.
            attributes: for each, the detected names in the order of their boxes, with the attribute of each box.
        """
        outcomes = [Outcome(text, self._slots(text, seen)) for text, seen in zip(texts, attributes, strict=True)]
        for turn in range(max((len(outcome.slots) for outcome in outcomes), default=0)):
            self._fill([position for position, outcome in enumerate(outcomes) if len(outcome.slots) > turn], outcomes, attributes, turn)
        for outcome in outcomes:
            if not outcome.filled:
                outcome.reason = Reason.NO_CANDIDATE if outcome.slots else Reason.NO_MATCH
        return outcomes

    def _slots(self, text: str, seen: Mapping[str, Sequence[str]]) -> list[MaskSlot]:
        return find_slots(text, list(seen), self.similarity, mode=self.settings.slots, threshold=self.settings.threshold)

    def _fill(self, positions: list[int], outcomes: list[Outcome], attributes: Sequence[Mapping[str, Sequence[str]]], turn: int) -> None:
        blanks = [self._blank(outcomes[position], turn) for position in positions]
        proposed = self.proposer.propose(blanks)
        asked = [(position, blank, word) for position, blank, words in zip(positions, blanks, proposed, strict=True) for word, _ in words]
        cosines = iter(self.cosines([position for position, _, _ in asked], [f"This is {_with_word(blank, word)}" for _, blank, word in asked]))
        for position, words in zip(positions, proposed, strict=True):
            slot = outcomes[position].slots[turn]
            images = [1.0 - next(cosines) for _ in words]
            if words:
                known = [word for name in slot.names for word in attributes[position].get(name, ())]
                outcomes[position].filled.append(self._choose(slot, words, known, images))

    def _choose(self, slot: MaskSlot, words: list[tuple[str, float]], known: list[str], images: list[float]) -> Filled:
        fluency = [probability for _, probability in words]
        attribute = [max((self.similarity(word.removeprefix("##"), other) for other in known), default=0.0) for word, _ in words]
        scores = total_scores(fluency, attribute, images, self.settings.weights)
        order = np.argsort(-scores, kind="stable")
        best = int(order[0])
        second = int(order[1]) if len(order) > 1 else -1
        word = words[best][0]
        return Filled(
            slot, word.removeprefix("##"), fluency[best], attribute[best], images[best], float(scores[best]), words[second][0] if second >= 0 else "",
            float(scores[best] - scores[second]) if second >= 0 else float(scores[best]), word.startswith("##"),
        )

    def _blank(self, outcome: Outcome, turn: int) -> Blank:
        slot = outcome.slots[turn]
        noun = outcome.source[slot.start : slot.end]
        if 2 in self.settings.legacy_bugs:
            return Blank(outcome.source, slot.start, noun, tuple(earlier.start for earlier in outcome.slots[:turn]))
        shift = sum(len(operation.new) - len(operation.old) for operation in outcome.operations if operation.start < slot.start)
        return Blank(outcome.so_far(), slot.start + shift, noun)


def detokenised(text: str) -> str:
    """What the published scripts' tokens give when they are joined again: hyphens stand apart (defect 4)."""
    return HYPHEN.sub(" - ", text)


def _with_word(blank: Blank, word: str) -> str:
    gap = "" if word.startswith("##") else word + " "
    if word.startswith("##"):
        before = blank.text[: blank.place].rstrip(" ")
        return f"{before}{word.removeprefix('##')} {blank.text[blank.place:]}"
    return blank.text[: blank.place] + gap + blank.text[blank.place :]


def _insertion(source: str, filled: Filled) -> Operation:
    place = filled.slot.start
    if filled.fused and source[place - 1 : place] == " ":
        return Operation("insert", place - 1, "", filled.word)
    return Operation("insert", place, "", f"{filled.word} ")
