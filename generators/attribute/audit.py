"""The audit of a recipe's guards: whether each rejects the faults that it is there for, and lets clean pictures
pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Any

import numpy as np

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.complexity import measure_mid_band
from editmill.generators.attribute.geometry import GeometryError, outline, scale_for_share, warp_object
from editmill.generators.attribute.guards import fixtures
from editmill.generators.attribute.guards.all import make_guards
from editmill.generators.attribute.guards.base import Guard
from editmill.generators.attribute.guards.complexity import ComplexityGuard
from editmill.generators.attribute.guards.duplicates import DuplicateGuard
from editmill.generators.attribute.guards.eligibility import SourceGuard
from editmill.generators.attribute.guards.fill import FillGuard
from editmill.generators.attribute.guards.halo import HaloGuard
from editmill.generators.attribute.guards.label import LabelGuard
from editmill.generators.attribute.guards.mask import MaskGuard
from editmill.generators.attribute.guards.pixels import (
    AreaGuard,
    BackgroundChangedGuard,
    ObjectPixelsGuard,
    SanityGuard,
)
from editmill.generators.attribute.guards.placement import PlacementGuard
from editmill.generators.attribute.guards.removal import RemovalGuard
from editmill.generators.attribute.guards.scores import CONTROL
from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.attribute.settings import AttributeSettings
from editmill.generators.base.auditing import AuditRow
from editmill.generators.base.edits import make_edit
from editmill.generators.base.family import Build
from editmill.generators.base.guards import Verdict
from editmill.generators.base.images import decode_image, encode_image
from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source
from editmill.generators.compositing.composite import compose, cover, matte
from editmill.generators.compositing.defaults import PHOTO_DILATION
from editmill.generators.compositing.distance import distance_to
from editmill.generators.compositing.fill_quality import Removal
from editmill.generators.compositing.hole import HoleRule
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.guards.segmentation import SegmentationGuard
from editmill.manifests.arrays import Picture
from editmill.manifests.errors import RequestError
from editmill.manifests.progress import Progress
from editmill.manifests.records import SourceRecord

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
# In pixels, where the placement guard allows 1.
SHIFT = 5
# Of the frame's shorter side, since segmenters see the whole frame at a fixed size.
FRAME_SHIFT = 1 / 25
FRAME_GROWTH = 1 / 40
# What is deeper in the object than this share of its depth is its middle.
MIDDLE = 0.4
# The smallest share of the publication.
SHRUNK = 0.05
# What recipes allow by default (max_upsampling).
LARGEST_SCALE = 2.0


@dataclass(frozen=True)
class Gate:
    """One rule of a guard: the reason it gives, and the score that shows whether it was asked.

    A second judge's ends in ``_2``.
    """

    guard: type[Guard]
    reason: StrEnum
    say: str

    def judged(self, verdict: Verdict) -> bool:
        """Return whether the guard was asked."""
        # Guards without a flag leave their score out where they have nothing to say.
        if not self.say.endswith("_judged"):
            return self.say in verdict.scores
        return any(verdict.scores.get(name, 0.0) > 0 for name in (self.say, f"{self.say}_2"))


GATES = {
    "source": Gate(SourceGuard, Reason.SOURCE_INELIGIBLE, "source_share"),
    "incomplete mask": Gate(MaskGuard, AttributeReason.MASK_INCOMPLETE, "mask_gaps"),
    "fill": Gate(FillGuard, AttributeReason.FILL_UNLIKE, "fill_smooth"),
    "remnant": Gate(FillGuard, AttributeReason.OBJECT_LEFT, "fill_traces"),
    "removal": Gate(RemovalGuard, AttributeReason.REMOVAL_RESIDUAL, "removal_judged"),
    "object pixels": Gate(ObjectPixelsGuard, AttributeReason.OBJECT_PIXELS_CHANGED, "object_difference"),
    "expansion": Gate(SegmentationGuard, GuardReason.OBJECT_EXPANDED, "segment_judged"),
    "mask": Gate(SegmentationGuard, GuardReason.MASK_IOU, "segment_judged"),
    "duplicates": Gate(DuplicateGuard, AttributeReason.DUPLICATE_OBJECT, "duplicate_judged"),
    "area": Gate(AreaGuard, AttributeReason.GEOMETRY_OFF, "area"),
    "centroid": Gate(PlacementGuard, AttributeReason.GEOMETRY_OFF, "centroid_error"),
    "angle": Gate(PlacementGuard, AttributeReason.GEOMETRY_OFF, "angle_error"),
    "complexity": Gate(ComplexityGuard, AttributeReason.COMPLEXITY_ORDER, CONTROL),
    "label": Gate(LabelGuard, GuardReason.LABEL_MARGIN_LOW, "label_judged"),
    "halo": Gate(HaloGuard, AttributeReason.EDGE_HALO, "halo"),
    "sanity": Gate(SanityGuard, Reason.SANITY, "contrast"),
    "background": Gate(BackgroundChangedGuard, GuardReason.EDIT_ABSENT, "background_change"),
}


@dataclass(frozen=True)
class Case:
    """One source to make pictures of, with a second one of another class.

    Attributes:
        source: The source.
        other: The second source; None when the set has one class only.
        ground: The source's true background without the object, uint8 [H, W, 3] RGB; None where nobody knows it.
        other_ground: That of the second source.
        rng: For noise.
    """

    source: LoadedSource
    other: LoadedSource | None
    ground: Picture | None
    other_ground: Picture | None
    rng: np.random.Generator

    def job(self, name: str, *, level: float = 0.0, partner: LoadedSource | None = None) -> EditJob:
        """Return a job of this source."""
        return EditJob(
            f"{self.source.record.id}__audit",
            self.source,
            make_edit("attribute", name, level=level),
            0,
            partner=partner,
        )


Shown = tuple[str, EditJob, Candidate]
Trial = tuple[str, str, EditJob, Candidate]


def clean_candidate(case: Case, ground: Picture | None = None) -> Candidate:
    """Return the source's object in its place, on ``ground`` or on its own background, which stays untouched."""
    image = case.source.image
    alpha = matte(case.source.mask.astype(np.float32) / 255)
    picture = image if ground is None else compose(image, ground, alpha)
    window = image if ground is None else None
    return Candidate(picture, alpha, image, ground, {"matrix": list(IDENTITY)}, window=window)


