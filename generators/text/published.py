"""The published algorithm and its ablation ``naive``, on the models of a pack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from editmill.generators.base.loaded import CaptionedImage
from editmill.generators.models.features import ImageTextFeatures
from editmill.generators.models.masked_lm import MaskedLm
from editmill.generators.models.pack import AttributeGroup
from editmill.generators.text.candidates import TextCandidate, TextJob
from editmill.generators.text.evidence import CropJudge, crop_around
from editmill.generators.text.gold import UNKNOWN, judge, known_groups
from editmill.generators.text.gold import true_words as true_of
from editmill.generators.text.language.lemmas import singular
from editmill.generators.text.language.persons import is_person
from editmill.generators.text.language.phrases import NounPhrase, noun_phrases
from editmill.generators.text.language.spans import Span
from editmill.generators.text.language.vocabulary import group_of
from editmill.generators.text.records import Insertion
from editmill.generators.text.settings import TextSettings
from editmill.generators.text.sightings import Lookout, Sighting
from editmill.generators.text.word_vectors import WordVectors
from editmill.generators.text.xmai2023.ceiling import masked_model_ceiling
from editmill.generators.text.xmai2023.editor import Cosines, Filled, Outcome, Xmai, insert_randomly
from editmill.generators.text.xmai2023.proposals import Proposer
from editmill.generators.text.xmai2023.slots import MaskSlot
from editmill.manifests.arrays import Feature
from editmill.manifests.seeds import derive_seed

# The names and attributes of an image's boxes, in the order of their scores.
Seen = dict[str, list[tuple[Sighting, str]]]
UNPLACED = (-1.0, -1.0, -1.0, -1.0)


class PublishedEditor:
    """Runs ``xmai-2023`` and ``naive``: every box gets the best attribute of the vocabulary, with no "none"."""

    def __init__(
        self,
        lookout: Lookout,
        features: ImageTextFeatures,
        model: MaskedLm,
        groups: Mapping[str, AttributeGroup],
        settings: TextSettings,
    ) -> None:
        self.lookout, self.features, self.settings = lookout, features, settings
        self.judge, self.groups, self.vectors = CropJudge(features), groups, WordVectors(model)
        bugs = tuple(settings.xmai.legacy_bugs)
        self._known: dict[tuple[str, str], Seen] = {}
        self.proposer = Proposer(model, top=settings.xmai.top, kept=settings.xmai.kept, legacy_bugs=bugs)

    def edit(self, jobs: Sequence[TextJob], *, naive: bool) -> list[TextCandidate]:
        """Return edited captions in the order of the jobs."""
        seen = self._seen(jobs)
        attributes = [{name: [word for _, word in boxes] for name, boxes in one.items()} for one in seen]
        texts = [job.caption.caption.text for job in jobs]
        if naive:
            outcomes = [self._naive(job, known) for job, known in zip(jobs, attributes, strict=True)]
        else:
            images = self.features.images([job.caption.image.image for job in jobs])
            outcomes = Xmai(self.proposer, self.vectors.similarity, self._cosines(images), self.settings.xmai).edit(
                texts, attributes
            )
        made = [self._candidate(job, outcome, boxes) for job, outcome, boxes in zip(jobs, outcomes, seen, strict=True)]
        return (
            made
            if naive
            else [
                replace(one, facts=self._ceiling(job, outcome))
                for one, job, outcome in zip(made, jobs, outcomes, strict=True)
            ]
        )

    def _ceiling(self, job: TextJob, outcome: Outcome) -> dict[str, int]:
        """Return slots whose true words the source knows, and how many have one among their candidates."""
        image = job.caption.image

        def true_words(position: int, slot: MaskSlot) -> set[str] | None:
            phrase = _phrase_of(outcome, slot)
            return (
                None
                if phrase is None or not known_groups(image)
                else set(true_of(image, phrase, known_groups(image), ()).values())
            )

        ceiling = masked_model_ceiling([outcome], true_words)
        return {"ceiling_slots": ceiling.slots, "ceiling_reached": ceiling.reached}

    def _cosines(self, images: torch.Tensor) -> Cosines:
        def cosines(positions: Sequence[int], sentences: Sequence[str]) -> list[float]:
            if not sentences:
                return []
            # Features have a norm of 1, so products are cosines.
            return [float(value) for value in (images[list(positions)] * self.features.texts(tuple(sentences))).sum(1)]

        return cosines

    def _seen(self, jobs: Sequence[TextJob]) -> list[Seen]:
        """Return what is seen of each caption's image, or what its source says that a published detector saw.

        Both edits of a caption share one look, so that of the last call is remembered.
        """
        wanted = {job.caption.key: job.caption for job in jobs}
        new = [caption for key, caption in wanted.items() if key not in self._known]
        told = {caption.key: _told(caption.image) for caption in new}
        unseen = [caption for caption in new if told[caption.key] is None]
        fresh = self._look([one.image for one in unseen], [one.caption.text for one in unseen]) if unseen else []
        looked = {key: seen for key, seen in told.items() if seen is not None}
        looked |= {caption.key: seen for caption, seen in zip(unseen, fresh, strict=True)}
        self._known = {key: looked[key] if key in looked else self._known[key] for key in wanted}
        return [self._known[job.caption.key] for job in jobs]

    def _look(self, images: Sequence[CaptionedImage], texts: Sequence[str]) -> list[Seen]:
        """Return names and attributes of the boxes: of the detector's whole vocabulary, or of the caption's nouns where
        it is open.
        """
        detector = self.lookout.detector
        closed = tuple(detector.entry.vocabulary) if detector else ()
        nouns = [closed or tuple(dict.fromkeys(phrase.head_lemma for phrase in noun_phrases(text))) for text in texts]
        found = self.lookout.find(list(images), nouns)
        places = [
            (position, sighting)
            for position, one in enumerate(found)
            for sighting in sorted(
                (sighting for boxes in one.values() for sighting in boxes), key=lambda sighting: -sighting.score
            )
        ]
        crops = [
            crop_around(images[position].image, sighting.box, self.settings.insertion.crop_margin)
            for position, sighting in places
        ]
        result: list[Seen] = [{} for _ in images]
        if not crops:
            return result
        for (position, sighting), features in zip(places, self.judge.look(crops), strict=True):
            result[position].setdefault(sighting.noun, []).append((sighting, self._attribute(features, sighting.noun)))
        return result

    def _attribute(self, features: Feature, noun: str) -> str:
        words = tuple(word for group in self.groups.values() for word in group.words)
        # Without "none": as published, every box has an attribute.
        return words[int(self.judge.logits(features, noun, words)[:-1].argmax())]

    def _naive(self, job: TextJob, attributes: Mapping[str, Sequence[str]]) -> Outcome:
        rng = np.random.default_rng(derive_seed(job.caption.seed, job.caption.caption.id, "naive"))
        return insert_randomly(job.caption.caption.text, attributes, self.vectors.similarity, self.settings.xmai, rng)

    def _candidate(self, job: TextJob, outcome: Outcome, seen: Seen) -> TextCandidate:
        if outcome.reason:
            return TextCandidate(outcome.source, reasons=(outcome.reason,))
        filled = zip(outcome.filled, outcome.spans, strict=True)
        insertions = tuple(self._insertion(job.caption.image, outcome, one, span, seen) for one, span in filled)
        return TextCandidate(outcome.text, outcome.operations, insertions)

    def _insertion(self, image: CaptionedImage, outcome: Outcome, filled: Filled, span: Span, seen: Seen) -> Insertion:
        slot = filled.slot
        noun = outcome.source[slot.start : slot.end]
        lemma = singular(noun.lower())
        boxes = [sighting for name in slot.names for sighting, _ in seen.get(name, [])]
        phrase = _phrase_of(outcome, slot)
        gold, exists = judge(image, phrase, filled.word) if phrase else (UNKNOWN, UNKNOWN)
        group = next((name for name, known in self.groups.items() if filled.word in known.words), group_of(filled.word))
        return Insertion(
            filled.word,
            group,
            noun,
            lemma,
            slot.start,
            slot.end,
            slot.start,
            span.start,
            span.end,
            boxes[0].box,
            boxes[0].noun,
            boxes[0].score,
            len(boxes),
            p=filled.fluency,
            runner_up=filled.runner_up,
            margin=filled.margin,
            gold=gold,
            gold_existential=exists,
            person=is_person(lemma, lemma),
        )


def _told(image: CaptionedImage) -> Seen | None:
    """Return the names and attributes that the source brings along, without places; None where it brings none."""
    if image.detected is None:
        return None
    seen: Seen = {}
    for name, attribute in image.detected:
        seen.setdefault(name, []).append((Sighting(name, UNPLACED, -1.0), attribute))
    return seen


def _phrase_of(outcome: Outcome, slot: MaskSlot) -> NounPhrase | None:
    """Return the noun phrase before whose noun a slot stands, if it is one."""
    return next((one for one in noun_phrases(outcome.source) if one.noun.start <= slot.start < one.noun.end), None)
