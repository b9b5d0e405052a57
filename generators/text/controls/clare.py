"""Replacing, inserting and merging words by a masked language model, in the style of CLARE (Li et al., arXiv
2009.07502).

As in the baseline of the published insertion there is no victim: of all changes that keep the text similar, one is
drawn at a time. Like there articles are not corrected. Unlike there, signs between words are never merged away, and
texts shorter than the window are judged as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np

from editmill.generators.models.masked_lm import SLOT, Slotted
from editmill.generators.text.controls.edits import cased_like
from editmill.generators.text.language.operations import Operation, apply_operations, in_order
from editmill.generators.text.language.spans import Word, words_of
from editmill.generators.text.language.tagging import part_of_speech
from editmill.generators.text.xmai2023.stopwords import STOPWORDS

Similar = Callable[[Sequence[tuple[str, str]]], Sequence[float]]
# Changes that are judged at a time, in the order of the draw.
CHUNK = 8
# What may follow a word that merges with it, by Penn tags' beginnings.
MERGES: dict[str, tuple[str, ...]] = {
    "NN": ("NN",),
    "JJ": ("NN", "CD", "JJ", "RB"),
    "RB": ("JJ", "VB"),
    "VB": ("RB", "VB", "NN", "JJ"),
    "DT": ("NN", "JJ"),
    "PR": ("NN", "JJ"),
    "CD": ("CD", "NN"),
}


class Filling(Protocol):
    """The role ``masked_lm``. Words for a text do not depend on the texts beside it."""

    def word_probabilities(self, texts: Sequence[Slotted], *, top: int) -> list[list[tuple[str, float]]]:
        """Return, for each text with a slot, the ``top`` words for it with their probability, best first."""


@dataclass(frozen=True)
class ClareSettings:
    """Limits of the changes.

    Attributes:
        candidates: Most words that are considered at one place.
        replace, insert, merge: Least probability of a word, by the kind of change.
        similarity: Least similarity to the source.
        window: Words around a change that are compared.
        share: Share of the words that are changed where no budget is given, at least one.
        skip_short: Whether texts shorter than the window pass unjudged, as in TextAttack.
    """

    candidates: int = 50
    replace: float = 5e-4
    insert: float = 0.0
    merge: float = 5e-3
    similarity: float = 0.7
    window: int = 15
    share: float = 0.1
    skip_short: bool = False


@dataclass
class _Draft:
    """A text while it is edited."""

    source: str
    rng: np.random.Generator
    budget: int
    operations: list[Operation] = field(default_factory=list)
    waiting: list[Operation] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return len(self.operations) < self.budget

    def with_change(self, operation: Operation) -> str:
        return apply_operations(self.source, in_order([*self.operations, operation]))

    def place_of(self, change: Operation) -> int:
        """Return where a change stands in the edited text; its own place is one of the source."""
        return change.start + sum(len(one.new) - len(one.old) for one in self.operations if one.start < change.start)

    def with_slot(self, masked: Operation) -> Slotted:
        """Return the text with a slot for the word of a change."""
        start = self.place_of(masked)
        return Slotted(self.with_change(masked), start, start + len(SLOT))


class Clare:
    """Edits texts. An edit does not depend on the texts beside it."""

    def __init__(self, model: Filling, similar: Similar, settings: ClareSettings | None = None) -> None:
        self.model, self.similar, self.settings = model, similar, settings or ClareSettings()

    def edit(
        self, texts: Sequence[str], rngs: Sequence[np.random.Generator], budgets: Sequence[int] | None = None
    ) -> list[tuple[Operation, ...]]:
        """Return changes of each text, in source offsets.

        Fewer than its budget, or none, where nothing similar is found.

        Args:
            texts: The texts.
            rngs: Draws of each.
            budgets: How many changes to make; 0, and without budgets, a share of its words.
        """
        wanted = budgets or [0] * len(texts)
        drafts = [
            _Draft(text, rng, budget or max(1, int(self.settings.share * len(words_of(text)))))
            for text, rng, budget in zip(texts, rngs, wanted, strict=True)
        ]
        working = list(drafts)
        while working:
            self._propose(working)
            self._choose(working)
            # A draft that found nothing this time would find nothing again.
            working = [draft for draft in working if draft.is_open and draft.waiting]
        return [in_order(draft.operations) for draft in drafts]

    def _propose(self, drafts: Sequence[_Draft]) -> None:
        """Every change of every draft, in an order that its own generator draws."""
        asked = [(draft, masked, least) for draft in drafts for masked, least in self._masks(draft)]
        words = self._ask([draft.with_slot(masked) for draft, masked, _ in asked])
        for draft in drafts:
            draft.waiting = []
        for (draft, masked, least), ranked in zip(asked, words, strict=True):
            # The word that is there already would change nothing, or be said twice.
            beside = words_of(draft.source[masked.start :])[0].text
            draft.waiting += [
                change
                for word, chance in ranked
                if chance >= least and word != beside and (change := _filled(masked, word))
            ]
        for draft in drafts:
            draft.waiting = [draft.waiting[int(place)] for place in draft.rng.permutation(len(draft.waiting))]

    def _masks(self, draft: _Draft) -> list[tuple[Operation, float]]:
        """Return changes with ``SLOT`` for their word, and the least probability of that.

        Words that were changed, and stopwords, are left alone.
        """
        words = words_of(draft.source)
        taken = [(operation.start, operation.end) for operation in draft.operations]
        # An insertion has no length: the word after it counts as changed with it.
        free = [
            not any(start <= word.start <= end or start < word.end <= end for start, end in taken) for word in words
        ]
        places = [
            word
            for word, unchanged in zip(words, free, strict=True)
            if unchanged and word.text.lower() not in STOPWORDS
        ]
        masks = [(Operation("replace", word.start, word.text, SLOT), self.settings.replace) for word in places]
        masks += [(Operation("insert", word.start, "", f"{SLOT} "), self.settings.insert) for word in places]
        merged = [
            pair
            for pair, unchanged in zip(_mergeable(draft.source, words), pairwise(free), strict=True)
            if pair and all(unchanged)
        ]
        return masks + [
            (Operation("replace", start, draft.source[start:end], SLOT), self.settings.merge) for start, end in merged
        ]

    def _ask(self, texts: list[Slotted]) -> list[list[tuple[str, float]]]:
        try:
            return self.model.word_probabilities(texts, top=self.settings.candidates)
        except ValueError:
            # A slot beyond what the model reads has no words; the others have theirs.
            return [self._ask([text])[0] for text in texts] if len(texts) > 1 else [[]]

    def _choose(self, drafts: Sequence[_Draft]) -> None:
        """Keep the first change of each draft that keeps it similar."""
        looking = [draft for draft in drafts if draft.waiting]
        while looking:
            shares = [draft.waiting[:CHUNK] for draft in looking]
            pairs = [
                self._windows(draft, change) for draft, share in zip(looking, shares, strict=True) for change in share
            ]
            judged = [pair for pair in pairs if pair is not None]
            scores = iter(self.similar(judged) if judged else ())
            passed = iter([pair is None or next(scores) >= self.settings.similarity for pair in pairs])
            still = []
            for draft, share in zip(looking, shares, strict=True):
                chosen = next((change for change, kept in [(change, next(passed)) for change in share] if kept), None)
                if chosen is not None:
                    draft.operations.append(chosen)
                    continue
                draft.waiting = draft.waiting[CHUNK:]
                if draft.waiting:
                    still.append(draft)
            looking = still

    def _windows(self, draft: _Draft, change: Operation) -> tuple[str, str] | None:
        """Return the words around a change in the source and in the changed text.

        None for a text that passes unjudged.
        """
        text = draft.with_change(change)
        words = words_of(text)
        if self.settings.skip_short and len(words) < self.settings.window:
            return None
        before = _window(draft.source, words_of(draft.source), change.start, self.settings.window)
        return before, _window(text, words, draft.place_of(change), self.settings.window)


def _filled(masked: Operation, word: str) -> Operation | None:
    """Return a change with its word; None for one that changes nothing."""
    if masked.kind == "insert":
        return Operation("insert", masked.start, "", masked.new.replace(SLOT, word))
    new = cased_like(word, masked.old)
    return Operation("replace", masked.start, masked.old, new) if new != masked.old else None


def _mergeable(text: str, words: Sequence[Word]) -> list[tuple[int, int] | None]:
    """Return the span of each two neighbours, if only a blank is between them and their parts of speech merge."""
    tags = part_of_speech([word.text for word in words])
    found: list[tuple[int, int] | None] = []
    for (first, one), (second, other) in pairwise(zip(words, tags, strict=True)):
        fits = other.startswith(MERGES.get(one[:2], ("-",))) and not text[first.end : second.start].strip()
        found.append((first.start, second.end) if fits else None)
    return found


def _window(text: str, words: Sequence[Word], place: int, size: int) -> str:
    """Return the ``size`` words around the one at ``place``, at the text's ends as many."""
    if len(words) <= size:
        return text
    middle = max(0, sum(word.start <= place for word in words) - 1)
    first = min(max(0, middle - (size - 1) // 2), len(words) - size)
    return text[words[first].start : words[first + size - 1].end]
