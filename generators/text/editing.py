"""The editor of captions: every edit of a recipe, of many captions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from editmill.generators.models.detector import Detector
from editmill.generators.models.entailment import Entailment
from editmill.generators.models.features import ImageTextFeatures
from editmill.generators.models.loading import Models
from editmill.generators.models.masked_lm import MaskedLm
from editmill.generators.models.pack import AttributeGroup
from editmill.generators.models.segmenter import Segmenter
from editmill.generators.models.sentence_writer import SentenceWriter
from editmill.generators.text.candidates import TextCandidate, TextJob
from editmill.generators.text.controls.clare import Clare
from editmill.generators.text.controls.edits import augment, delete_words, replace_synonyms
from editmill.generators.text.controls.matched import false_word, open_class_words, random_attribute
from editmill.generators.text.controls.similarity import TextSimilarity
from editmill.generators.text.dilution.editor import Diluter, Fact, Tools
from editmill.generators.text.edits import kind_of
from editmill.generators.text.evidence import SIZES, CropJudge, SizeRuler
from editmill.generators.text.fluency import Fluency
from editmill.generators.text.gold import judge as judge_gold
from editmill.generators.text.gold import known_groups, said_groups, true_words
from editmill.generators.text.grounded import SIZE, CaptionJob, Grounder, Slot
from editmill.generators.text.language.attribute_words import GROUPS
from editmill.generators.text.language.insertion import insert_word, merge_operations
from editmill.generators.text.language.operations import Operation, apply_operations
from editmill.generators.text.language.phrases import noun_phrases
from editmill.generators.text.measures import Measures
from editmill.generators.text.published import PublishedEditor
from editmill.generators.text.reasons import TextReason
from editmill.generators.text.records import Insertion
from editmill.generators.text.settings import TextGuardSettings, TextSettings
from editmill.generators.text.settling import Settled, Settler, placed
from editmill.generators.text.sightings import Lookout
from editmill.manifests.seeds import derive_seed

Swap = Callable[[Slot, Insertion, np.random.Generator], tuple[str, str] | None]
# Pictures per forward pass on the way to attributes.
BATCH = 8


@dataclass(frozen=True)
class _Base:
    """What other edits of captions start from: the grounded edit, and what could be inserted, by caption."""

    settled: dict[tuple[str, str], Settled] = field(default_factory=dict)
    facts: dict[tuple[str, str], list[Fact]] = field(default_factory=dict)

    def of(self, job: TextJob) -> Settled:
        return self.settled[job.caption.key]


def attribute_groups(models: Models) -> dict[str, AttributeGroup]:
    """Return the words that a pack's judges are asked about: its own, or those of published models."""
    # Sizes are measured by boxes and masks; no judge is asked about them.
    return dict(models.pack.attributes) or {
        name: AttributeGroup(words=words) for name, words in GROUPS.items() if name != SIZE
    }