def clean_controls(case: Case) -> Iterator[Shown]:
    """Yield pictures without a fault: the source, and where the true ground is known its object laid on it, in place,
    shrunk, and on another ground.
    """
    untouched = clean_candidate(case)
    yield "the source itself", case.job("original"), untouched
    assert untouched.alpha is not None
    control = {CONTROL: measure_mid_band(case.source.image, untouched.alpha), "matrix": list(IDENTITY)}
    blurred = fixtures.simpler(case.source.image, untouched.alpha)
    yield "background blurred", case.job("complexity", level=-1), replace(untouched, image=blurred, parameters=control)
    if case.ground is None:
        return
    yield "on its bare ground", case.job("paste-back"), clean_candidate(case, case.ground)
    shrunk = _shrunk(case, case.ground)
    if shrunk is not None:
        yield "at 5 % on its bare ground", case.job("size", level=SHRUNK), shrunk
    if case.other_ground is not None:
        yield (
            "on another bare ground",
            case.job("random-background", partner=case.other),
            clean_candidate(case, case.other_ground),
        )


def _shrunk(case: Case, ground: Picture) -> Candidate | None:
    image, mask = case.source.image, case.source.mask
    try:
        scale, matrix = scale_for_share(mask, outline(mask), SHRUNK)
    except GeometryError:
        return None
    if scale > LARGEST_SCALE:
        return None
    reference, coverage = warp_object(image, mask, matrix)
    alpha = matte(coverage)
    return Candidate(
        compose(reference, ground, alpha),
        alpha,
        reference,
        removed=ground,
        parameters={"matrix": matrix.ravel().tolist()},
    )


def known_faults(case: Case) -> Iterator[Trial]:
    """Yield gate, fault and picture of everything that a gate has to reject."""
    good = clean_candidate(case, case.ground)
    yield from _source_faults(case, good)
    yield from _object_faults(case, good)
    yield from _background_faults(case, good)
    yield from _fill_faults(case, good)
    if case.other is not None:
        yield from _mixed_up(case, case.other, good)


