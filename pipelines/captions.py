"""From planned samples to rows and members of edited captions: load, edit in batches of images, encode."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import torch

from editmill.generators.base import edit_seed
from editmill.generators.reasons import FAILURES, Reason
from editmill.generators.text.base import CaptionedImage
from editmill.generators.text.candidates import TextCandidate, TextJob
from editmill.generators.text.editing import TextEditor, is_eligible
from editmill.generators.text.grounded import CaptionJob
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import EditmillError
from editmill.manifests.records import CandidateRecord, CaptionRecord, SampleRow
from editmill.manifests.seeds import derive_seed
from editmill.pipelines.encode import encode_image
from editmill.pipelines.families.base import Built
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import CaptionSource, SourceProblem

logger = logging.getLogger("editmill.captions")

REFERENCE = "reference"
MEMBERS = ("cls", "json", "source.txt", "txt")
# Images whose captions are edited together: enough to fill every model's batches.
IMAGES = 64


class CaptionBuilder:
    """Builds the samples of captioned images with one set of models."""

    def __init__(
        self, recipe: Recipe, source: CaptionSource, editor: TextEditor, *, fingerprint: str, images: int = IMAGES
    ) -> None:
        self.recipe, self.source, self.editor, self.fingerprint, self.images = (
            recipe,
            source,
            editor,
            fingerprint,
            images,
        )

    def build(self, samples: Sequence[PlannedSample], *, shard: int) -> Iterator[Built]:
        """Yield a row per planned sample, in order, with the members of accepted ones."""
        groups = [list(group) for _, group in groupby(samples, key=lambda sample: sample.source.id)]
        for start in range(0, len(groups), self.images):
            yield from self._build_chunk(groups[start : start + self.images], shard)

    def _build_chunk(self, groups: Sequence[list[PlannedSample]], shard: int) -> Iterator[Built]:
        loaded = [self._load(group[0]) for group in groups]
        jobs = [
            [self._job(sample, image) for sample in group] if isinstance(image, CaptionedImage) else []
            for group, image in zip(groups, loaded, strict=True)
        ]
        made = iter(self._edit([job for mine in jobs for job in mine]))
        for group, image, mine in zip(groups, loaded, jobs, strict=True):
            if not isinstance(image, CaptionedImage):
                yield from ((self._failed(sample, image, shard), {}) for sample in group)
                continue
            primary = self._primary(image)
            for sample, job in zip(group, mine, strict=True):
                yield self._finish(sample, job, next(made), primary, shard)

    def _load(self, sample: PlannedSample) -> CaptionedImage | SourceProblem:
        record = sample.source
        try:
            if record.problem:
                raise SourceProblem(Reason(record.problem), f"{record.image}: {record.problem.replace('_', ' ')}")
            return self.source.load_captioned(record)
        except SourceProblem as problem:
            logger.warning("source %s left out: %s", record.id, problem)
            return problem

    def _job(self, sample: PlannedSample, image: CaptionedImage) -> TextJob:
        seed = derive_seed(self.recipe.seed, sample.source.id, "captions")
        return TextJob(CaptionJob(image, caption_of(sample), seed), sample.edit)

    def _edit(self, jobs: list[TextJob]) -> list[TextCandidate]:
        """Edit; where a model fails, ever smaller parts are edited alone, and a caption that fails alone becomes rows
        with their reason.
        """
        if not jobs:
            return []
        captions = list(dict.fromkeys(job.caption.key for job in jobs))
        try:
            return self.editor.edit(jobs)
        except EditmillError:
            raise
        except (RuntimeError, ValueError, IndexError) as error:
            if len(captions) > 1:
                first = set(captions[: len(captions) // 2])
                halves: tuple[list[TextJob], list[TextJob]] = ([], [])
                for job in jobs:
                    halves[job.caption.key not in first].append(job)
                return [*self._edit(halves[0]), *self._edit(halves[1])]
            if isinstance(error, torch.OutOfMemoryError):
                raise
            logger.warning("%s: editing failed: %s", jobs[0].caption.caption.text, error)
            return [TextCandidate(job.caption.caption.text, reasons=(Reason.PROPOSER_ERROR,)) for job in jobs]

    def _primary(self, image: CaptionedImage) -> bytes:
        return b"" if self.recipe.output.image == REFERENCE else encode_image(image.image, self.recipe.output.image)

    def _finish(
        self, sample: PlannedSample, job: TextJob, candidate: TextCandidate, primary: bytes, shard: int
    ) -> Built:
        seed = self._seed(sample)
        scores = {name: round(value, 6) for name, value in candidate.scores.items()}
        accepted = not candidate.reasons
        status = "ok" if accepted else "failed" if set(candidate.reasons) & FAILURES else "rejected"
        record = CandidateRecord(attempt=0, seed=seed, accepted=accepted, reasons=candidate.reasons, scores=scores)
        row = self._base(sample, shard).model_copy(
            update={
                "status": status,
                "reasons": candidate.reasons,
                "parameters": self._parameters(sample, job, candidate),
                "scores": scores,
                "attempts": 1,
                "candidates": (record,),
            }
        )
        return row, self._members(sample, row, candidate, primary) if accepted else {}

    def _parameters(self, sample: PlannedSample, job: TextJob, candidate: TextCandidate) -> dict[str, Any]:
        caption = job.caption.caption
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
            "image": sample.source.image,
            "image_sha256": sample.source.sha256,
            "eligible": is_eligible(job.caption),
            **candidate.facts,
        }

    def _members(
        self, sample: PlannedSample, row: SampleRow, candidate: TextCandidate, primary: bytes
    ) -> dict[str, bytes]:
        members = {
            "txt": candidate.text.encode(),
            "source.txt": caption_of(sample).text.encode(),
            "cls": str(row.label).encode(),
            "json": json.dumps(self._describe(sample, row), sort_keys=True, ensure_ascii=False).encode(),
        }
        return members if self.recipe.output.image == REFERENCE else {self.recipe.output.image: primary, **members}

    def _describe(self, sample: PlannedSample, row: SampleRow) -> dict[str, Any]:
        """Return the sample's JSON: the same keys with the same types in every sample.

        Lists that may be empty are JSON in a string.
        """
        source, values = sample.source, row.parameters
        return {
            "key": row.key,
            "source_id": source.id,
            "source_sha256": source.sha256,
            "image": source.image,
            "caption_id": values["caption_id"],
            "caption": values["caption"],
            "text": values["text"],
            "label": row.label,
            "licence": source.licence,
            "generator": row.generator,
            "edit": row.edit,
            "level": float(row.level),
            "inserted": values["inserted"],
            "seed": row.seed,
            "fingerprint": self.fingerprint,
            "insertions": canonical_json(values["insertions"]).decode(),
            "operations": canonical_json(values["operations"]).decode(),
            "scores": canonical_json(row.scores).decode(),
        }

    def _failed(self, sample: PlannedSample, problem: SourceProblem, shard: int) -> SampleRow:
        caption = caption_of(sample)
        parameters = {
            "caption_id": caption.id,
            "caption": caption.text,
            "text": "",
            "inserted": 0,
            "detail": str(problem),
        }
        return self._base(sample, shard).model_copy(
            update={"reasons": (str(problem.reason),), "parameters": parameters}
        )

    def _seed(self, sample: PlannedSample) -> int:
        return edit_seed(self.recipe.seed, sample.source, sample.edit, sample.replica)

    def _base(self, sample: PlannedSample, shard: int) -> SampleRow:
        record, edit = sample.source, sample.edit
        return SampleRow(
            key=sample.key,
            split=self.recipe.split,
            shard=shard,
            status="failed",
            reasons=(Reason.PROPOSER_ERROR,),
            source_id=record.id,
            source_sha256=record.sha256,
            label=caption_of(sample).label,
            class_name="",
            generator=edit.generator,
            edit=edit.name,
            level=edit.level,
            replica=sample.replica,
            seed=self._seed(sample),
        )


def caption_of(sample: PlannedSample) -> CaptionRecord:
    """Return the caption of a sample: replicas number an image's captions."""
    return sample.source.captions[sample.replica]
