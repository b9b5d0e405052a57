"""Attribute editing of labelled photographs (ImageNet-E, arXiv 2303.17096), with its geometry and removal corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.complexity import measure_mid_band
from editmill.generators.attribute.edits import kind_of
from editmill.generators.attribute.faithful import BlendedDiffusion
from editmill.generators.attribute.partners import NO_PARTNER, NO_PARTNER_FIX
from editmill.generators.attribute.placing import Placed, Placer
from editmill.generators.attribute.published_geometry import grown_mask
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.attribute.regeneration import LatentRegenerator, PixelRegenerator, Regenerated, Regenerator
from editmill.generators.attribute.settings import AttributeSettings
from editmill.generators.base.edits import edit_seed, make_edit
from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.per_source import PerSource
from editmill.generators.base.reasons import Reason
from editmill.generators.compositing.composite import compose, cover
from editmill.generators.compositing.fill_quality import Removal
from editmill.generators.compositing.hole import HoleRule
from editmill.generators.compositing.patchmatch import PatchMatch
from editmill.generators.compositing.removal import Filler, Remover
from editmill.generators.models.inpainter import Inpainter, InpaintRequest
from editmill.generators.models.lama import ROLE, Lama
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Mask, Picture
from editmill.manifests.seeds import derive_seed

# Guided edits take its noise and are compared with it, whether it is in the recipe or not.
ROUND_TRIP = make_edit("attribute", "round-trip", stochastic=True)


@dataclass(frozen=True)
class _Layer:
    """A background before the object is laid on it."""

    image: Picture
    removed: Picture | None = None
    cost: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    removal: Removal | None = None


class AttributeRenderer:
    """Renders the edits of ``editmill.generators.attribute.planning``.

    Args:
        settings: The recipe's part.
        models: The pack's models; each role loads with the first edit that needs it.
        recipe_seed: Seed of the recipe, from which removals derive theirs.
        model_digest: Identifies the inpainting weights in the removal cache.
        cache: Folder for removed backgrounds, or None.
    """

    def __init__(
        self,
        settings: AttributeSettings,
        models: Models,
        *,
        recipe_seed: int,
        model_digest: str = "",
        cache: Path | None = None,
    ) -> None:
        self.settings = settings.model_copy(update={"render": settings.render.chosen()})
        self.models, self.recipe_seed = models, recipe_seed
        self.model_digest, self.cache = model_digest, cache
        self.faithful = settings.render.mode == "faithful"
        self.quirks = frozenset(settings.render.faithful.compat)
        self.placer = Placer(
            max_upsampling=settings.render.max_upsampling,
            quirks=settings.render.faithful.compat,
            whole_frame=not self.faithful,
        )
        self._controls: PerSource[float] = PerSource()

    @cached_property
    def inpainter(self) -> Inpainter:
        """The pack's inpainting."""
        pack, render = self.models.pack, self.settings.render
        return Inpainter(self.models, steps=render.steps or pack.steps, guidance=render.guidance or pack.guidance)

    @cached_property
    def remover(self) -> Remover:
        """The object remover."""
        render = self.settings.render
        return Remover(
            self._filler(),
            prompt=self.models.pack.removal_prompt,
            model_digest=self.model_digest,
            cache=self.cache,
            rule=self._hole_rule(),
            feather=render.feather,
        )

    def _hole_rule(self) -> HoleRule:
        render = self.settings.render
        if "undilated-removal" in self.quirks:
            return HoleRule(dilation=0.0, margin=0)
        return HoleRule(render.dilation or 0.0, closing=render.closing or 0.0, shadows=bool(render.shadows))

    def _filler(self) -> Filler:
        if self.settings.render.removal == "patches":
            return PatchMatch()
        return Lama(self.models) if ROLE in self.models.pack.roles else self.inpainter

    def removable(self, source: LoadedSource) -> bool:
        """Return whether the hole of a source's object is small enough to be filled."""
        return self._fills(self.remover.hole_share(source))

    def _fills(self, share: float) -> bool:
        """Return whether a hole of this share of the frame is filled."""
        render = self.settings.render
        # Patches have to come from somewhere.
        return share <= (render.most_hole or 1.0) and (share < 1 or render.removal != "patches")

    @cached_property
    def diffusion(self) -> BlendedDiffusion:
        """Faithful mode's diffusion."""
        return BlendedDiffusion(self.models, self.settings.render.faithful, surrogate=self.settings.render.surrogate)

    @cached_property
    def regenerator(self) -> Regenerator:
        """What edits backgrounds in this mode."""
        if self.faithful:
            return PixelRegenerator(self.diffusion)
        return LatentRegenerator(self.inpainter, self.models, settings=self.settings.render)

    def frame(self, source: LoadedSource) -> LoadedSource:
        """Return the source as it is edited: in faithful mode stretched to the square of the model, as published."""
        if not self.faithful:
            return source
        side = self.diffusion.side
        image = cv2.resize(
            source.image,
            (side, side),
            # Lanczos is the publication's, but OpenCV's does not average when it shrinks.
            interpolation=cv2.INTER_LANCZOS4 if min(source.mask.shape) <= side else cv2.INTER_AREA,
        )
        nearest = cv2.resize(source.mask, (side, side), interpolation=cv2.INTER_NEAREST)
        return replace(
            source, image=image, mask=grown_mask(source.mask, side) if "grown-mask" in self.quirks else nearest
        )

    def render(self, jobs: Sequence[EditJob]) -> list[Candidate]:
        """Return candidates in the order of the jobs; an edit that can't be made is a candidate with its reason."""
        return [self._render(job) for job in jobs]

    def _render(self, job: EditJob) -> Candidate:
        try:
            placed = self.placer.place(job.source, job.edit)
            layer = self._layer(job, placed)
            facts = {"complexity_control": self._control(job)} if kind_of(job.edit.name).guided else {}
        except Unusable as error:
            return Candidate(None, failure=error.reason, detail=str(error))
        realised = {
            "area": round(float(placed.alpha.mean() / 255), 6),
            "matrix": placed.matrix.ravel().tolist(),
            "scale": round(placed.scale, 6),
            "realised_angle": placed.angle,
            **layer.facts,
            **facts,
        }
        image = compose(placed.reference, layer.image, placed.alpha)
        if job.edit.name == ROUND_TRIP.name:
            # Guided edits of the same noise are compared with it.
            self._controls.get(
                (job.source.record.id, layer.facts["noise_seed"]), lambda: _control_measure(image, placed.alpha)
            )
        window = placed.reference if layer.image is placed.reference else None
        return Candidate(
            image,
            placed.alpha,
            placed.reference,
            layer.removed,
            realised,
            layer.cost,
            window=window,
            removal=layer.removal,
        )

    def _layer(self, job: EditJob, placed: Placed) -> _Layer:
        """Return the background of an edit."""
        name, kind = job.edit.name, kind_of(job.edit.name)
        # In modern mode full enlarges the background along with the object.
        if kind.untouched or (name == "full" and not self.faithful):
            return _Layer(placed.reference)
        if name == "background":
            prompt = str(job.edit["prompt"])
            generated = self.inpainter.fill(InpaintRequest(job.source.image, job.source.mask <= 127, prompt, job.seed))
            return _Layer(generated, cost=self.inpainter.cost())
        layer = self._partners(job) if name == "random-background" else self._removed(job.source)
        regenerated = not kind.copied if self.faithful else kind.generated
        return self._regenerated(layer, job, placed) if regenerated else layer

    def removals(self, jobs: Sequence[EditJob]) -> list[LoadedSource]:
        """Return the sources whose objects have to be removed for some edits, each once."""
        removed = [
            source
            for job in jobs
            for source in (job.partner if job.edit.name == "random-background" else job.source,)
            if source is not None and kind_of(job.edit.name).removes and self.removable(source)
        ]
        return list({source.record.id: source for source in removed}.values())

    def removed(self, source: LoadedSource) -> Picture:
        """Return a source's background, uint8 [H, W, 3] RGB, which all its edits share."""
        # A seed per source and not per edit.
        return self.remover.background(source, derive_seed(self.recipe_seed, source.record.id, "removal"))

    def _removed(self, source: LoadedSource) -> _Layer:
        share, most = self.remover.hole_share(source), self.settings.render.most_hole
        if not self._fills(share):
            what = f"removing the object would fill {share:.0%} of the frame; the recipe allows {most:.0%}"
            raise Unusable(AttributeReason.HOLE_TOO_LARGE, what)
        removed = self.removed(source)
        facts = {"removal": self.settings.render.removal, "hole": round(share, 4)}
        removal = Removal(source.image, source.mask, self.remover.hole(source), removed)
        return _Layer(removed, removed, self.remover.filler.cost(), facts, removal)

    def _partners(self, job: EditJob) -> _Layer:
        """Return the background of another source, its object removed."""
        if job.partner is None:
            partner = job.edit.get("partner", "")
            what = f"the partner {partner!r} has no usable pixels" if partner else f"{NO_PARTNER}; {NO_PARTNER_FIX}"
            raise Unusable(AttributeReason.PARTNER_UNUSABLE, what)
        layer = self._removed(job.partner)
        covered = cover(layer.image, job.source.mask.shape)
        return replace(layer, image=covered, removed=covered)

    def _regenerated(self, layer: _Layer, job: EditJob, placed: Placed) -> _Layer:
        target, facts = None, dict(layer.facts)
        if job.edit.name == "adversarial":
            record, surrogate = job.source.record, self.regenerator.surrogate
            # Only these say that a label is ImageNet's index; other sources number classes in their own way.
            imagenet = record.wnid or record.attributes.get("labels") == "imagenet-1k"
            target = surrogate.index(record.label if imagenet else -1, record.class_name)
            facts["surrogate"] = surrogate.id
            if target is None:
                what = f"the classifier {surrogate.role!r} does not know the class {record.class_name!r}"
                raise Unusable(
                    Reason.SURROGATE_UNAWARE, f"{what}; a column imagenet_index or wnid says that labels are ImageNet's"
                )
        level, seed = job.edit.level if kind_of(job.edit.name).guided else 0.0, self._noise_seed(job)
        made: Regenerated = self.regenerator.regenerate(layer.image, placed, level=level, seed=seed, target=target)
        return _Layer(made.image, layer.removed, layer.cost + made.cost, {**made.facts, **facts, "noise_seed": seed})

    def _noise_seed(self, job: EditJob) -> int:
        """Return the job's own seed; for guided edits the round trip's of the same attempt, so that what differs is the
        guidance and not the draw.
        """
        if not kind_of(job.edit.name).guided:
            return job.seed
        return edit_seed(self.recipe_seed, job.source.record, ROUND_TRIP, int(job.edit.get("draw", 0)), job.attempt)

    def _control(self, job: EditJob) -> float:
        """Return C_mid of the source's background regenerated from the same noise without guidance."""
        seed = self._noise_seed(job)
        return self._controls.get((job.source.record.id, seed), lambda: self._unguided(job.source, seed))

    def _unguided(self, source: LoadedSource, seed: int) -> float:
        job = EditJob("control", source, ROUND_TRIP, seed)
        placed = self.placer.place(source, ROUND_TRIP)
        return _control_measure(compose(placed.reference, self._layer(job, placed).image, placed.alpha), placed.alpha)


def _control_measure(image: Picture, alpha: Mask) -> float:
    return round(measure_mid_band(image, alpha), 6)
