"""From planned samples to rows and members of latent ascents: load groups of sources, ascend them side by side, judge,
encode.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, islice

import cv2
import torch

from editmill.generators.base import Array
from editmill.generators.models.loading import Models
from editmill.generators.reasons import Reason
from editmill.generators.synthesis.fmr import ASCENT, ORIGINAL, RANDOM, FmrSettings
from editmill.generators.synthesis.fmr_guard import FmrGuard
from editmill.generators.synthesis.framing import frame
from editmill.generators.synthesis.latent_ascent import Ascent, LatentAscent
from editmill.generators.synthesis.latents import LatentCodec
from editmill.generators.synthesis.oracle import Subject
from editmill.generators.synthesis.pixels import to_tensor
from editmill.generators.synthesis.restyle import restyle
from editmill.generators.synthesis.style_mask import fit_style_mask
from editmill.manifests.errors import EditmillError, RequestError
from editmill.manifests.records import SourceRecord
from editmill.manifests.weights import weights_digest
from editmill.pipelines.families.base import Built
from editmill.pipelines.fmr_rows import FmrFacts, FmrRows, Outcome
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import Source, SourceProblem

logger = logging.getLogger("editmill.fmr")

# Of one source, what was made of it by (network, target); the target of random walks is "".
Runs = dict[tuple[str, str], Ascent]


@dataclass
class _Case:
    """One source of a group: its samples, and what became of it.

    ``detail`` says why there is no subject, for a person.
    """

    samples: list[PlannedSample]
    subject: Subject | None = None
    problem: Reason = Reason.PROPOSER_ERROR
    detail: str = ""
    runs: Runs = field(default_factory=dict)


class FmrBuilder:
    """Builds the samples of groups of sources with one set of models.

    Args:
        recipe: Of this family.
        source: Where pictures and masks come from.
        models: The pack's.
        guard: What binds, and whose scores are stored.
        facts: What all rows say.
        fingerprint: Of the build.
    """

    def __init__(
        self, recipe: Recipe, source: Source, models: Models, guard: FmrGuard, facts: FmrFacts, *, fingerprint: str
    ) -> None:
        assert isinstance(recipe.generator, FmrSettings)
        self.recipe, self.settings = recipe, recipe.generator
        self.source, self.models, self.guard = source, models, guard
        self.rows = FmrRows(recipe, facts, fingerprint=fingerprint)

    def build(self, samples: Sequence[PlannedSample], *, shard: int) -> Iterator[Built]:
        """Yield a row per planned sample, in order, with the members of accepted ones."""
        sources = (list(group) for _, group in groupby(samples, key=lambda sample: sample.source.id))
        while group := list(islice(sources, self.settings.group)):
            yield from self._build_group(group, shard)

    @cached_property
    def codecs(self) -> dict[str, LatentCodec]:
        """Autoencoders by role."""
        return {
            network: LatentCodec(self.models, network, quantize=self.settings.quantize)
            for network in self.settings.networks
        }

    @cached_property
    def ascents(self) -> dict[tuple[str, str], LatentAscent]:
        """What makes ascents, by network and target, with a random walk of the target "" per network."""
        made = {}
        for network in self.settings.networks:
            mask = self._style_mask(network)
            for target in ("", *self.settings.targets):
                settings = self.settings.ascent(network, target or self.settings.targets[0], random=not target)
                made[network, target] = LatentAscent(
                    self.models, settings, self.guard, style_mask=mask, seed=self.recipe.seed
                )
        return made

    def _build_group(self, group: Sequence[list[PlannedSample]], shard: int) -> Iterator[Built]:
        cases = [self._load(samples) for samples in group]
        subjects = [case.subject for case in cases if case.subject is not None]
        if subjects:
            for place, ascent in self.ascents.items():
                found = self._ascend(ascent, subjects)
                for case in cases:
                    if case.subject is not None:
                        case.runs[place] = found[case.subject.key]
        for case in cases:
            for sample in case.samples:
                yield self.rows.make(sample, self._outcome(sample, case), shard=shard)
        self.guard.forget()

    def _load(self, samples: list[PlannedSample]) -> _Case:
        case = _Case(samples)
        try:
            case.subject = self._subject(samples[0].source)
        except SourceProblem as problem:
            logger.warning("source %s left out: %s", samples[0].source.id, problem)
            case.problem, case.detail = problem.reason, str(problem)
        return case

    def _subject(self, record: SourceRecord) -> Subject:
        if record.problem:
            raise SourceProblem(Reason(record.problem), f"{record.image}: {record.problem.replace('_', ' ')}")
        loaded = self.source.load(record)
        multiple = math.lcm(*(codec.factor for codec in self.codecs.values()))
        try:
            image = frame(loaded.image, side=self.settings.side, multiple=multiple)
            mask = frame(loaded.mask, side=self.settings.side, multiple=multiple, mask=True)
        except ValueError as error:
            raise SourceProblem(Reason.SOURCE_TOO_SMALL, f"{record.image}: {error}") from error
        # An object outside of the frame is nowhere, and a guard then looks at the whole picture.
        return Subject(record.id, image, record.label, record.class_name, mask if mask.any() else None)

    def _ascend(self, ascent: LatentAscent, subjects: Sequence[Subject]) -> dict[str, Ascent]:
        """Ascend; when it fails on one source, the others go alone and the bad one becomes rows with a reason."""
        try:
            return {subject.key: one for subject, one in zip(subjects, ascent.run(subjects), strict=True)}
        except (torch.OutOfMemoryError, EditmillError):
            raise
        except (RuntimeError, ValueError, IndexError, cv2.error) as error:
            if len(subjects) > 1:
                return {key: one for subject in subjects for key, one in self._ascend(ascent, [subject]).items()}
            logger.warning("%s: the ascent failed: %s", subjects[0].key, error)
            return {subjects[0].key: Ascent(subjects[0].key, failure=Reason.PROPOSER_ERROR)}

    def _outcome(self, sample: PlannedSample, case: _Case) -> Outcome:
        if case.subject is None:
            return Outcome(failure=case.problem, detail=case.detail)
        name, network, target = sample.edit.name, str(sample.edit["network"]), str(sample.edit["target"])
        if name == ORIGINAL:
            return self._judged(case.subject, case.subject.image, None, 0)
        if name in (ASCENT, RANDOM):
            run = case.runs[network, target]
        else:
            # Every run of a network begins with its round trip, but those whose target does not know the class.
            runs = [run for (of, _), run in case.runs.items() if of == network]
            run = next((one for one in runs if one.steps), runs[0])
        budget = int(sample.edit["budget"])
        if run.failure:
            return Outcome(failure=Reason(run.failure), ascent=run, budget=budget)
        return self._judged(case.subject, run.images[budget], run, budget)

    def _judged(self, subject: Subject, image: Array, run: Ascent | None, budget: int) -> Outcome:
        (verdict,) = self.guard.describe([subject], [image])
        return Outcome(image=image, original=subject.image, ascent=run, budget=budget, verdict=verdict)

    def _style_mask(self, network: str) -> Array | None:
        """Return fitted on the recipe's first usable sources, whatever shard is built.

        Raises:
            RequestError: Their frames differ in size.
        """
        style = self.settings.style
        if style is None:
            return None
        images = list(islice(self._usable(), style.sources))
        if len({image.shape for image in images}) != 1:
            raise RequestError(
                "a style mask needs frames of one size", where="generator.style", fix="set generator.side, such as 256"
            )
        restyled = [
            restyle(image, saturation=style.saturation, contrast=style.contrast, brightness=style.brightness)
            for image in images
        ]
        return fit_style_mask(self._latents(network, images), self._latents(network, restyled), style)

    def _usable(self) -> Iterator[Array]:
        for record in self.source.records():
            try:
                yield self._subject(record).image
            except SourceProblem:
                continue

    def _latents(self, network: str, images: Sequence[Array]) -> Array:
        codec = self.codecs[network]
        return torch.cat([codec.encode(to_tensor([image], codec.device)) for image in images]).cpu().numpy()


def target_digests(models: Models, targets: Sequence[str]) -> dict[str, str]:
    """Return weights digest by role."""
    return {role: weights_digest(models.folder(role)) for role in targets}
