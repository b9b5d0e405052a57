"""From planned samples of a class to rows and members of generated pictures: propose, encode, guard, compare, retry."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import cv2
import numpy as np
import torch

from editmill.generators.base import Array, edit_seed
from editmill.generators.guards.ensemble.duplicates import Fingerprint
from editmill.generators.guards.ensemble.ensemble import GuardEnsemble
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.ensemble.verifier import Verifier
from editmill.generators.reasons import Reason
from editmill.generators.synthesis.adaptation import Parameters
from editmill.generators.synthesis.budget import Meter
from editmill.generators.synthesis.cells import NO_TEMPLATE
from editmill.generators.synthesis.conditioning import ORIGINAL, SynthesisSettings
from editmill.generators.synthesis.crowd import Crowd
from editmill.generators.synthesis.proposing import Proposal, Proposed, Proposer
from editmill.generators.synthesis.retries import Request, Search
from editmill.generators.synthesis.templates import class_prompt
from editmill.manifests.errors import EditmillError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.records import CandidateRecord
from editmill.pipelines.encode import decode_image, encode_image
from editmill.pipelines.families.base import Built
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import Pictures, SourceProblem
from editmill.pipelines.synthesis_rows import Rows

logger = logging.getLogger("editmill.synthesis")


@dataclass(frozen=True)
class _Tried:
    """One candidate: its PNG bytes (empty where rendering failed), the guards' record, and what duplicates are found
    by.
    """

    png: bytes
    record: CandidateRecord
    fingerprint: Fingerprint | None = None


@dataclass
class _Course:
    """What happened in one planned sample's search.

    Attributes:
        rounds: What each round was made with, as JSON values.
        reference: The real picture, uint8 [H, W, 3] RGB, and its fingerprint.
    """

    tried: list[_Tried] = field(default_factory=list)
    rounds: dict[int, dict[str, Any]] = field(default_factory=dict)
    cost: int = 0
    reference: Array | None = None
    source: Fingerprint | None = None


class SynthesisBuilder:
    """Builds one class after another with one set of models; ``report`` is what calibration found of the guards."""

    def __init__(
        self,
        recipe: Recipe,
        pictures: Pictures,
        proposer: Proposer,
        ensemble: GuardEnsemble,
        *,
        templates: Sequence[str],
        surrogates: Sequence[Verifier] = (),
        report: GuardReport | None,
        fingerprint: str,
    ) -> None:
        assert isinstance(recipe.generator, SynthesisSettings)
        assert isinstance(recipe.guard, EnsembleSettings)
        self.settings, self.guard = recipe.generator, recipe.guard
        self.recipe, self.pictures, self.proposer, self.ensemble = recipe, pictures, proposer, ensemble
        self.templates, self.surrogates = templates, surrogates
        self.unguardable = frozenset(report.unguardable) if report is not None else frozenset()
        self.rows = Rows(recipe, report_digest=report.digest if report is not None else "", fingerprint=fingerprint)

    def build(self, samples: Sequence[PlannedSample], *, shard: int) -> Iterator[Built]:
        """Yield a row per planned sample, in order, with the members of accepted ones."""
        # A meter per shard: a cap that all workers share would end with whoever is faster.
        meter = Meter(self.settings.budget)
        for _, group in groupby(samples, key=lambda sample: sample.source.id):
            crowd = Crowd(self.guard, self.settings.retries)
            for sample in group:
                yield self._build_sample(sample, crowd, meter, shard)

    def _build_sample(self, sample: PlannedSample, crowd: Crowd, meter: Meter, shard: int) -> Built:
        course = _Course()
        try:
            if sample.partner is not None:
                if sample.partner.problem:
                    raise SourceProblem(
                        Reason(sample.partner.problem),
                        f"{sample.partner.image}: {sample.partner.problem.replace('_', ' ')}",
                    )
                course.reference = self.pictures.picture(sample.partner)
        except SourceProblem as problem:
            logger.warning("source %s left out: %s", sample.partner.id if sample.partner else "", problem)
            return self.rows.failed(sample, shard, problem.reason, str(problem)), {}
        if sample.edit.name == ORIGINAL:
            return self._build_original(sample, course, shard)
        course.source = None if course.reference is None else self._fingerprint([course.reference])[0]
        search = self._search(sample, crowd, meter)
        chosen = self._run(sample, search, course, crowd)
        records = [one.record for one in course.tried]
        crowd.count(sample.edit.name, candidates=len(records), accepted=sum(record.accepted for record in records))
        facts = {"stop": str(search.stop), "rounds": [course.rounds[number] for number in sorted(course.rounds)]}
        if records:
            facts |= self.proposer.describe(sample.edit.name)
        if chosen is None:
            return self.rows.hole(sample, shard, search.hole(), records, facts, course.cost), {}
        crowd.add(chosen.fingerprint)
        return self.rows.accepted(sample, shard, chosen.record, records, facts, course.cost, chosen.png)

    def _build_original(self, sample: PlannedSample, course: _Course, shard: int) -> Built:
        """Return a real picture is judged as generated ones are and kept in any case, so that accuracy on it rests on
        no guard.
        """
        assert course.reference is not None
        png = encode_image(course.reference, "png")
        verdict = self.ensemble.check(
            [Shown(decode_image(png), sample.source.class_name, sample.source.label, edited=False)]
        )[0]
        record = CandidateRecord(attempt=0, seed=self._seed(sample, 0), accepted=True, scores=_rounded(verdict.scores))
        return self.rows.accepted(
            sample, shard, record, [record], {"would_reject": list(map(str, verdict.reasons))}, 0, png
        )

    def _search(self, sample: PlannedSample, crowd: Crowd, meter: Meter) -> Search:
        name = sample.edit.name
        strength = self.settings.conditioning(name).strength if name == "image-text" else 1.0
        start = Parameters(
            strength=strength, guidance=self.proposer.guidance(name), template=max(0, int(sample.edit["template"]))
        )
        return Search(
            sample.key,
            self.settings.retries,
            meter,
            partial(self._seed, sample),
            start=start,
            candidates=crowd.candidates(name),
            whole_rounds=self.settings.selection.mode == "diverse",
            eligible=sample.source.class_name not in self.unguardable,
        )

    def _run(self, sample: PlannedSample, search: Search, course: _Course, crowd: Crowd) -> _Tried | None:
        """Search until it ends; the chosen candidate, if any."""
        while request := search.request(self.settings.batch):
            began = time.monotonic()
            tried = self._try(sample, request, course, crowd)
            course.tried += tried
            search.record(request, [one.record.reasons for one in tried], seconds=time.monotonic() - began)
        accepted = [one.record.accepted for one in course.tried]
        if not any(accepted):
            return None
        if self.settings.selection.mode == "diverse" and all(
            one.fingerprint is not None for one in course.tried if one.record.accepted
        ):
            width = next(len(one.fingerprint.feature) for one in course.tried if one.fingerprint is not None)
            features = np.stack(
                [np.zeros(width) if one.fingerprint is None else one.fingerprint.feature for one in course.tried]
            )
            number = crowd.farthest(accepted, features)
            assert number is not None
            return course.tried[number]
        return course.tried[accepted.index(True)]

    def _try(self, sample: PlannedSample, request: Request, course: _Course, crowd: Crowd) -> list[_Tried]:
        """Return the candidates of a request; a model's failure is theirs, and running out of memory is nobody's."""
        proposals, facts = self._proposals(sample, request, course)
        course.rounds[request.round] = facts
        try:
            made = self.proposer.propose(proposals)
        except (torch.OutOfMemoryError, EditmillError):
            raise
        except (RuntimeError, ValueError, IndexError, cv2.error) as error:
            logger.warning("%s: rendering failed: %s", sample.key, error)
            reasons = (str(Reason.PROPOSER_ERROR),)
            return [
                _Tried(b"", CandidateRecord(attempt=number, seed=seed, accepted=False, reasons=reasons))
                for number, seed in zip(request.numbers, request.seeds, strict=True)
            ]
        course.cost += sum(one.cost for one in made)
        return self._judge(sample, request, made, course, crowd)

    def _proposals(
        self, sample: PlannedSample, request: Request, course: _Course
    ) -> tuple[list[Proposal], dict[str, Any]]:
        name, parameters = sample.edit.name, request.parameters
        template = (
            parameters.template % len(self.templates) if int(sample.edit["template"]) != NO_TEMPLATE else NO_TEMPLATE
        )
        prompt = class_prompt(self.templates[template], sample.source.class_name) if template != NO_TEMPLATE else ""
        strength = parameters.strength if name == "image-text" else 1.0
        facts = {
            "round": request.round,
            "template": template,
            "prompt": prompt,
            "strength": strength,
            "guidance": parameters.guidance,
        }
        return [
            Proposal(name, prompt, seed, strength, parameters.guidance, course.reference) for seed in request.seeds
        ], facts

    def _judge(
        self, sample: PlannedSample, request: Request, made: Sequence[Proposed], course: _Course, crowd: Crowd
    ) -> list[_Tried]:
        encoded = [encode_image(one.image, "png") for one in made]
        stored = [decode_image(png) for png in encoded]
        size = self.proposer.size(sample.edit.name)
        # No source is shown: the thresholds are those of pictures made from text, and a variation need not keep the
        # object's identity.
        shown = [
            Shown(image, sample.source.class_name, sample.source.label, unsafe=one.unsafe, finite=one.finite, size=size)
            for image, one in zip(stored, made, strict=True)
        ]
        verdicts, prints = self.ensemble.check(shown), self._fingerprint(stored)
        found = []
        for number, seed, png, verdict, own in zip(
            request.numbers, request.seeds, encoded, verdicts, prints, strict=True
        ):
            scores, reasons = dict(verdict.scores), tuple(verdict.reasons)
            if own is not None:
                compared, repeated = crowd.compare(own, course.source)
                scores, reasons = {**scores, **compared}, (*reasons, *repeated)
            found.append((number, seed, png, own, scores, reasons))
        wrong, opinions = self._ask(shown)
        return [
            _Tried(
                png,
                _record(number, seed, {**scores, **opinion}, reasons or (() if misled else (Reason.NOT_SELECTED,))),
                own,
            )
            for (number, seed, png, own, scores, reasons), misled, opinion in zip(found, wrong, opinions, strict=True)
        ]

    def _ask(self, shown: Sequence[Shown]) -> tuple[list[bool], list[dict[str, float]]]:
        """Return whether enough surrogates get each candidate wrong (True in other modes), and their scores."""
        if not self.surrogates:
            return [True] * len(shown), [{} for _ in shown]
        opinions = [surrogate.scores(shown) for surrogate in self.surrogates]
        merged = [
            {name: value for part in parts for name, value in part.items()} for parts in zip(*opinions, strict=True)
        ]
        agreeing = [[part.get(f"verifier_{one.role}_agrees", 1.0) for one in self.surrogates] for part in merged]
        return [sum(value == 0 for value in row) >= self.settings.selection.least_wrong for row in agreeing], merged

    def _fingerprint(self, images: Sequence[Array]) -> list[Fingerprint | None]:
        """Return nothing is compared in packs without an image encoder."""
        return [None] * len(images) if self.ensemble.encoder is None else list(self.ensemble.fingerprints(images))

    def _seed(self, sample: PlannedSample, number: int) -> int:
        return edit_seed(self.recipe.seed, sample.partner or sample.source, sample.edit, sample.replica, number)


def _record(number: int, seed: int, scores: dict[str, float], reasons: Sequence[Reason]) -> CandidateRecord:
    return CandidateRecord(
        attempt=number, seed=seed, accepted=not reasons, reasons=tuple(map(str, reasons)), scores=_rounded(scores)
    )


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in scores.items()}
