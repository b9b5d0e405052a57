"""The published algorithm over many captions at once: the k-th slots of all captions are filled together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from editmill.generators.models.masked_lm import SLOT
from editmill.generators.text.language.operations import Operation
from editmill.generators.text.language.spans import Span
from editmill.generators.text.reasons import TextReason
from editmill.generators.text.settings import XmaiSettings
from editmill.generators.text.xmai2023.defects import LegacyBug
from editmill.generators.text.xmai2023.proposals import Blank, Proposal, Proposing
from editmill.generators.text.xmai2023.rendering import Inserted, Rendered, render
from editmill.generators.text.xmai2023.scoring import total_scores
from editmill.generators.text.xmai2023.similarity import of_nouns
from editmill.generators.text.xmai2023.slots import MaskSlot, Similarity, find_slots

# Positions of pictures in the batch, and a sentence for each, to cosines.
Cosines = Callable[[Sequence[int], Sequence[str]], Sequence[float]]
UNMEASURED = -1.0


@dataclass(frozen=True)
class Candidate:
    """A scored word: its probability (A), its similarity to the detected attributes (B), 1 - cosine to the image (C),
    and the score of the three.
    """

    word: str
    fluency: float
    attribute: float
    image: float
    score: float
    piece: bool = False


@dataclass(frozen=True)
class Filled:
    """A filled slot with the terms of its word.

    ``fused`` for a piece that was joined to the word before it (defect 3).
    """

    slot: MaskSlot
    word: str
    fluency: float = UNMEASURED
    attribute: float = UNMEASURED
    image: float = UNMEASURED
    score: float = UNMEASURED
    fused: bool = False
    runner_up: str = ""
    margin: float = UNMEASURED

    @property
    def inserted(self) -> Inserted:
        """What is rendered."""
        return Inserted(self.slot.start, self.word, self.fused)


@dataclass
class Outcome:
    """An edited caption.

    Attributes:
        source: The caption, untouched.
        slots: Every mask, by place.
        detokenised: Whether the edited text is joined from tokens (defect 4).
        filled: The insertions, by place.
        candidates: Of each slot that was asked about, in the order of their probability.
        reason: Why there is no insertion; empty for an edit.
    """

    source: str
    slots: list[MaskSlot]
    detokenised: bool = False
    filled: list[Filled] = field(default_factory=list)
    candidates: list[tuple[Candidate, ...]] = field(default_factory=list)
    reason: str = ""

    @cached_property
    def _rendered(self) -> Rendered:
        return render(
            self.source, [one.inserted for one in self.filled], detokenise=self.detokenised and bool(self.filled)
        )

    @property
    def text(self) -> str:
        """The edited caption; the source where nothing was inserted. Ask once all slots are filled."""
        return self._rendered.text

    @property
    def spans(self) -> tuple[Span, ...]:
        """Where the inserted words stand in ``text``."""
        return self._rendered.spans

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Insertions into the untouched source.

        One replacement of the whole where defects 3 or 4 changed more than that.
        """
        if self.filled and (self.detokenised or any(one.fused for one in self.filled)):
            return (Operation("replace", 0, self.source, self.text),)
        return tuple(Operation("insert", one.slot.start, "", f"{one.word} ") for one in self.filled)


