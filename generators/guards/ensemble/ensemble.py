"""The guard ensemble of synthesis that keeps the class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from editmill.generators.base.guards import Verdict
from editmill.generators.guards.ensemble.detection import ObjectMember, Sighting
from editmill.generators.guards.ensemble.direction import directions
from editmill.generators.guards.ensemble.duplicates import Fingerprint, fingerprint
from editmill.generators.guards.ensemble.identity import IdentityMember, SteadyEncoder
from editmill.generators.guards.ensemble.limits import Limits
from editmill.generators.guards.ensemble.masks import mask_scores
from editmill.generators.guards.ensemble.pixels import pixel_scores
from editmill.generators.guards.ensemble.region import look_at, mask_of_box
from editmill.generators.guards.ensemble.rule import decide
from editmill.generators.guards.ensemble.scores import PREFIXES
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.ensemble.verifier import Verifier
from editmill.generators.guards.ensemble.zero_shot import ZeroShotMember
from editmill.generators.guards.segmentation import SegmentationGuard
from editmill.generators.guards.segmentation_rule import SegmentationRule
from editmill.generators.models.detector import Detector
from editmill.generators.models.loading import Models
from editmill.generators.models.segmenter import Segmenter
from editmill.generators.models.together import side_by_side
from editmill.manifests.arrays import Mask, Picture
from editmill.manifests.errors import ModelError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.stages import stage


def ensemble_of(
    guard: EnsembleSettings, models: Models, class_names: tuple[str, ...], report: GuardReport | None
) -> GuardEnsemble:
    """Return the ensemble with the thresholds of ``report``, or with its gates' own limits without one.

    Raises:
        ModelError: The pack lacks what it needs.
    """
    limits = Limits.of_report(report) if report is not None else None
    return GuardEnsemble(models, guard, class_names=class_names, limits=limits)


class GuardEnsemble:
    """Scores of every member for every candidate, and the rule's verdict over them.

    Members whose role the pack lacks are left out; a judge of the label it needs. Where a candidate has no mask, judges
    look at what the detector takes for its object. No score depends on the candidates beside it, so neither batches nor
    order change a verdict.

    Args:
        models: The models.
        settings: What binds.
        class_names: The dataset's classes.
        limits: Calibrated limits; None for the gates' own.
        siblings: Names of the same superclass by name, which compete with a label whatever their distance.

    Raises:
        ModelError: No judge of the label, a verifier is missing, or a checkpoint does not load.
    """

    def __init__(
        self,
        models: Models,
        settings: EnsembleSettings,
        *,
        class_names: tuple[str, ...],
        limits: Limits | None = None,
        siblings: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.models, self.settings, self.limits = models, settings, limits
        roles, batch = models.pack.roles, settings.batch
        self.judges = [
            ZeroShotMember(
                models,
                role,
                class_names=class_names,
                nearest=settings.confusables,
                templates=settings.templates,
                siblings=siblings,
                backgrounds=models.pack.backgrounds[: settings.backgrounds],
                batch=batch,
            )
            for role in PREFIXES
            if role in roles
        ]
        if not self.judges:
            raise ModelError(
                f"the pack {models.pack.name!r} has no judge of the label",
                fix="use a pack with the role zero_shot or zero_shot_2",
            )
        self.encoder = SteadyEncoder(models, batch=batch) if "image_encoder" in roles else None
        self.identity = IdentityMember(self.encoder) if self.encoder else None
        self.object = ObjectMember(Detector(models, batch=batch), self.judges[0].near) if "detector" in roles else None
        segments = settings.segment and "segmenter" in roles
        self.together = models.placement.pictures
        segmenter = Segmenter(models, batch=self.together) if segments else None
        self.segmentation = SegmentationGuard(segmenter, rule=SegmentationRule()) if segmenter else None
        self.verifiers = [Verifier(models, role, batch=batch) for role in settings.verifiers]

    def gate_digests(self) -> dict[str, str]:
        """Return the weights digest by role of everything that gates."""
        return {role: self.models.digest(role) for role in self.settings.gate_roles(self.models.pack)}

    def verifier_digests(self) -> dict[str, str]:
        """Return the weights digest by role of the held-out verifiers."""
        return {role: self.models.digest(role) for role in self.settings.verifiers}

    @stage("guards")
    def check(self, shown: Sequence[Shown]) -> list[Verdict]:
        """Return all scores and the rule's reasons, in the order of the candidates."""
        found = self.scores(shown)
        return [
            Verdict(scores, decide(scores, one.class_name, self.settings, self.limits))
            for one, scores in zip(shown, found, strict=True)
        ]

    def scores(self, shown: Sequence[Shown]) -> list[dict[str, float]]:
        """Return every score of every member; what could not be measured is missing."""
        if not shown:
            return []
        sightings: list[Sighting | None] = self.object.look(shown) if self.object else [None] * len(shown)
        crops = [look_at(one.image, _place(one, sighting)) for one, sighting in zip(shown, sightings, strict=True)]
        names = [one.class_name for one in shown]
        columns = [[pixel_scores(one) for one in shown]]
        if self.segmentation:
            columns += [side_by_side(partial(mask_scores, self.segmentation), shown, most=self.together)]
        columns += [judge.scores(crops, names) for judge in self.judges]
        columns += [self.identity.scores(shown)] if self.identity else []
        columns += [
            [{} if sighting is None else sighting.scores for sighting in sightings],
            directions(self.judges[0].features, shown),
        ]
        columns += [verifier.scores(shown) for verifier in self.verifiers]
        return [{name: value for part in parts for name, value in part.items()} for parts in zip(*columns, strict=True)]

    @stage("guards")
    def fingerprints(self, images: Sequence[Picture]) -> list[Fingerprint]:
        """Return what a ``DuplicateIndex`` compares pictures (uint8 [H, W, 3] RGB) by.

        Raises:
            ModelError: The pack has no image encoder.
        """
        if self.encoder is None:
            raise ModelError(
                f"the pack {self.models.pack.name!r} has no image encoder", fix="use a pack with the role image_encoder"
            )
        if not images:
            return []
        return [
            fingerprint(image, feature)
            for image, feature in zip(images, self.encoder.identities(list(images)), strict=True)
        ]


def _place(one: Shown, sighting: Sighting | None) -> Mask | None:
    """Return where judges look: at the given mask, or at the detected object."""
    if one.mask is not None or sighting is None or sighting.box is None:
        return one.mask
    return mask_of_box(sighting.box, one.image.shape)
