"""From what could be inserted to an edited caption: the cap, and the guards that read the whole text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from editmill.generators.base.reasons import Reason
from editmill.generators.models.entailment import LABELS, Entailment
from editmill.generators.text.fluency import Fluency
from editmill.generators.text.grounded import Slot, operations_of, reject
from editmill.generators.text.language.insertion import merge_operations
from editmill.generators.text.language.operations import Operation, apply_operations
from editmill.generators.text.reasons import TextReason
from editmill.generators.text.records import INSERTED, Insertion, nearest
from editmill.generators.text.settings import TextGuardSettings

ENTAILED = LABELS.index("entailment")
NEUTRAL_LABEL = 1


@dataclass
class Settled:
    """An edited caption: its slots, what was inserted, and the operations.

    ``text`` is the source's where nothing was.
    """

    slots: list[Slot]
    chosen: list[Slot]
    operations: tuple[Operation, ...]
    text: str
    insertions: list[Insertion] = field(default_factory=list)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why nothing was inserted, the nearest to an insertion first; empty for an edit."""
        if self.chosen:
            return ()
        return tuple(nearest([slot.outcome for slot in self.slots])) or (TextReason.NO_NOUN,)


class Settler:
    """Chooses among the slots of a caption and asks whether the edited text is fluent and still entails its source."""

    def __init__(
        self, fluency: Fluency | None, entailment: Entailment | None, guard: TextGuardSettings, *, cap: int
    ) -> None:
        """Set up; without a model its guard passes everything."""
        self.fluency, self.entailment, self.guard, self.cap = fluency, entailment, guard, cap

    def settle(self, captions: Sequence[list[Slot]]) -> list[Settled]:
        """Return edited captions, in order, of the slots of each."""
        choices = [self._choices(slots) for slots in captions]
        settled: list[Settled | None] = [None] * len(captions)
        for attempt in range(max((len(mine) for mine in choices), default=0)):
            open_captions = [
                position for position, done in enumerate(settled) if done is None and len(choices[position]) > attempt
            ]
            tries = [_edited(captions[position], choices[position][attempt]) for position in open_captions]
            for position, one, reason in zip(open_captions, tries, self._judge(tries), strict=True):
                if not reason:
                    settled[position] = one
                elif attempt + 1 >= len(choices[position]) or len(choices[position][attempt]) == 1:
                    # Not where several failed together: they are tried again one by one.
                    for slot in choices[position][attempt]:
                        reject(slot, reason)
        results = [one or _edited(slots, []) for one, slots in zip(settled, captions, strict=True)]
        for one in results:
            # The whole text failed with them, though not without them.
            for slot in one.slots:
                if slot.outcome == INSERTED and slot not in one.chosen:
                    reject(slot, TextReason.ENTAILMENT)
        self._describe(results)
        return results

    def _choices(self, slots: list[Slot]) -> list[list[Slot]]:
        """Return sets of slots in the order in which they are tried: as many as the cap allows, then each alone."""
        found = [slot for slot in slots if slot.found]
        # An insertion keeps what is entailed or contradicted so; of neutral captions no model here can say.
        if found and found[0].job.caption.label == NEUTRAL_LABEL:
            for slot in found:
                reject(slot, TextReason.LABEL_GUARD)
            return []
        for slot in found[self.cap :]:
            reject(slot, Reason.CAP_REACHED)
        kept = found[: self.cap]
        return [kept, *([slot] for slot in kept if len(kept) > 1)] if kept else []

    def _judge(self, tries: list[Settled]) -> list[str]:
        """Return the reason against each try, or ""."""
        reasons = [""] * len(tries)
        sources = [one.slots[0].job.caption.text for one in tries]
        if self.fluency is not None:
            before, after = self.fluency.per_token(sources), self.fluency.per_token([one.text for one in tries])
            reasons = [
                TextReason.DISFLUENT if new - old < -self.guard.fluency else ""
                for old, new in zip(before, after, strict=True)
            ]
        if self.entailment is not None:
            left = [position for position, reason in enumerate(reasons) if not reason]
            entailed = self.entailment.probabilities([(tries[position].text, sources[position]) for position in left])[
                :, ENTAILED
            ]
            for position, probability in zip(left, entailed.tolist(), strict=True):
                reasons[position] = "" if probability >= self.guard.entailment else TextReason.ENTAILMENT
        return reasons

    def _describe(self, results: list[Settled]) -> None:
        """Complete the records of what was inserted: spans, articles, log-probabilities."""
        asked: list[tuple[Settled, int, tuple[tuple[str, int, int], ...]]] = []
        for one in results:
            for slot in one.chosen:
                assert slot.found is not None
                one.insertions.append(
                    placed(slot.found, operations_of(slot, slot.found.word, slot.found.group), one.operations)
                )
                # With both articles, since a masked model reads the article and avoids words that don't fit it.
                asked.append((one, len(one.insertions) - 1, _variants(one.text, one.insertions[-1])))
        if self.fluency is None:
            return
        scores = iter(self.fluency.word_scores([variant for _, _, variants in asked for variant in variants]))
        for one, place, variants in asked:
            a, an = [next(scores) for _ in variants] if len(variants) == 2 else [next(scores), -1.0]
            one.insertions[place] = replace(one.insertions[place], logp_a=a, logp_an=an)


def _edited(slots: list[Slot], chosen: list[Slot]) -> Settled:
    text = slots[0].job.caption.text if slots else ""
    operations = merge_operations(
        [operations_of(slot, slot.found.word, slot.found.group) for slot in chosen if slot.found]
    )
    return Settled(slots, list(chosen), operations, apply_operations(text, operations))


def placed(insertion: Insertion, own: Sequence[Operation], merged: Sequence[Operation]) -> Insertion:
    """Return an insertion with its span in the edited text, its place in the source, and what changed beside it."""
    put = next(operation for operation in own if operation.kind == "insert")
    articles = [operation for operation in own if operation.kind == "article"]
    moved = any(operation.kind == "initial_case" for operation in own)
    # In the merged operations several insertions at one place may stand in one.
    shift = sum(len(operation.new) - len(operation.old) for operation in merged if operation.start < put.start)
    start = put.start + shift + put.new.lower().index(insertion.word.lower())
    return replace(
        insertion,
        start=start,
        end=start + len(insertion.word),
        source_offset=put.start,
        case_moved=moved,
        article_from=articles[0].old if articles else "",
        article_to=articles[0].new if articles else "",
    )


def _variants(text: str, insertion: Insertion) -> tuple[tuple[str, int, int], ...]:
    """Return the edited text with "a" and with "an" before the inserted word, each with the word's span.

    The text alone where no article stands.
    """
    before = text[: insertion.start].rstrip()
    article = before.rpartition(" ")[2]
    if article.lower() not in ("a", "an"):
        return ((text, insertion.start, insertion.end),)
    head, gap = before[: len(before) - len(article)], text[len(before) : insertion.start]
    variants = []
    for choice in ("a", "an"):
        start = len(head) + len(choice) + len(gap)
        written = choice.capitalize() if article[0].isupper() else choice
        variants.append(
            (head + written + gap + text[insertion.start :], start, start + insertion.end - insertion.start)
        )
    return tuple(variants)
