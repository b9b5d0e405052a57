"""Grounded insertion: into a caption only what its image shows (a reply to Ramshetty et al., arXiv 2306.11065;
docs/xmai.md says how it differs).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from editmill.generators.base.loaded import CaptionedImage
from editmill.generators.models.pack import AttributeGroup
from editmill.generators.text.evidence import SIZES, CropJudge, Finding, SizeRuler, crop_around, find_word, size_margin
from editmill.generators.text.gold import judge as judge_gold
from editmill.generators.text.language.conflicts import conflicts
from editmill.generators.text.language.insertion import insert_word
from editmill.generators.text.language.operations import Operation
from editmill.generators.text.language.phrases import NounPhrase, noun_phrases
from editmill.generators.text.language.spans import Word
from editmill.generators.text.language.vocabulary import group_of
from editmill.generators.text.reasons import TextReason
from editmill.generators.text.records import INSERTED, Insertion, SlotRecord, Tried, nearest
from editmill.generators.text.settings import InsertionSettings, TextGuardSettings
from editmill.generators.text.sightings import Lookout, Sighting
from editmill.manifests.arrays import Feature
from editmill.manifests.records import CaptionRecord
from editmill.manifests.seeds import derive_seed

SIZE = "size"
# Boxes must say so by a fifth before an object's size counts as confirmed.
SIZE_LEAD = float(np.log(1.2))


@dataclass(frozen=True)
class CaptionJob:
    """One caption of an image, and the seed of its draws."""

    image: CaptionedImage
    caption: CaptionRecord
    seed: int

    @property
    def key(self) -> tuple[str, str]:
        """What tells the caption from every other: its image's id and its own."""
        return self.image.record.id, self.caption.id


@dataclass
class Slot:
    """One noun while it is looked at; ``outcome`` is "" until it is decided."""

    job: CaptionJob
    phrase: NounPhrase
    outcome: str = ""
    seen: tuple[Sighting, ...] = ()
    around: tuple[Sighting, ...] = ()
    order: list[str] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    found: Insertion | None = None

    def record(self) -> SlotRecord:
        """Return what is kept of it."""
        noun = self.phrase.noun
        text = self.job.caption.text[noun.start : noun.end]
        return SlotRecord(
            text, self.phrase.lemma, noun.start, noun.end, self.outcome, len(self.seen), tuple(self.tried)
        )