class Xmai:
    """Fills slots before detected objects with words that the masked model proposes and that fit the detected
    attributes, but not the image.

    An outcome does not depend on the captions beside it.
    """

    def __init__(self, proposer: Proposing, similarity: Similarity, cosines: Cosines, settings: XmaiSettings) -> None:
        """Set up.

        Args:
            proposer: Proposes words.
            similarity: Of two words, in [-1, 1]; also of nouns, whose forms count as the same.
            cosines: Of pictures and sentences.
            settings: The recipe's.
        """
        self.proposer, self.similarity, self.cosines, self.settings = proposer, similarity, cosines, settings
        self.bugs = frozenset(settings.legacy_bugs)

    def edit(self, texts: Sequence[str], attributes: Sequence[Mapping[str, Sequence[str]]]) -> list[Outcome]:
        """Edit captions.

        Args:
            texts: The captions.
            attributes: For each, the detected names in the order of their boxes, with the attribute of each box.
        """
        joined = LegacyBug.DETOKENISED in self.bugs
        outcomes = [
            Outcome(text, slots_of(text, seen, self.similarity, self.settings), joined)
            for text, seen in zip(texts, attributes, strict=True)
        ]
        for turn in range(max((len(outcome.slots) for outcome in outcomes), default=0)):
            self._fill(
                [position for position, outcome in enumerate(outcomes) if len(outcome.slots) > turn],
                outcomes,
                attributes,
                turn,
            )
        for outcome in outcomes:
            if not outcome.filled:
                outcome.reason = TextReason.NO_CANDIDATE if outcome.slots else TextReason.NO_MATCH
        return outcomes

    def _fill(
        self,
        positions: list[int],
        outcomes: list[Outcome],
        attributes: Sequence[Mapping[str, Sequence[str]]],
        turn: int,
    ) -> None:
        proposed = self.proposer.propose([self._blank(outcomes[position], turn) for position in positions])
        asked = [(position, proposal) for position, mine in zip(positions, proposed, strict=True) for proposal in mine]
        sentences = [self._sentence(outcomes[position], turn, proposal) for position, proposal in asked]
        cosines = iter(self.cosines([position for position, _ in asked], sentences))
        for position, mine in zip(positions, proposed, strict=True):
            outcome, slot = outcomes[position], outcomes[position].slots[turn]
            known = [word for name in slot.names for word in attributes[position].get(name, ())]
            candidates = self._score(mine, known, [1.0 - next(cosines) for _ in mine])
            outcome.candidates.append(candidates)
            if candidates:
                outcome.filled.append(_choose(slot, candidates))

    def _score(
        self, proposals: Sequence[Proposal], known: Sequence[str], images: Sequence[float]
    ) -> tuple[Candidate, ...]:
        if not proposals:
            return ()
        fluency = [proposal.probability for proposal in proposals]
        attribute = [
            max((self.similarity(proposal.word, other) for other in known), default=0.0) for proposal in proposals
        ]
        scores = total_scores(fluency, attribute, images, self.settings.weights, kept=self.settings.kept).tolist()
        rows = zip(proposals, fluency, attribute, images, scores, strict=True)
        return tuple(Candidate(proposal.word, a, b, c, score, proposal.piece) for proposal, a, b, c, score in rows)

    def _blank(self, outcome: Outcome, turn: int) -> Blank:
        place = outcome.slots[turn].start
        if LegacyBug.OPEN_MASKS in self.bugs:
            return Blank(outcome.source, place, tuple(earlier.start for earlier in outcome.slots[:turn]))
        text = render(outcome.source, [one.inserted for one in outcome.filled]).text
        # All that is filled stands before this slot.
        return Blank(text, place + len(text) - len(outcome.source))

    def _sentence(self, outcome: Outcome, turn: int, proposal: Proposal) -> str:
        inserted = [one.inserted for one in outcome.filled] + [
            Inserted(outcome.slots[turn].start, proposal.word, proposal.piece)
        ]
        if LegacyBug.OPEN_MASKS in self.bugs:
            inserted += [Inserted(later.start, SLOT) for later in outcome.slots[turn + 1 :]]
        # The scripts ask about captions in these words.
        return f"This is {render(outcome.source, inserted, detokenise=LegacyBug.DETOKENISED in self.bugs).text}"


def slots_of(
    text: str, attributes: Mapping[str, Sequence[str]], similarity: Similarity, settings: XmaiSettings
) -> list[MaskSlot]:
    """Return a caption's masks."""
    return find_slots(text, list(attributes), of_nouns(similarity), mode=settings.slots, threshold=settings.threshold)


def insert_randomly(
    text: str,
    attributes: Mapping[str, Sequence[str]],
    similarity: Similarity,
    settings: XmaiSettings,
    rng: np.random.Generator,
) -> Outcome:
    """Return the ablation ``naive``: before each matched object a random one of its detected attributes."""
    outcome = Outcome(text, slots_of(text, attributes, similarity, settings))
    for slot in outcome.slots:
        words = [word for name in slot.names for word in attributes.get(name, ())]
        if words:
            outcome.filled.append(Filled(slot, words[int(rng.integers(len(words)))]))
    if not outcome.filled:
        outcome.reason = TextReason.NO_CANDIDATE if outcome.slots else TextReason.NO_MATCH
    return outcome


def _choose(slot: MaskSlot, candidates: tuple[Candidate, ...]) -> Filled:
    """Return the best score; of equal ones the first proposed."""
    order = sorted(candidates, key=lambda candidate: -candidate.score)
    best, second = order[0], order[1] if len(order) > 1 else None
    return Filled(
        slot,
        best.word,
        best.fluency,
        best.attribute,
        best.image,
        best.score,
        best.piece,
        second.word if second else "",
        best.score - (second.score if second else 0.0),
    )
