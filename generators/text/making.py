"""Samples of edited captions: edited in batches of images, with what is stored and said of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from editmill.generators.base.family import Build
from editmill.generators.base.images import encode_image
from editmill.generators.base.loaded import CaptionedImage
from editmill.generators.base.making import Maker, check_record
from editmill.generators.base.samples import Job, Made, PlannedSample, RowFacts
from editmill.generators.base.threads import threads, threads_beside
from editmill.generators.text.candidates import TextCandidate, TextJob
from editmill.generators.text.editing import TextEditor, is_eligible
from editmill.generators.text.grounded import CaptionJob
from editmill.generators.text.reasons import TextReason
from editmill.generators.text.records import GROUP, REFERENCE
from editmill.generators.text.settings import TextGuardSettings, TextSettings
from editmill.manifests.canonical import canonical_json
from editmill.manifests.records import CaptionRecord
from editmill.manifests.seeds import derive_seed
from editmill.manifests.stages import stage


class TextMaker(Maker[CaptionedImage]):
    """Edits captions; each text is stored with its source's, and with the picture unless it is only referred to."""

    group = GROUP

    def __init__(self, build: Build[TextSettings, TextGuardSettings]) -> None:
        self.build = build
        self.editor = TextEditor(build.settings, build.guard, build.models)
        self.loaders = threads_beside(build.models.device)
        self._pictures: dict[str, bytes] = {}

    @stage("decode")
    def load(self, sample: PlannedSample) -> CaptionedImage:
        """Load the picture and the objects that its source names."""
        check_record(sample.source)
        image: CaptionedImage = self.build.source.load(sample.source)
        return image

    def make(self, jobs: Sequence[Job[CaptionedImage]]) -> list[Made]:
        """Edit captions of many images together; no model sees one that is too long."""
        texts = [self._text_job(job) for job in jobs]
        excess = [self._excess(text.caption.caption.text) for text in texts]
        short = [text for text, detail in zip(texts, excess, strict=True) if not detail]
        edited = list(zip(short, self.editor.edit(short), strict=True))
        self._encode([text.caption.image for text, one in edited if not one.reasons])
        made = iter([self._made(text, one) for text, one in edited])
        return [_too_long(detail) if detail else next(made) for detail in excess]

    def _excess(self, text: str) -> str:
        """Return in what a caption is too long, or ""."""
        limit = self.build.settings.max_characters
        if len(text) > limit:
            return f"the caption has {len(text):,} characters; generator.max_characters allows {limit:,}"
        return self.editor.beyond_reading(text)

    def unit(self, job: Job[CaptionedImage]) -> Hashable:
        """Return the caption: its edits take over each other's slots."""
        return job.sample.source.id, job.sample.replica

    def row(self, sample: PlannedSample) -> RowFacts:
        """Return the caption with its label; a row has no class."""
        caption = caption_of(sample)
        parameters = {"caption_id": caption.id, "caption": caption.text, "text": "", "inserted": 0}
        return RowFacts(sample.source, caption.label, "", parameters=parameters)

    def end(self) -> None:
        """Forget the encoded pictures."""
        self._pictures.clear()

    def _encode(self, images: Sequence[CaptionedImage]) -> None:
        """Encode the pictures that are stored, each once."""
        kind = self.build.image
        if kind == REFERENCE:
            return
        new = {image.record.id: image.image for image in images if image.record.id not in self._pictures}
        with threads(self.loaders) as pool:
            self._pictures |= zip(new, pool.map(lambda image: encode_image(image, kind), new.values()), strict=True)

    def _text_job(self, job: Job[CaptionedImage]) -> TextJob:
        # The edits of an image share a seed, since several take over the grounded edit's slots.
        seed = derive_seed(self.build.seed, job.sample.source.id, "captions")
        return TextJob(CaptionJob(job.loaded, caption_of(job.sample), seed), job.sample.edit)

    def _made(self, job: TextJob, candidate: TextCandidate) -> Made:
        parameters, scores = _parameters(job, candidate), candidate.scores
        if candidate.reasons:
            return Made(reasons=candidate.reasons, scores=scores, parameters=parameters)
        return Made(self._members(job, candidate), scores=scores, parameters=parameters, facts=_facts(job, parameters))

    def _members(self, job: TextJob, candidate: TextCandidate) -> dict[str, bytes]:
        texts = {"txt": candidate.text.encode(), "source.txt": job.caption.caption.text.encode()}
        image, kind = job.caption.image, self.build.image
        if kind == REFERENCE:
            return texts
        return {kind: self._pictures[image.record.id], **texts}


def _too_long(detail: str) -> Made:
    return Made(reasons=(TextReason.TEXT_TOO_LONG,), detail=detail, final=True)


def _parameters(job: TextJob, candidate: TextCandidate) -> dict[str, Any]:
    """Return what the row says of a text, or of why there is none."""
    caption, record = job.caption.caption, job.caption.image.record
    outcomes = Counter(slot.outcome for slot in candidate.slots)
    return {
        "caption_id": caption.id,
        "caption": caption.text,
        "text": "" if candidate.reasons else candidate.text,
        "inserted": len(candidate.insertions),
        "words": [one.word for one in candidate.insertions],
        "groups": [one.group for one in candidate.insertions],
        "outcomes": dict(sorted(outcomes.items())),
        "slots": [slot.document() for slot in candidate.slots],
        "insertions": [one.document() for one in candidate.insertions],
        "operations": [
            {"kind": one.kind, "start": one.start, "old": one.old, "new": one.new} for one in candidate.operations
        ],
        "caption_label": caption.label,
        "image": record.image_name,
        "image_sha256": record.sha256,
        "eligible": is_eligible(job.caption),
        **candidate.facts,
    }


def _facts(job: TextJob, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON's part of the row's parameters; lists that may be empty are JSON in a string."""
    lists = {name: canonical_json(parameters[name]).decode() for name in ("insertions", "operations")}
    copied = {name: parameters[name] for name in ("image", "caption_id", "caption", "text", "inserted")}
    return {**copied, **lists, "edit": job.edit.name, "level": float(job.edit.level)}


def caption_of(sample: PlannedSample) -> CaptionRecord:
    """Return the caption of a sample: replicas number an image's captions."""
    return sample.source.captions[sample.replica]
