"""What is recorded of an edited caption: insertions, slots and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from editmill.generators.base.loaded import Box
from editmill.generators.base.reasons import Reason
from editmill.generators.text.reasons import TextReason

# Of every sample; a picture stands beside them unless the recipe stores a reference to it.
MEMBERS = ("cls", "json", "source.txt", "txt")
REFERENCE = "reference"
SCORE_NAMES: tuple[str, ...] = (
    "article_errors",
    "cross_modal_after",
    "cross_modal_before",
    "entailment",
    "image_margin",
    "pll_after",
    "pll_before",
    "text_similarity",
)
# Images whose captions are edited together: enough to fill every model's batches.
GROUP = 64
INSERTED = "inserted"
NO_BOX: Box = (-1.0, -1.0, -1.0, -1.0)


@dataclass(frozen=True)
class Insertion:
    """One inserted word, with what speaks for it; what was not measured is -1 or "".

    Attributes:
        word, group: The word and its group.
        start, end: Its span in the edited text.
        source_offset: Where it was put in the source.
        noun, lemma, noun_start, noun_end: The noun before which it stands, in the source.
        box, box_class, box_score, boxes: The best of the ``boxes`` objects that the noun may mean.
        p, p_none, runner_up, margin: The judge's probability of the word and of none, its second answer, and its lead.
        ratio: For sizes, the area relative to the usual one.
        logp_a, logp_an: The masked model's log-probability of the word after "a" and after "an".
        article_from, article_to: The article before and after, where it changed.
        case_moved: Whether the word took over a capital.
        image_margin: Lead over the other words of the group by the second judge.
        gold: Whether the word is true of the objects that the noun means: true, false or unknown; ``gold_existential``:
            of any of its kind.
        person: Whether the noun is a person.
    """

    word: str
    group: str
    noun: str
    lemma: str
    noun_start: int
    noun_end: int
    source_offset: int = -1
    start: int = -1
    end: int = -1
    box: Box = NO_BOX
    box_class: str = ""
    box_score: float = -1.0
    boxes: int = 0
    p: float = -1.0
    p_none: float = -1.0
    runner_up: str = ""
    margin: float = -1.0
    ratio: float = -1.0
    logp_a: float = -1.0
    logp_an: float = -1.0
    article_from: str = ""
    article_to: str = ""
    case_moved: bool = False
    image_margin: float = -1.0
    gold: str = "unknown"
    gold_existential: str = "unknown"
    person: bool = False

    def document(self) -> dict[str, Any]:
        """Return JSON values with fixed keys."""
        return {**_rounded(self), "box": [round(edge, 2) for edge in self.box]}


@dataclass(frozen=True)
class Tried:
    """One group that was asked about at a slot, with its outcome."""

    group: str
    word: str
    outcome: str
    p: float = -1.0
    p_none: float = -1.0
    margin: float = -1.0
    ratio: float = -1.0
    image_margin: float = -1.0


@dataclass(frozen=True)
class SlotRecord:
    """One noun of a caption: exactly one outcome, and all that was tried."""

    noun: str
    lemma: str
    start: int
    end: int
    outcome: str
    boxes: int = 0
    tried: tuple[Tried, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return JSON values with fixed keys."""
        return {**vars(self), "tried": [_rounded(one) for one in self.tried]}


def _rounded(record: Insertion | Tried) -> dict[str, Any]:
    """Return the fields of a record; `asdict` would copy each of them and takes many times longer."""
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in vars(record).items()}


# Of several slots the one that came nearest to an insertion gives a caption's first reason.
NEAREST_FIRST: tuple[str, ...] = (
    INSERTED,
    TextReason.LABEL_GUARD,
    TextReason.ENTAILMENT,
    TextReason.DISFLUENT,
    TextReason.IMAGE_GUARD,
    Reason.CAP_REACHED,
    TextReason.AMBIGUOUS,
    TextReason.BELOW_THRESHOLD,
    TextReason.NONE_WON,
    TextReason.ALREADY_MODIFIED,
    TextReason.NO_BOX,
    TextReason.SCOPE,
    TextReason.PERSON_GUARD,
    TextReason.NO_NOUN,
)


def nearest(outcomes: list[str]) -> list[str]:
    """Return distinct outcomes, the one nearest to an insertion first."""
    return sorted(set(outcomes), key=NEAREST_FIRST.index)
