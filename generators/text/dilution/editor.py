"""Captions diluted by a sentence that the image bears out, and the controls of that, each one sentence long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from editmill.generators.models.entailment import Entailment
from editmill.generators.models.sentence_writer import SentenceWriter
from editmill.generators.text.candidates import TextCandidate, TextJob
from editmill.generators.text.controls.matched import false_word
from editmill.generators.text.dilution.sentences import appended, says_only, template
from editmill.generators.text.fluency import Fluency
from editmill.generators.text.gold import FALSE, UNKNOWN, known_groups
from editmill.generators.text.gold import judge as judge_gold
from editmill.generators.text.grounded import Slot
from editmill.generators.text.language.operations import apply_operations
from editmill.generators.text.reasons import TextReason
from editmill.generators.text.records import Insertion
from editmill.generators.text.settings import DilutionSettings, TextGuardSettings
from editmill.generators.text.settling import ENTAILED, NEUTRAL_LABEL
from editmill.manifests.seeds import derive_seed

# A slot, and what both judges accept of it.
Fact = tuple[Slot, Insertion]
# Objects that a false sentence may be about, where the detector's vocabulary is open.
ABSENT = ("umbrella", "piano", "tractor", "lamp", "violin", "ladder", "canoe", "kettle")


@dataclass(frozen=True)
class Tools:
    """The models that dilution asks; None for one that a pack lacks. ``nouns`` are what the detector knows."""

    writer: SentenceWriter | None
    fluency: Fluency | None
    entailment: Entailment | None
    words: Callable[[str], tuple[str, ...]]
    nouns: tuple[str, ...]


class Diluter:
    """Adds one sentence to captions. A caption's text does not depend on the captions beside it."""

    def __init__(
        self, tools: Tools, settings: DilutionSettings, guard: TextGuardSettings, groups: Sequence[str]
    ) -> None:
        self.tools, self.settings, self.guard = tools, settings, guard
        self.attribute_words = tuple(word for group in groups for word in tools.words(group))

    def dilute(
        self, name: str, jobs: Sequence[TextJob], facts: Mapping[tuple[str, str], list[Fact]]
    ) -> list[TextCandidate]:
        """Return candidates of the edit ``name``; all edits of a caption take the same fact."""
        made = [self._one(name, job, facts[job.caption.key]) for job in jobs]
        return self._guarded(jobs, made) if name == "dilute" else made

    def _one(self, name: str, job: TextJob, facts: list[Fact]) -> TextCandidate:
        source = job.caption.caption.text
        if name == "dilute-repeat":
            body = source.strip().rstrip(".")
            return self._with(job, f"{body[:1].lower()}{body[1:]}.", None, "", "")
        if not facts:
            return TextCandidate(source, reasons=(TextReason.NO_INSERTION,))
        if job.caption.caption.label == NEUTRAL_LABEL:
            return TextCandidate(source, reasons=(TextReason.LABEL_GUARD,))
        # Not seeded by the edit, so that all edits of a caption take the same fact.
        rng = np.random.default_rng(derive_seed(job.caption.seed, job.caption.caption.id, "dilution"))
        slot, found = facts[int(rng.integers(len(facts)))]
        noun = found.noun.lower()
        if name == "dilute-keywords":
            return self._with(job, f"{found.word} {noun}.", slot, found.group, found.word)
        if name == "dilute-unrelated":
            return self._unrelated(job, slot, found, rng)
        word = (
            found.word
            if name == "dilute"
            else false_word(slot.job.image, slot.phrase, found, self.tools.words(found.group), rng)
        )
        if word is None:
            return TextCandidate(source, reasons=(TextReason.NO_GOLD,))
        sentence = self._sentence(job, noun, word, plural=slot.phrase.plural)
        return (
            self._with(job, sentence, slot, found.group, word)
            if sentence
            else TextCandidate(source, reasons=(TextReason.NO_CANDIDATE,))
        )

    def _unrelated(self, job: TextJob, slot: Slot, found: Insertion, rng: np.random.Generator) -> TextCandidate:
        """Return a sentence of the same length about an object that is not there."""
        present = (
            {item.name for item in job.caption.image.objects} | {one.noun for one in slot.around} | {slot.phrase.lemma}
        )
        absent = [noun for noun in self.tools.nouns or ABSENT if noun not in present]
        noun, words = absent[int(rng.integers(len(absent)))], self.tools.words(found.group)
        word = words[int(rng.integers(len(words)))]
        # The object is not there, so nothing said of it is true.
        gold = FALSE if known_groups(job.caption.image) else UNKNOWN
        return self._with(job, template(noun, word, plural=False), None, found.group, word, gold=gold)

    def _sentence(self, job: TextJob, noun: str, word: str, *, plural: bool) -> str:
        """Return the most fluent of the model's sentences that say only this, or the template's."""
        settings = self.settings
        if settings.writer == "template" or self.tools.writer is None:
            return template(noun, word, plural=plural)
        written = self.tools.writer.write(
            (word, noun),
            count=settings.candidates,
            seed=derive_seed(job.caption.seed, job.caption.caption.id, f"write-{word}"),
            top_k=settings.top_k,
            top_p=settings.top_p,
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
        )
        kept = [text for text in dict.fromkeys(written) if says_only(text, noun, word, self.attribute_words)]
        if len(kept) > 1 and self.tools.fluency is not None:
            scores = self.tools.fluency.per_token(kept)
            return kept[int(np.argmax(scores))]
        return kept[0] if kept else ""

    def _with(
        self, job: TextJob, sentence: str, slot: Slot | None, group: str, word: str, *, gold: str = UNKNOWN
    ) -> TextCandidate:
        source = job.caption.caption.text
        operation = appended(source, sentence)
        text = apply_operations(source, (operation,))
        if not word:
            return TextCandidate(text, (operation,))
        # Offsets in the edited text are those of the source, as all of the addition comes last.
        start = operation.start + operation.new.lower().index(word)
        truth = (gold, gold) if slot is None else judge_gold(slot.job.image, slot.phrase, word, group)
        noun = slot.phrase.noun if slot else None
        said = Insertion(
            word,
            group,
            source[noun.start : noun.end] if noun else "",
            slot.phrase.lemma if slot else "",
            noun.start if noun else -1,
            noun.end if noun else -1,
            operation.start,
            start,
            start + len(word),
            gold=truth[0],
            gold_existential=truth[1],
            boxes=len(slot.seen) if slot else 0,
        )
        return TextCandidate(text, (operation,), (said,))

    def _guarded(self, jobs: Sequence[TextJob], made: list[TextCandidate]) -> list[TextCandidate]:
        """Return the edited text has to entail its source."""
        if self.tools.entailment is None:
            return made
        asked = [position for position, one in enumerate(made) if not one.reasons]
        pairs = [(made[position].text, jobs[position].caption.caption.text) for position in asked]
        entailed = self.tools.entailment.probabilities(pairs)[:, ENTAILED].tolist()
        for position, probability in zip(asked, entailed, strict=True):
            if probability < self.guard.entailment:
                made[position] = TextCandidate(jobs[position].caption.caption.text, reasons=(TextReason.ENTAILMENT,))
        return made