class Grounder:
    """Finds what could be inserted at each noun of captions.

    A caption's slots do not depend on the captions beside it.
    """

    def __init__(
        self,
        lookout: Lookout,
        judges: tuple[CropJudge, CropJudge | None],
        ruler: SizeRuler,
        groups: Mapping[str, AttributeGroup],
        settings: InsertionSettings,
        guard: TextGuardSettings,
    ) -> None:
        """Set up.

        Args:
            lookout: Finds the nouns' objects.
            judges: The one that chooses words, and the other family that must agree; None where the pack has none.
            ruler: Measures sizes.
            groups: The words that the judges tell apart, without sizes; their order is the order of contexts.
            settings: The recipe's.
            guard: The recipe's.
        """
        self.lookout, self.ruler, self.groups, self.settings, self.guard = lookout, ruler, groups, settings, guard
        self.chooser, self.second = judges
        shares = settings.groups.model_dump()
        # A pack may have groups that recipes can't name; they get the default share.
        self.shares = {name: shares.get(name, 1.0) for name in (SIZE, *groups) if shares.get(name, 1.0) > 0}
        self._features: dict[tuple[int, int, Sighting], Feature] = {}

    def ground(self, jobs: Sequence[CaptionJob]) -> list[list[Slot]]:
        """Return the slots of each caption, decided but for the cap and the guards of whole texts: ``found`` is what
        could be inserted.
        """
        # Keys hold the ids of images in memory, which Python gives to others once these are gone.
        self._features.clear()
        self.ruler.forget()
        slots = [[Slot(job, phrase) for phrase in noun_phrases(job.caption.text)] for job in jobs]
        every = [slot for mine in slots for slot in mine]
        for slot in every:
            slot.outcome = (
                TextReason.PERSON_GUARD if slot.phrase.person else TextReason.SCOPE if slot.phrase.scope else ""
            )
        self._look(every)
        for slot in every:
            slot.order = self._order(slot)
        while open_slots := [slot for slot in every if not slot.outcome]:
            self._try_next_group(open_slots)
        return slots

    def _look(self, slots: list[Slot]) -> None:
        images: dict[str, CaptionedImage] = {}
        nouns: dict[str, list[str]] = {}
        for slot in slots:
            identity = slot.job.image.record.id
            images[identity] = slot.job.image
            nouns.setdefault(identity, []).extend([] if slot.outcome else _names(slot.phrase))
        found = dict(
            zip(images, self.lookout.find(list(images.values()), [tuple(nouns[key]) for key in images]), strict=True)
        )
        open_slots = [slot for slot in slots if not slot.outcome]
        for slot in open_slots:
            seen = found[slot.job.image.record.id]
            slot.seen = next((seen[name] for name in _names(slot.phrase) if seen.get(name)), ())
            slot.around = tuple(other for mine in seen.values() for other in mine)
        self._drop_contradicting([slot for slot in open_slots if slot.seen])
        for slot in open_slots:
            slot.outcome = "" if slot.seen else TextReason.NO_BOX

    def _drop_contradicting(self, slots: list[Slot]) -> None:
        """Leave out boxes whose object surely has another attribute than the caption says.

        "a red ball" does not mean the azure one.
        """
        said = {id(slot): self._said(slot.phrase.modifiers) for slot in slots}
        self._features_of([slot for slot in slots if set(said[id(slot)]) - {SIZE}], self.chooser)
        self._measure([slot for slot in slots if SIZE in said[id(slot)] and SIZE in self.shares])
        for slot in slots:
            findings = {
                (sighting, group): self._find(slot, sighting, group)
                for sighting in slot.seen
                for group in said[id(slot)]
                if group in self.shares
            }
            wrong = {
                sighting
                for (sighting, group), found in findings.items()
                if found.sure and found.word not in said[id(slot)][group]
            }
            slot.seen = tuple(sighting for sighting in slot.seen if sighting not in wrong)

    def _said(self, words: Iterable[Word]) -> dict[str, set[str]]:
        """Return attribute words by group."""
        said: dict[str, set[str]] = {}
        for word in words:
            text = word.text.lower()
            group = next(
                (name for name, known in self.groups.items() if text in known.words),
                SIZE if text in SIZES else group_of(text),
            )
            if group:
                said.setdefault(group, set()).add(text)
        return said

    def _order(self, slot: Slot) -> list[str]:
        """Return the groups in the order in which they are tried: drawn by the recipe's shares, so that words do not
        follow the judges' ease.
        """
        # By the noun's place, so that no noun's draw depends on what became of another.
        rng = np.random.default_rng(derive_seed(slot.job.seed, slot.job.caption.id, f"groups-{slot.phrase.noun.start}"))
        names, weights = list(self.shares), np.array(list(self.shares.values()))
        return [
            names[int(place)] for place in rng.choice(len(names), len(names), replace=False, p=weights / weights.sum())
        ]

    def _try_next_group(self, slots: list[Slot]) -> None:
        """One round: every open slot asks about its next group, all in one batch."""
        asking: list[tuple[Slot, str]] = []
        for slot in slots:
            if not slot.order:
                slot.outcome = _best_failure(slot)
                continue
            group = slot.order.pop(0)
            words = SIZES if group == SIZE else self.groups[group].words
            # Before a judge is asked nobody knows which word would win, so one that has no place rules the group out.
            said = self._said((*slot.phrase.modifiers, *slot.phrase.predicates))
            if group in said or any(conflicts(word, group, slot.phrase) for word in words):
                slot.tried.append(Tried(group, "", TextReason.ALREADY_MODIFIED))
            else:
                asking.append((slot, group))
        self._features_of([slot for slot, group in asking if group != SIZE], self.chooser)
        self._measure([slot for slot, group in asking if group == SIZE])
        chosen = [(slot, group, self._agree(slot, group)) for slot, group in asking]
        confirming = [(slot, group, found) for slot, group, found in chosen if isinstance(found, list)]
        if self.second is not None:
            self._features_of([slot for slot, group, _ in confirming if group != SIZE], self.second)
        for slot, group, found in confirming:
            self._confirm(slot, group, found)

    def _agree(self, slot: Slot, group: str) -> list[Finding] | None:
        """Return the findings of all boxes when they agree on a word; else the failure is noted."""
        findings = [self._find(slot, sighting, group) for sighting in slot.seen]
        words = {found.word for found in findings}
        if len(words) == 1 and all(found.sure for found in findings):
            return findings
        first = findings[0]
        what = (
            TextReason.AMBIGUOUS
            if len(words) > 1
            else TextReason.NONE_WON
            if not first.word
            else TextReason.BELOW_THRESHOLD
        )
        slot.tried.append(Tried(group, first.word, what, first.probability, first.none, first.margin, first.ratio))
        return None

    def _confirm(self, slot: Slot, group: str, findings: list[Finding]) -> None:
        weakest = min(findings, key=lambda found: found.margin)
        margin = self.image_margin(slot, group, weakest.word)
        passed = margin is None or margin > self.guard.image_margin
        facts = Tried(
            group,
            weakest.word,
            INSERTED if passed else TextReason.IMAGE_GUARD,
            weakest.probability,
            weakest.none,
            weakest.margin,
            weakest.ratio,
            -1.0 if margin is None else margin,
        )
        slot.tried.append(facts)
        if passed:
            slot.found, slot.outcome = self._insertion(slot, facts, weakest), INSERTED

    def image_margins(self, asked: Sequence[tuple[Slot, str, str]]) -> list[float | None]:
        """Return ``image_margin`` of (slot, group, word) of the captions that were grounded last."""
        for judge in filter(None, (self.chooser, self.second)):
            self._features_of([slot for slot, group, _ in asked if group != SIZE], judge)
        return [self.image_margin(slot, group, word) for slot, group, word in asked]

    def image_margin(self, slot: Slot, group: str, word: str) -> float | None:
        """Return the least lead of ``word`` over the group's other words and "none" for the slot's boxes: by the second
        judge, for sizes by boxes.

        Logits for words, natural logarithms of area less ``SIZE_LEAD`` for sizes; None where nothing can say.
        """
        if not slot.seen:
            return None
        if group == SIZE:
            return (
                min(
                    size_margin(word, self.ruler.box_ratio(slot.job.image, sighting, slot.around))
                    for sighting in slot.seen
                )
                - SIZE_LEAD
            )
        known = self.groups.get(group)
        if self.second is None or known is None or word not in known.words:
            return None
        self._features_of([slot], self.chooser)
        self._features_of([slot], self.second)
        context, place = self._context(slot, group), known.words.index(word)
        leads = []
        for sighting in slot.seen:
            noun = sighting.noun
            logits = self.second.logits(
                self._seen(slot, sighting, self.second), noun, known.words, context=context, none=known.guard_none
            )
            leads.append(float(logits[place] - np.delete(logits, place).max()))
        return min(leads)

    def _insertion(self, slot: Slot, facts: Tried, found: Finding) -> Insertion:
        noun, best = slot.phrase.noun, slot.seen[0]
        gold, exists = judge_gold(slot.job.image, slot.phrase, facts.word, facts.group)
        return Insertion(
            facts.word,
            facts.group,
            slot.job.caption.text[noun.start : noun.end],
            slot.phrase.lemma,
            noun.start,
            noun.end,
            box=best.box,
            box_class=best.noun,
            box_score=best.score,
            boxes=len(slot.seen),
            p=facts.p,
            p_none=facts.p_none,
            runner_up=found.runner_up,
            margin=facts.margin,
            ratio=facts.ratio,
            image_margin=facts.image_margin,
            gold=gold,
            gold_existential=exists,
            person=slot.phrase.person,
        )

    def _find(self, slot: Slot, sighting: Sighting, group: str) -> Finding:
        if group == SIZE:
            return self.ruler.measure(slot.job.image, sighting, slot.around)
        known, seen = self.groups[group], self._seen(slot, sighting, self.chooser)
        logits = self.chooser.logits(
            seen, sighting.noun, known.words, context=self._context(slot, group), none=known.none
        )
        return find_word(logits, known)

    def _context(self, slot: Slot, group: str) -> str:
        """Return the colour, as the caption says it or the chooser sees it: other attributes are told apart better
        beside it.
        """
        colour = self.groups.get("colour")
        if colour is None or group == "colour":
            return ""
        said = [word.text.lower() for word in slot.phrase.modifiers if word.text.lower() in colour.words]
        if said:
            return said[0]
        best = slot.seen[0]
        return colour.words[
            # Without "none", as a known colour helps even if it is not certain.
            int(self.chooser.logits(self._seen(slot, best, self.chooser), best.noun, colour.words)[:-1].argmax())
        ]

    def _seen(self, slot: Slot, sighting: Sighting, judge: CropJudge) -> Feature:
        return self._features[(id(judge), id(slot.job.image), sighting)]

    def _measure(self, slots: list[Slot]) -> None:
        """Measure the objects of the slots' boxes in shared calls."""
        self.ruler.look((slot.job.image, sighting, slot.around) for slot in slots for sighting in slot.seen)

    def _features_of(self, slots: Iterable[Slot], judge: CropJudge) -> None:
        """Look at the crops of the slots' boxes that ``judge`` has not seen yet, in one batch."""
        wanted = {(id(judge), id(slot.job.image), sighting): slot.job.image for slot in slots for sighting in slot.seen}
        new = [key for key in wanted if key not in self._features]
        crops = [crop_around(wanted[key].image, key[2].box, self.settings.crop_margin) for key in new]
        if crops:
            self._features.update(zip(new, judge.look(crops), strict=True))


def operations_of(slot: Slot, word: str, group: str) -> tuple[Operation, ...]:
    """Return the operations that insert ``word`` at a slot."""
    return insert_word(slot.job.caption.text, slot.phrase, word, group)


def reject(slot: Slot, reason: str) -> None:
    """Take back a slot's insertion."""
    slot.outcome, slot.found = reason, None
    slot.tried = [replace(one, outcome=reason) if one.outcome == INSERTED else one for one in slot.tried]


def _names(phrase: NounPhrase) -> list[str]:
    """Return what a noun may be called by a detector: the whole compound before its last word."""
    return list(dict.fromkeys((phrase.lemma, phrase.head_lemma)))


def _best_failure(slot: Slot) -> str:
    return next(iter(nearest([one.outcome for one in slot.tried])), TextReason.NONE_WON)
