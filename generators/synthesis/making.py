"""From the planned samples of a class to generated pictures: propose, guard, compare, retry."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from editmill.generators.base.edits import edit_seed
from editmill.generators.base.failing import failed_job, in_parts
from editmill.generators.base.family import Build
from editmill.generators.base.images import decode_image, encode_image
from editmill.generators.base.loaded import Unusable
from editmill.generators.base.making import Maker, check_record, finite_scores
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import Job, Made, PlannedSample, RowFacts
from editmill.generators.base.threads import threads_beside
from editmill.generators.guards.ensemble.ensemble import GuardEnsemble
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.ensemble.verifier import Verifier
from editmill.generators.synthesis.adaptation import Parameters
from editmill.generators.synthesis.budget import Meter, Stop
from editmill.generators.synthesis.candidates import Candidate, CandidateMaker
from editmill.generators.synthesis.crowd import Crowd
from editmill.generators.synthesis.planning import NO_TEMPLATE
from editmill.generators.synthesis.proposing import Proposal, Proposer
from editmill.generators.synthesis.retries import Request, Search
from editmill.generators.synthesis.scores import SCORE_NAMES
from editmill.generators.synthesis.settings import ORIGINAL, SynthesisSettings
from editmill.generators.synthesis.templates import class_prompt
from editmill.manifests.arrays import Picture
from editmill.manifests.records import CandidateRecord
from editmill.manifests.stages import stage

logger = logging.getLogger("editmill.synthesis")


class SynthesisMaker(Maker[None]):
    """Makes the samples of one class after another; a sample's real picture is loaded when its turn comes, since a
    class may have many.

    Args:
        build: Of this family.
        proposer: Makes candidates.
        ensemble: The guards.
        templates: Prompts with ``{}`` for the class name.
        surrogates: Of the recipe's selection.
    """

    asks_guards = True

    def __init__(
        self,
        build: Build[SynthesisSettings, EnsembleSettings],
        proposer: Proposer,
        ensemble: GuardEnsemble,
        *,
        templates: Sequence[str],
        surrogates: Sequence[Verifier] = (),
    ) -> None:
        self.build, self.settings, self.templates = build, build.settings, templates
        self.proposer, self.ensemble = proposer, ensemble
        least_wrong = self.settings.selection.least_wrong
        self.candidates = CandidateMaker(
            proposer,
            ensemble,
            surrogates,
            least_wrong=least_wrong,
            guards=build.guards,
            threads=threads_beside(build.models.device),
        )
        self.score_names = (*SCORE_NAMES, *(name for guard in build.guards for name in guard.score_names))
        self.unguardable = frozenset(build.report.unguardable) if build.report is not None else frozenset()
        self.report = build.report.digest if build.report is not None else ""
        self.meter = Meter(self.settings.budget)

    def begin(self, state: Mapping[str, Any]) -> None:
        # A meter per shard: a cap that all workers share would end with whoever is faster.
        self.meter = Meter(self.settings.budget, **state)

    def state(self) -> dict[str, Any]:
        return {"candidates": self.meter.candidates, "seconds": self.meter.seconds}

    def share(self, sample: PlannedSample) -> Hashable:
        return sample.key

    def unit(self, job: Job[None]) -> Hashable:
        # What is a duplicate depends on the samples of the class before it.
        return job.sample.source.id

    def load(self, sample: PlannedSample) -> None:
        if sample.partner is not None:
            check_record(sample.partner)

    def row(self, sample: PlannedSample) -> RowFacts:
        anchor, record = sample.source, sample.partner or sample.source
        facts = {"guard_report": self.report, "licence": record.licence, "stop": ""}
        parameters = {**dict(sample.edit.parameters), **facts}
        return RowFacts(record, anchor.label, anchor.class_name, anchor.wnid, parameters)

    def make(self, jobs: Sequence[Job[None]]) -> list[Made]:
        # Anew with every call: jobs may run again, and are not compared with what an earlier try left.
        crowd = Crowd(self.build.guard, self.settings.retries)
        return [made for job in jobs for made in in_parts(partial(self._alone, crowd), [job], failed=failed_job)]

    def _alone(self, crowd: Crowd, jobs: Sequence[Job[None]]) -> list[Made]:
        (job,) = jobs
        try:
            real = self._real(job.sample)
        except Unusable as problem:
            logger.warning("source %s left out: %s", self.row(job.sample).record.id, problem)
            return [Made(reasons=(problem.reason,), candidates=(), detail=str(problem), final=True)]
        if job.sample.edit.name != ORIGINAL:
            return [self._generated(job, crowd, real)]
        assert real is not None
        return [self._original(job, real)]

    @stage("decode")
    def _real(self, sample: PlannedSample) -> Picture | None:
        if sample.partner is None:
            return None
        image: Picture = self.build.source.load(sample.partner).image
        return image

    def _original(self, job: Job[None], real: Picture) -> Made:
        """Judge a real picture as generated ones are and keep it in any case, so that accuracy on it needs no guard."""
        png, anchor = encode_image(real, "png"), job.sample.source
        shown = Shown(decode_image(png), anchor.class_name, anchor.label, edited=False)
        verdict = self.ensemble.check([shown])[0]
        scores, wrong = finite_scores(verdict.scores)
        record = CandidateRecord(attempt=0, seed=job.seed, accepted=True, scores=scores)
        against = {"would_reject": [*map(str, verdict.reasons), *wrong]}
        return replace(self._made(job.sample, [Candidate(record, png)], against, 0), control=True)

    def _generated(self, job: Job[None], crowd: Crowd, real: Picture | None) -> Made:
        sample, name = job.sample, job.sample.edit.name
        search = self._search(sample, crowd)
        tried, rounds = self._run(job, search, crowd, real)
        accepted = [one.record.accepted for one in tried]
        crowd.count(name, candidates=len(tried), accepted=sum(accepted))
        facts: dict[str, Any] = {"stop": str(search.stop), "rounds": rounds}
        if tried:
            facts |= self.proposer.describe(name)
        if not any(accepted):
            return self._hole(sample, tried, facts, search.stop)
        chosen = self._choose(tried, accepted, crowd)
        crowd.add(tried[chosen].fingerprint)
        return self._made(sample, tried, facts, chosen)

    def _search(self, sample: PlannedSample, crowd: Crowd) -> Search:
        name = sample.edit.name
        strength = self.settings.conditioning(name).strength if name == "image-text" else 1.0
        template = max(0, int(sample.edit["template"]))
        return Search(
            self.settings.retries,
            self.meter,
            partial(self._seed, sample),
            start=Parameters(strength=strength, guidance=self.proposer.guidance(name), template=template),
            candidates=crowd.candidates(name),
            whole_rounds=self.settings.selection.mode == "diverse",
            eligible=sample.source.class_name not in self.unguardable,
        )

    def _seed(self, sample: PlannedSample, number: int) -> int:
        return edit_seed(self.build.seed, sample.partner or sample.source, sample.edit, sample.replica, number)

    def _run(
        self, job: Job[None], search: Search, crowd: Crowd, reference: Picture | None
    ) -> tuple[list[Candidate], list[dict[str, Any]]]:
        """Search until it ends; every candidate, and what each round was made with."""
        tried, rounds = list[Candidate](), dict[int, dict[str, Any]]()
        source = None if reference is None else self.candidates.fingerprints([reference])[0]
        while request := search.request(self.settings.batch):
            began = time.monotonic()
            facts = rounds[request.round] = self._round(job.sample, request)
            proposals = [
                Proposal(job.sample.edit.name, facts["prompt"], seed, facts["strength"], facts["guidance"], reference)
                for seed in request.seeds
            ]
            wanted = list(zip(request.numbers, proposals, strict=True))
            found = self.candidates.make(wanted, job.sample, crowd, source)
            tried += found
            search.record(request, [one.record.reasons for one in found], seconds=time.monotonic() - began)
        return tried, [rounds[number] for number in sorted(rounds)]

    def _round(self, sample: PlannedSample, request: Request) -> dict[str, Any]:
        """Return what a round is made with, as JSON values."""
        parameters, template, prompt = request.parameters, NO_TEMPLATE, ""
        if int(sample.edit["template"]) != NO_TEMPLATE:
            template = parameters.template % len(self.templates)
            prompt = class_prompt(self.templates[template], sample.source.class_name)
        return {
            "round": request.round,
            "template": template,
            "prompt": prompt,
            "strength": parameters.strength if sample.edit.name == "image-text" else 1.0,
            "guidance": parameters.guidance,
        }

    def _choose(self, tried: Sequence[Candidate], accepted: Sequence[bool], crowd: Crowd) -> int:
        """Return the number of the accepted candidate that becomes the sample."""
        features = [None if one.fingerprint is None else one.fingerprint.feature for one in tried]
        known = [feature for feature, yes in zip(features, accepted, strict=True) if yes and feature is not None]
        if self.settings.selection.mode != "diverse" or len(known) < sum(accepted):
            return accepted.index(True)
        # Refused candidates only keep their numbers; the choice is among accepted ones.
        blank = np.zeros(len(known[0]))
        return crowd.farthest(accepted, np.stack([blank if one is None else one for one in features]))

    def _hole(
        self, sample: PlannedSample, tried: Sequence[Candidate], facts: Mapping[str, Any], stop: Stop | None
    ) -> Made:
        """Return a sample that no candidate was accepted for: the reason that most were rejected for first, then all
        others by frequency.
        """
        firsts = Counter(one.record.reasons[0] for one in tried)
        others = Counter(reason for one in tried for reason in one.record.reasons)
        ranked = [*_ranked(firsts), *_ranked(others)]
        # Without any candidate the stop code says it all.
        ranked = ranked or [str(Reason.SOURCE_INELIGIBLE if stop == Stop.SOURCE_INELIGIBLE else Reason.CAP_REACHED)]
        rejected = {"rejected": dict(sorted(firsts.items()))}
        return self._made(sample, tried, {**facts, **rejected}, -1, reasons=tuple(dict.fromkeys(ranked)))

    def _made(
        self,
        sample: PlannedSample,
        tried: Sequence[Candidate],
        facts: Mapping[str, Any],
        number: int,
        *,
        reasons: tuple[str, ...] = (),
    ) -> Made:
        """Return a sample with the scores of one candidate, and its picture where there are no reasons."""
        parameters = {**self.row(sample).parameters, **facts}
        cost = sum(one.cost for one in tried)
        last = tried[number] if tried else None
        scores = last.record.scores if last is not None else {}
        return Made(
            members={"png": last.png} if last is not None and not reasons else {},
            reasons=reasons,
            scores={name: scores[name] for name in self.score_names if name in scores},
            parameters=parameters,
            facts=_json_facts(sample, parameters, attempts=len(tried), cost=cost),
            cost=cost,
            candidates=tuple(one.record for one in tried),
            seed=last.record.seed if last is not None else None,
        )


def _ranked(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda reason: (-counts[reason], reason))


def _json_facts(sample: PlannedSample, values: Mapping[str, Any], *, attempts: int, cost: int) -> dict[str, Any]:
    """Return what the sample's JSON says beyond what every sample's does."""
    last = values.get("rounds", [{}])[-1:] or [{}]
    return {
        "conditioning": sample.edit.name,
        "class_name": sample.source.class_name,
        "wnid": sample.source.wnid,
        "template": int(last[0].get("template", values["template"])),
        "prompt": str(last[0].get("prompt", values["prompt"])),
        "strength": float(last[0].get("strength", 0.0)),
        "guidance": float(last[0].get("guidance", 0.0)),
        "steps": int(values.get("steps", 0)),
        "pipeline": str(values.get("pipeline", "")),
        "scheduler": str(values.get("scheduler", "")),
        "dtype": str(values.get("dtype", "")),
        "replica": sample.replica,
        "attempts": attempts,
        "cost": cost,
        "guard_report": values["guard_report"],
        "stop": values["stop"],
        "synthetic": bool(cost),
    }