class TextEditor:
    """Edits captions with the models of one pack. A caption's edits do not depend on the captions beside it."""

    def __init__(self, settings: TextSettings, guard: TextGuardSettings, models: Models, *, batch: int = BATCH) -> None:
        """Set up.

        Args:
            settings: The recipe's.
            guard: The recipe's.
            models: The pack's.
            batch: Pictures per forward pass; another number gives other last bits.
        """
        self.settings, self.guard, self.models, self.batch = settings, guard, models, batch
        self.groups = attribute_groups(models)

    def edit(self, jobs: Sequence[TextJob]) -> list[TextCandidate]:
        """Return candidates in the order of the jobs."""
        names = sorted({job.edit.name for job in jobs})
        base = self._ground(jobs) if any(kind_of(name).needs_grounding for name in names) else _Base()
        candidates: list[TextCandidate | None] = [None] * len(jobs)
        for name in names:
            mine = [position for position, job in enumerate(jobs) if job.edit.name == name]
            made = self._make(name, [jobs[position] for position in mine], base)
            for position, candidate in zip(mine, made, strict=True):
                candidates[position] = candidate
        return self._measured(jobs, [candidate for candidate in candidates if candidate is not None])

    def beyond_reading(self, text: str) -> str:
        """Return in what a caption has more words than the pack's masked language model reads tokens, or ""."""
        if not self._has("masked_lm"):
            return ""
        count, limit = len(text.split()), self.masked_lm.tokenizer.model_max_length
        if count <= limit:
            return ""
        return f"the caption has {count:,} words; the pack's masked language model reads {limit:,} tokens"

    def _ground(self, jobs: Sequence[TextJob]) -> _Base:
        captions = list({job.caption.key: job.caption for job in jobs}.values())
        slots = self.grounder.ground(captions)
        # The cap and the guards of whole texts take insertions back that a sentence of its own may still say.
        facts = {
            one.key: [(slot, slot.found) for slot in mine if slot.found]
            for one, mine in zip(captions, slots, strict=True)
        }
        settled = self.settler.settle(slots)
        return _Base({one.key: result for one, result in zip(captions, settled, strict=True)}, facts)

    def _make(self, name: str, jobs: list[TextJob], base: _Base) -> list[TextCandidate]:
        match kind_of(name).way:
            case "untouched":
                return [TextCandidate(job.caption.caption.text) for job in jobs]
            case "grounded":
                return [self._grounded(job, base.of(job)) for job in jobs]
            case "swapped":
                return self._swapped(jobs, [base.of(job) for job in jobs], self._swaps[name])
            case "published":
                return self.published.edit(jobs, naive=name == "naive")
            case "reworded":
                matched = kind_of(name).matched
                return self._reworded(name, jobs, [len(base.of(job).chosen) if matched else 1 for job in jobs])
            case "diluted":
                return self.diluter.dilute(name, jobs, base.facts)

    def _reworded(self, name: str, jobs: list[TextJob], budgets: list[int]) -> list[TextCandidate]:
        """Change as many words as the budgets say, none where that is 0; ``eda`` changes a share of its own."""
        texts, rngs = [job.caption.caption.text for job in jobs], [_rng(job) for job in jobs]
        # A budget of 0 would mean a share of the words there; what comes of it is dropped below.
        counts = [budget or 1 for budget in budgets]
        if name == "clare":
            changes = self.clare.edit(texts, rngs, counts)
        elif name == "eda":
            changes = list(map(augment, texts, rngs))
        else:
            change = delete_words if name == "deletion" else replace_synonyms
            changes = [change(text, rng, budget=count) for text, rng, count in zip(texts, rngs, counts, strict=True)]
        return [
            _freely(job, operations if budget else ())
            for job, operations, budget in zip(jobs, changes, budgets, strict=True)
        ]

    def _grounded(self, job: TextJob, base: Settled) -> TextCandidate:
        slots = tuple(slot.record() for slot in base.slots)
        scores = {"image_margin": min(one.image_margin for one in base.insertions)} if base.insertions else {}
        # The settled text of a caption without slots is empty.
        text = base.text if base.chosen else job.caption.caption.text
        return TextCandidate(text, base.operations, tuple(base.insertions), slots, base.reasons, scores)

    def _swapped(self, jobs: list[TextJob], bases: list[Settled], swap: Swap) -> list[TextCandidate]:
        """Return the grounded edit's slots with other words.

        The second judge's opinion of them is noted, but rejects nothing.
        """
        chosen: list[list[tuple[Slot, str, str]]] = []
        for job, base in zip(jobs, bases, strict=True):
            rng = _rng(job)
            words = [(slot, swap(slot, slot.found, rng)) for slot in base.chosen if slot.found]
            chosen.append([(slot, *word) for slot, word in words if word is not None])
        margins = iter(
            self.grounder.image_margins([(slot, group, word) for mine in chosen for slot, group, word in mine])
        )
        return [
            self._with_words(job, base, [(slot, group, word, next(margins)) for slot, group, word in mine])
            for job, base, mine in zip(jobs, bases, chosen, strict=True)
        ]

    def _with_words(
        self, job: TextJob, base: Settled, words: list[tuple[Slot, str, str, float | None]]
    ) -> TextCandidate:
        source = job.caption.caption.text
        if not words:
            return TextCandidate(source, reasons=(TextReason.NO_GOLD if base.chosen else TextReason.NO_INSERTION,))
        own = [insert_word(source, slot.phrase, word, group) for slot, group, word, _ in words]
        operations = merge_operations(own)
        insertions = []
        for (slot, group, word, margin), mine in zip(words, own, strict=True):
            assert slot.found is not None
            gold, exists = judge_gold(job.caption.image, slot.phrase, word, group)
            bare = Insertion(
                word,
                group,
                slot.found.noun,
                slot.found.lemma,
                slot.found.noun_start,
                slot.found.noun_end,
                box=slot.found.box,
                box_class=slot.found.box_class,
                box_score=slot.found.box_score,
                boxes=slot.found.boxes,
                gold=gold,
                gold_existential=exists,
                image_margin=-1.0 if margin is None else margin,
            )
            insertions.append(placed(bare, mine, operations))
        known = [margin for *_, margin in words if margin is not None]
        return TextCandidate(
            apply_operations(source, operations),
            operations,
            tuple(insertions),
            tuple(slot.record() for slot in base.slots),
            scores={"image_margin": min(known)} if known else {},
        )

    @cached_property
    def _swaps(self) -> dict[str, Swap]:
        return {
            "oracle": _true_word,
            "random-attribute": self._random_attribute,
            "false-attribute": self._false_attribute,
            "random-word": self._random_word,
        }

    def _words(self, group: str) -> tuple[str, ...]:
        return SIZES if group == SIZE else self.groups[group].words

    def _random_attribute(self, slot: Slot, found: Insertion, rng: np.random.Generator) -> tuple[str, str]:
        """Return a word of the same group, drawn blindly: the chance level of the same histogram of groups."""
        return found.group, random_attribute(self._words(found.group), rng)

    def _false_attribute(self, slot: Slot, found: Insertion, rng: np.random.Generator) -> tuple[str, str] | None:
        """Return another word of the group that is true of no object that the noun may mean."""
        word = false_word(slot.job.image, slot.phrase, found, self._words(found.group), rng)
        return (found.group, word) if word else None

    def _random_word(self, slot: Slot, found: Insertion, rng: np.random.Generator) -> tuple[str, str]:
        """Return any word of the masked model's vocabulary, set where the attribute stood."""
        return found.group, random_attribute(self.open_words, rng)

    def _measured(self, jobs: Sequence[TextJob], candidates: list[TextCandidate]) -> list[TextCandidate]:
        edited = [position for position, candidate in enumerate(candidates) if not candidate.reasons]
        pairs = [(jobs[position].caption.caption.text, candidates[position].text) for position in edited]
        scores = self.measures.measure([jobs[position].caption.image for position in edited], pairs)
        for position, measured in zip(edited, scores, strict=True):
            candidates[position] = replace(candidates[position], scores={**measured, **candidates[position].scores})
        return candidates

    def _has(self, role: str) -> bool:
        return role in self.models.pack.roles

    @cached_property
    def features(self) -> ImageTextFeatures:
        """The first judge, which chooses words."""
        return ImageTextFeatures(self.models, role="zero_shot", batch=self.batch)

    @cached_property
    def fluency(self) -> Fluency | None:
        """The masked language model's opinion of texts."""
        return Fluency(self.masked_lm) if self._has("masked_lm") else None

    @cached_property
    def masked_lm(self) -> MaskedLm:
        """The masked language model, for edits that can't do without it."""
        return MaskedLm(self.models)

    @cached_property
    def open_words(self) -> tuple[str, ...]:
        """The words of its vocabulary that can stand before a noun."""
        return open_class_words(self.masked_lm.words.values())

    @cached_property
    def entailment(self) -> Entailment | None:
        """The entailment model."""
        return Entailment(self.models) if self._has("nli") else None

    @cached_property
    def lookout(self) -> Lookout:
        """Finds the nouns' objects."""
        insertion, vocabulary = self.settings.insertion, self.models.pack.entry("zero_shot").vocabulary
        detector = None if insertion.boxes == "annotations" else Detector(self.models, batch=self.batch)
        return Lookout(detector, insertion, vocabulary)

    @cached_property
    def grounder(self) -> Grounder:
        """Finds what could be inserted."""
        second = (
            CropJudge(ImageTextFeatures(self.models, role="zero_shot_2", batch=self.batch))
            if self._has("zero_shot_2")
            else None
        )
        insertion = self.settings.insertion
        together = self.models.placement.pictures
        segmenter = Segmenter(self.models, batch=together) if self._has("segmenter") else None
        usual = self.models.pack.object_sizes
        ruler = SizeRuler(segmenter, usual, small=insertion.small, large=insertion.large, together=together)
        return Grounder(self.lookout, (CropJudge(self.features), second), ruler, self.groups, insertion, self.guard)

    @cached_property
    def published(self) -> PublishedEditor:
        """The published algorithm on the same models."""
        return PublishedEditor(self.lookout, self.features, self.masked_lm, self.groups, self.settings)

    @cached_property
    def diluter(self) -> Diluter:
        """Adds sentences."""
        dilution = self.settings.dilution
        writer = SentenceWriter(self.models) if dilution.writer == "causal_lm" else None
        nouns = tuple(self.models.pack.entry("detector").vocabulary) if self._has("detector") else ()
        tools = Tools(writer, self.fluency, self.entailment, self._words, nouns)
        return Diluter(tools, dilution, self.guard, (SIZE, *self.groups))

    @cached_property
    def clare(self) -> Clare:
        """Changes by the masked language model that keep texts similar."""
        return Clare(self.masked_lm, TextSimilarity(self.features))

    @cached_property
    def settler(self) -> Settler:
        """Applies the cap and the guards of whole texts."""
        return Settler(self.fluency, self.entailment, self.guard, cap=self.settings.insertion.per_caption)

    @cached_property
    def measures(self) -> Measures:
        """What every edited text is measured with."""
        return Measures(self.features, self.fluency, self.entailment)


