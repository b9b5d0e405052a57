"""From sources to ascended pictures: a group of sources climbs side by side, and its samples share the runs."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import torch

from editmill.generators.base.failing import in_parts
from editmill.generators.base.family import Build
from editmill.generators.base.images import encode_image
from editmill.generators.base.loaded import Unusable
from editmill.generators.base.making import Maker, check_record
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import Job, Made, PlannedSample, RowFacts
from editmill.generators.base.threads import threads, threads_beside
from editmill.generators.fmr.framing import frame
from editmill.generators.fmr.guard import FmrGuard
from editmill.generators.fmr.latent_ascent import Ascent, LatentAscent
from editmill.generators.fmr.latents import LatentCodec
from editmill.generators.fmr.oracle import Subject
from editmill.generators.fmr.pixels import to_tensor
from editmill.generators.fmr.restyle import restyle
from editmill.generators.fmr.rows import VERIFIER, FmrFacts, Outcome, json_facts
from editmill.generators.fmr.settings import ASCENT, ORIGINAL, RANDOM, FmrSettings
from editmill.generators.fmr.style_mask import fit_style_mask
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.manifests.arrays import Feature, Picture
from editmill.manifests.errors import RequestError
from editmill.manifests.records import SourceRecord
from editmill.manifests.stages import stage

logger = logging.getLogger("editmill.fmr")

# By (network, target), what was made of each source; the target of random walks is "".
Runs = Mapping[tuple[str, str], Mapping[str, Ascent]]


class FmrMaker(Maker[Subject]):
    """Makes the samples of groups of sources.

    Args:
        build: Of this family.
        guard: What binds, and whose scores are stored.
        binding: Weights digest by role of what binds.
    """

    def __init__(
        self, build: Build[FmrSettings, EnsembleSettings], guard: FmrGuard, *, binding: Mapping[str, str]
    ) -> None:
        self.build, self.settings, self.guard = build, build.settings, guard
        self.group = build.settings.group
        targets = {role: build.models.digest(role) for role in self.settings.targets}
        report = build.report.digest if build.report is not None else ""
        self.facts = FmrFacts(self.settings, targets, binding, report)

    @cached_property
    def codecs(self) -> dict[str, LatentCodec]:
        """Autoencoders by role."""
        networks, quantize = self.settings.networks, self.settings.quantize
        return {network: LatentCodec(self.build.models, network, quantize=quantize) for network in networks}

    @cached_property
    def ascents(self) -> dict[tuple[str, str], LatentAscent]:
        """What makes ascents, by network and target, with a random walk of the target "" per network."""
        models, seed, images, made = self.build.models, self.build.seed, self._styled(), {}
        for network, codec in self.codecs.items():
            mask = self._style_mask(codec, images)
            for target in ("", *self.settings.targets):
                # A walk follows no target, but needs some classifier to look; its rows leave out what that says.
                settings = self.settings.ascent(network, target or self.settings.targets[0], random=not target)
                made[network, target] = LatentAscent(models, settings, self.guard, style_mask=mask, seed=seed)
        return made

    def load(self, sample: PlannedSample) -> Subject:
        return self._subject(sample.source)

    def row(self, sample: PlannedSample) -> RowFacts:
        return replace(RowFacts.of(sample), parameters=self.facts.parameters(sample.edit, Outcome()))

    def make(self, jobs: Sequence[Job[Subject]]) -> list[Made]:
        subjects = list({job.sample.source.id: job.loaded for job in jobs}.values())
        runs = {place: _ascend(ascent, subjects) for place, ascent in self.ascents.items()}
        outcomes = self._judged(jobs, [self._outcome(job, runs) for job in jobs])
        with threads(threads_beside(self.build.models.device)) as pool:
            sources = {subject.key: pool.submit(encode_image, subject.image, "png") for subject in subjects}
            pictures = [None if one.image is None else pool.submit(encode_image, one.image, "png") for one in outcomes]
            return [
                self._made(
                    job,
                    outcome,
                    {} if png is None else {"png": png.result(), "source.png": sources[job.loaded.key].result()},
                )
                for job, outcome, png in zip(jobs, outcomes, pictures, strict=True)
            ]

    def end(self) -> None:
        self.guard.forget()

    def _subject(self, record: SourceRecord) -> Subject:
        check_record(record)
        with stage("decode"):
            loaded = self.build.source.load(record)
        # One frame that all networks accept, so that their pictures can be compared.
        side, multiple = self.settings.side, math.lcm(*(codec.factor for codec in self.codecs.values()))
        try:
            image = frame(loaded.image, side=side, multiple=multiple)
            mask = frame(loaded.mask, side=side, multiple=multiple, mask=True)
        except ValueError as error:
            raise Unusable(Reason.SOURCE_TOO_SMALL, f"{record.image_name}: {error}") from error
        # An object outside of the frame is nowhere, and a guard then looks at the whole picture.
        return Subject(record.id, image, record.label, record.class_name, mask if mask.any() else None)

    def _outcome(self, job: Job[Subject], runs: Runs) -> Outcome:
        edit, subject = job.sample.edit, job.loaded
        name, network, target = edit.name, str(edit["network"]), str(edit["target"])
        if name == ORIGINAL:
            return Outcome(subject.image)
        if name in (ASCENT, RANDOM):
            run = runs[network, target][subject.key]
        else:
            # Every run of a network begins with its round trip, but those whose target does not know the class.
            mine = [found[subject.key] for (of, _), found in runs.items() if of == network]
            run = next((one for one in mine if one.steps), mine[0])
        budget = int(edit["budget"])
        if run.failure:
            return Outcome(ascent=run, budget=budget)
        return Outcome(run.images[budget], run, budget)

    def _judged(self, jobs: Sequence[Job[Subject]], outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return outcomes with what the guard says of their pictures, asked about all at once."""
        shown = [(job.loaded, one.image) for job, one in zip(jobs, outcomes, strict=True) if one.image is not None]
        verdicts = iter(self.guard.describe([subject for subject, _ in shown], [image for _, image in shown]))
        return [one if one.image is None else replace(one, verdict=next(verdicts)) for one in outcomes]

    def _made(self, job: Job[Subject], outcome: Outcome, members: Mapping[str, bytes]) -> Made:
        """Return the sample; a picture that a guard refuses is stored as the original or as a fallback alone."""
        parameters = self.facts.parameters(job.sample.edit, outcome)
        return Made(
            members=members,
            reasons=outcome.reasons,
            scores={name: value for name, value in outcome.scores.items() if not name.startswith(VERIFIER)},
            parameters=parameters,
            facts=json_facts(job.sample, parameters),
            cost=outcome.cost(job.sample.edit),
            # A source that was never looked at has no candidate to record.
            candidates=None if members or outcome.steps else (),
            detail=outcome.ascent.detail if outcome.ascent else "",
            control=job.sample.edit.name == ORIGINAL,
        )

    def _styled(self) -> list[Picture]:
        """Return the frames that style masks are fitted on, the same whatever shard is built.

        Raises:
            RequestError: Their sizes differ, or there are none.
        """
        images = []
        for record in self.build.lead:
            try:
                images.append(self._subject(record).image)
            except Unusable as problem:
                logger.warning("source %s left out of the style mask: %s", record.id, problem)
        if self.settings.style is not None and len({image.shape for image in images}) != 1:
            raise RequestError(
                "a style mask needs frames of one size", where="generator.style", fix="set generator.side, such as 256"
            )
        return images

    def _style_mask(self, codec: LatentCodec, images: Sequence[Picture]) -> Feature | None:
        style = self.settings.style
        if style is None:
            return None
        restyled = [
            restyle(image, saturation=style.saturation, contrast=style.contrast, brightness=style.brightness)
            for image in images
        ]
        return fit_style_mask(_latents(codec, images), _latents(codec, restyled), style)


def _latents(codec: LatentCodec, images: Sequence[Picture]) -> Feature:
    # One by one, so that the mask does not depend on how many there are.
    return torch.cat([codec.encode(to_tensor([image], codec.device)) for image in images]).cpu().numpy()


def _ascend(ascent: LatentAscent, subjects: Sequence[Subject]) -> dict[str, Ascent]:
    return {one.key: one for one in in_parts(ascent.run, subjects, failed=_failed)}


def _failed(subject: Subject, error: Exception) -> Ascent:
    logger.warning("%s: the ascent failed: %s", subject.key, error)
    return Ascent(subject.key, failure=Reason.PROPOSER_ERROR, detail=f"{type(error).__name__}: {error}")
