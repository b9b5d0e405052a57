"""Attribute edits of labelled photographs (ImageNet-E) as a family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from editmill.generators.attribute.choices import resolve
from editmill.generators.attribute.estimate import estimate_attribute, sources_together
from editmill.generators.attribute.guards.scores import SCORE_NAMES
from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.partners import NO_PARTNER, NO_PARTNER_FIX
from editmill.generators.attribute.planning import AttributePlanner
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.attribute.regating import AttributeRegating
from editmill.generators.attribute.settings import AttributeSettings, EditSettings
from editmill.generators.base.family import Asked, Build, Estimate, Family
from editmill.generators.base.samples import PlannedSample
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import ModelError
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord

if TYPE_CHECKING:
    from editmill.generators.attribute.making import AttributeMaker
    from editmill.generators.base.auditing import AuditRow

AttributeAsked = Asked[AttributeSettings, GuardSettings]
AttributeBuild = Build[AttributeSettings, GuardSettings]


class AttributeFamily(Family[AttributeSettings, GuardSettings]):
    """Edits of the background, size, position and direction of an object, by the ``attribute`` generator."""

    kind = "attribute"
    version = 13
    what = "edited pictures"
    settings = AttributeSettings
    guard = GuardSettings
    needs = "labelled"
    reasons = (AttributeReason, GuardReason)
    regating = AttributeRegating()
    lenders = ("partner",)

    def check(self, asked: AttributeAsked) -> None:
        if asked.image == "reference":
            raise ValueError(
                "output.image reference is for captions; edited pictures have to be stored: use png, webp or jpg"
            )
        if asked.image == "jpg" and not asked.guard.object_difference:
            raise ValueError("jpg can't keep object bytes: set guard.object_difference, such as 24, or use png or webp")

    def resolve(self, asked: AttributeAsked) -> tuple[AttributeSettings, list[str]]:
        return resolve(asked)

    def edit_names(self, settings: AttributeSettings) -> tuple[str, ...]:
        return tuple(dict.fromkeys(edit.name for edit in settings.edits))

    def plan(self, asked: AttributeAsked, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        planner = AttributePlanner(asked.settings, prompts=asked.pack.backgrounds, records=records, seed=asked.seed)
        for record in records:
            for edit, replica, lenders in planner.plan(record):
                partner, spares = records[lenders[0]] if lenders else None, tuple(lenders[1:])
                yield PlannedSample(sample_key(record.id, edit.label, replica), record, edit, replica, partner, spares)

    def alone(self, settings: AttributeSettings, edit: str) -> AttributeSettings:
        # What an edit of this name was asked with, its samples have in their parameters.
        named: dict[str, Any] = {"name": edit}
        return settings.model_copy(update={"edits": (EditSettings.model_construct(**named),)})

    def reads_classes(self, asked: AttributeAsked) -> bool:
        judges = (role for role in asked.guard.judges if role in asked.pack.roles)
        return any(not asked.pack.entry(role).vocabulary for role in judges)

    def notices(self, samples: Iterable[PlannedSample]) -> list[str]:
        alone = count = 0
        for _, mine in groupby(samples, key=lambda sample: sample.source.id):
            count += 1
            # Empty where none was found; other edits lack the parameter.
            alone += any(one.edit.get("partner", "other") == "" and not one.source.problem for one in list(mine))
        if not alone:
            return []
        what = f"random-background can't be made of {alone} of {count} sources: {NO_PARTNER}"
        return [f"{what}\n  fix: {NO_PARTNER_FIX}"]

    def audit(self, build: AttributeBuild, *, sources: int) -> Sequence[AuditRow]:
        from editmill.generators.attribute.audit import audit

        return audit(build, sources=sources)

    def roles(self, asked: AttributeAsked) -> list[str]:
        pack, render, edits = asked.pack, asked.settings.render, self.edit_names(asked.settings)
        generated = render.mode == "modern" and any(edit.facts.generated for edit in asked.settings.edits)
        used = (
            ["inpaint", *(["removal"] if "removal" in pack.roles else [])]
            if generated or render.removal != "patches"
            else []
        )
        if render.mode == "faithful":
            used.append("unconditional")
        if "adversarial" in edits:
            used.append(_classifier(pack, render.surrogate))
        return [*used, *(role for role in (*asked.guard.judges, "detector", "segmenter") if role in pack.roles)]

    def members(self, asked: AttributeAsked) -> tuple[str, ...]:
        from editmill.generators.attribute.members import MEMBERS

        return tuple(sorted((asked.image, *MEMBERS)))

    def score_names(self, asked: AttributeAsked) -> tuple[str, ...]:
        return SCORE_NAMES

    def maker(self, build: AttributeBuild) -> AttributeMaker:
        from editmill.generators.attribute.guards.all import make_guards
        from editmill.generators.attribute.making import AttributeMaker
        from editmill.generators.attribute.rendering import AttributeRenderer
        from editmill.generators.base.threads import threads_beside

        # Where LaMa removes, its own digest is part of what identifies the filler.
        digest = next((record.digest for record in build.records if record.role == "inpaint"), "")
        batch = build.models.placement.pictures
        # Bytes that depend on the company of a batch are not for other shards.
        alone = batch == 1 or build.settings.render.removal == "patches"
        cache = build.cache / "removal" if build.cache is not None and alone else None
        renderer = AttributeRenderer(
            build.settings, build.models, recipe_seed=build.seed, model_digest=digest, cache=cache
        )
        photographs = not build.pack.draws(build.source_kind)
        guards = make_guards(build.guard, build.models, class_names=build.class_names, photographs=photographs)
        return AttributeMaker(
            build.source,
            renderer,
            guards,
            image=build.image,
            attempts=build.guard.attempts,
            batch=batch,
            threads=threads_beside(build.models.device),
        )

    def estimate(self, asked: AttributeAsked, samples: Iterable[PlannedSample]) -> Estimate:
        return estimate_attribute(asked.settings, asked.pack, samples)

    def together(self, asked: AttributeAsked, batch: int) -> int:
        return sources_together(batch)


def _classifier(pack: PackSpec, role: str) -> str:
    """Return ``role``, unless the pack has something else than an image classifier there."""
    if role in pack.roles and not pack.entry(role).classifies:
        what = f"the role {role!r} is not an image classifier but {pack.entry(role).cls}"
        raise ModelError(what, where="generator.render.surrogate", fix="name a role such as classifier")
    return role