def _source_faults(case: Case, good: Candidate) -> Iterator[Trial]:
    mask = case.source.mask
    speck, frame = np.zeros_like(mask), np.zeros_like(mask)
    speck[mask.shape[0] // 2, mask.shape[1] // 2] = 255
    frame[2:-2, 2:-2] = 255
    halves = np.maximum(mask, np.roll(mask, (mask.shape[0] // 2, mask.shape[1] // 2), (0, 1)))
    for kind, wrong in (("a speck", speck), ("nearly the frame", frame), ("two pieces", halves)):
        # Under an id of its own: the source guard remembers what it measured by id.
        identity = f"{case.source.record.id} {kind}"
        source = replace(case.source, mask=wrong, record=case.source.record.model_copy(update={"id": identity}))
        yield "source", kind, replace(case.job("original"), source=source), good


def _object_faults(case: Case, good: Candidate) -> Iterator[Trial]:
    job, image, alpha = case.job("paste-back"), good.image, good.alpha
    assert image is not None
    assert alpha is not None
    yield "object pixels", "one grey level", job, replace(good, image=fixtures.one_level_off(image, alpha))
    grown = fixtures.grown_object(image, alpha, round(min(alpha.shape) * FRAME_GROWTH))
    yield "expansion", "grown by 1/40 of the frame", job, replace(good, image=grown)
    # Towards the middle, so that the frame does not cut the shifted alpha off.
    inwards = 1 if np.argwhere(alpha)[:, 1].mean() < alpha.shape[1] / 2 else -1
    far = fixtures.shifted(alpha, inwards * round(min(alpha.shape) * FRAME_SHIFT), 0)
    yield "mask", "off by 1/25 of the frame", job, replace(good, alpha=far)
    yield "centroid", f"off by {SHIFT} px", job, replace(good, alpha=fixtures.shifted(alpha, inwards * SHIFT, 0))
    if case.ground is not None:
        yield "mask", "object missing", job, replace(good, image=case.ground)
    # Here and for the angle the plan is made wrong instead of the picture, which comes to the same.
    yield "area", "1 % of the frame off", case.job("size", level=float(alpha.mean() / 255) + 0.01), good
    cosine, sine = np.cos(np.deg2rad(10)), np.sin(np.deg2rad(10))
    yield "angle", "10 degrees off", job, replace(good, parameters={"matrix": [cosine, sine, 0.0, -sine, cosine, 0.0]})
    yield "halo", "ring of 2 px", job, replace(good, image=fixtures.ringed(image, alpha))
    doubled = fixtures.second_copy(image, alpha)
    if doubled is not None:
        yield "duplicates", "second copy", job, replace(good, image=doubled)


def _background_faults(case: Case, good: Candidate) -> Iterator[Trial]:
    job, image, alpha = case.job("background"), good.image, good.alpha
    assert image is not None
    assert alpha is not None
    yield "removal", "object left in", case.job("size", level=SHRUNK), replace(good, removed=case.source.image)
    control = {CONTROL: measure_mid_band(image, alpha)}
    busier = fixtures.busier(image, alpha, case.rng)
    yield (
        "complexity",
        "busier, not simpler",
        case.job("complexity", level=-1),
        replace(good, image=busier, parameters=control),
    )
    simpler = fixtures.simpler(image, alpha)
    yield (
        "complexity",
        "simpler, not busier",
        case.job("complexity", level=1),
        replace(good, image=simpler, parameters=control),
    )
    yield "sanity", "constant picture", job, replace(good, image=np.full_like(image, 127))
    yield "sanity", "noise background", job, replace(good, image=fixtures.noisy_background(image, alpha, case.rng))
    yield "background", "not replaced", job, clean_candidate(case)


def _fill_faults(case: Case, good: Candidate) -> Iterator[Trial]:
    image, mask = case.source.image, case.source.mask
    hole = HoleRule(PHOTO_DILATION).hole(image, mask)
    depth = distance_to(mask <= 127)
    pierced = np.where(depth > MIDDLE * depth.max(), 0, mask).astype(np.uint8)
    for gate, kind, shown, background in (
        ("incomplete mask", "its middle left out", pierced, image),
        ("fill", "hole smeared over", mask, fixtures.smeared(image, hole)),
        ("remnant", "object left in", mask, image),
    ):
        # Under an id of its own: the guards remember what they measured by id.
        record = case.source.record.model_copy(update={"id": f"{case.source.record.id} {kind}"})
        job = replace(case.job("size", level=SHRUNK), source=replace(case.source, mask=shown, record=record))
        yield gate, kind, job, replace(good, removal=Removal(image, mask, hole, background))


def _mixed_up(case: Case, other: LoadedSource, good: Candidate) -> Iterator[Trial]:
    shape = case.source.mask.shape
    foreign = matte((cover(other.mask, shape) > 127).astype(np.float32))
    yield "mask", "another's mask", case.job("paste-back"), replace(good, alpha=foreign)
    own = matte(other.mask.astype(np.float32) / 255)
    yield "label", "another class's object", case.job("original"), Candidate(other.image, own, other.image)
    left_in = replace(good, removed=cover(other.image, shape))
    yield "removal", "partner's object left in", case.job("random-background", partner=other), left_in


class Auditor:
    """Shows pictures to a recipe's guards and counts what they say."""

    def __init__(self, guards: Sequence[Guard], *, image: str = "png") -> None:
        self.guards: dict[type[Guard], Guard] = {type(guard): guard for guard in guards}
        self.image = image
        self.counts: Counter[tuple[str, str, bool, str]] = Counter()

    def show(self, case: Case) -> None:
        """Show every fault to its gate and every clean picture to all of them."""
        for name, kind, job, candidate in known_faults(case):
            guard = self.guards.get(GATES[name].guard)
            if guard is not None:
                self._count(name, kind, guard.check(job, candidate, self._stored(candidate)), clean=False)
        for kind, job, candidate in clean_controls(case):
            stored = self._stored(candidate)
            verdicts = {of: guard.check(job, candidate, stored) for of, guard in self.guards.items()}
            for name, gate in GATES.items():
                if gate.guard in verdicts:
                    self._count(name, kind, verdicts[gate.guard], clean=True)

    def rows(self) -> tuple[AuditRow, ...]:
        """Return a row per gate and kind of picture, faults first."""
        kinds = dict.fromkeys((clean, kind) for _, kind, clean, _ in self.counts)
        return tuple(
            AuditRow(
                gate,
                kind,
                clean,
                *(self.counts[gate, kind, clean, what] for what in ("pictures", "judged", "rejected")),
            )
            for gate in GATES
            for clean, kind in sorted(kinds, key=lambda one: one[0])
            if self.counts[gate, kind, clean, "pictures"]
        )

    def _stored(self, candidate: Candidate) -> Picture:
        assert candidate.image is not None
        # As in a build, guards see the stored bytes decoded again.
        return decode_image(encode_image(candidate.image, self.image))

    def _count(self, gate: str, kind: str, verdict: Verdict, *, clean: bool) -> None:
        judged = GATES[gate].judged(verdict)
        self.counts[gate, kind, clean, "pictures"] += 1
        self.counts[gate, kind, clean, "judged"] += judged
        self.counts[gate, kind, clean, "rejected"] += judged and GATES[gate].reason in verdict.reasons


def audit(build: Build[AttributeSettings, GuardSettings], *, sources: int) -> tuple[AuditRow, ...]:
    """Show faults and clean pictures made of the first ``sources`` usable sources to the guards of a build.

    Raises:
        SourceError: The source can't be read.
        ModelError: A checkpoint that a guard needs is missing.
        RequestError: No source is usable.
    """
    source = build.source
    records = list(islice((record for record in source.records() if not record.problem), sources))
    names = tuple(dict.fromkeys(record.class_name for record in records))
    photographs = not build.pack.draws(build.source_kind)
    guards = make_guards(build.guard, build.models, class_names=names, photographs=photographs)
    auditor = Auditor(guards, image=build.image)
    for number in Progress(range(len(records)), desc="auditing", unit="source"):
        case = _case(source, records, number)
        if case is not None:
            auditor.show(case)
    if not auditor.counts:
        raise RequestError(
            "no source can be audited", where=source.name, fix="`editmill plan` lists what is wrong with them"
        )
    return auditor.rows()


def _case(source: Source[Any], records: Sequence[SourceRecord], number: int) -> Case | None:
    """Return the case of one source; None where it can't be loaded."""
    record = records[number]
    following = (*records[number + 1 :], *records[:number])
    partner = next((other for other in following if other.class_name != record.class_name), None)
    try:
        loaded = source.load(record)
        other = None if partner is None else source.load(partner)
    except Unusable:
        return None
    grounds = [None if one is None else source.ground(one.record) for one in (loaded, other)]
    return Case(loaded, other, grounds[0], grounds[1], np.random.default_rng(number))