def _rng(job: TextJob) -> np.random.Generator:
    return np.random.default_rng(derive_seed(job.caption.seed, job.caption.caption.id, f"words-{job.edit.name}"))


def _freely(job: TextJob, operations: tuple[Operation, ...]) -> TextCandidate:
    """Return a text that its operations change; an edit that leaves it as it was is none."""
    source = job.caption.caption.text
    edited = apply_operations(source, operations)
    return (
        TextCandidate(edited, operations)
        if edited != source
        else TextCandidate(source, reasons=(TextReason.UNCHANGED,))
    )


def _true_word(slot: Slot, found: Insertion, rng: np.random.Generator) -> tuple[str, str] | None:
    """Return what the source says is true of the slot's objects: of the grounded edit's group where it can, else of
    another.
    """
    image = slot.job.image
    true = true_words(image, slot.phrase, known_groups(image), said_groups(image, slot.phrase))
    if found.group in true:
        return found.group, true[found.group]
    return next(iter(sorted(true.items())), None)


def is_eligible(caption: CaptionJob) -> str:
    """Return whether some noun of the caption could take an attribute, as the source knows it: true, false or
    unknown.
    """
    image, groups = caption.image, known_groups(caption.image)
    if not groups:
        return "unknown"
    for phrase in noun_phrases(caption.caption.text):
        if not phrase.person and not phrase.scope and true_words(image, phrase, groups, said_groups(image, phrase)):
            return "true"
    return "false"
