"""Calibration of a guard ensemble on held-out sources, their round trips, and pictures whose label our own edits
destroyed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch

from editmill.generators.base.family import Build
from editmill.generators.base.images import decode_image, encode_image
from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.sources import Source
from editmill.generators.compositing.removal import Remover, make_remover
from editmill.generators.guards.ensemble.destroyers import destroyed
from editmill.generators.guards.ensemble.ensemble import GuardEnsemble, ensemble_of
from editmill.generators.guards.ensemble.figures import (
    Scored,
    blind_members,
    class_qualities,
    cross_fitted,
    fit,
    judge_qualities,
    recalls,
    unguardable,
    unmeasured_members,
)
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Mask, Picture
from editmill.manifests.canonical import digest
from editmill.manifests.errors import RequestError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.progress import Progress
from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import derive_seed

SOURCE = "source"
# Pictures of several sources fill the batches of the judges.
GROUP = 8
# Parts of the sources in cross-fitting: limits from four fifths are near to those from all.
FOLDS = 5


@dataclass(frozen=True)
class KnownPicture:
    """A picture whose truth is known: how it was made, whether its label is right, and what the guards are shown."""

    kind: str
    clean: bool
    shown: Shown


MakeMore = Callable[[LoadedSource, LoadedSource], Iterator[KnownPicture]]
Trip = Callable[[Picture], Picture]


def round_trips(models: Models) -> dict[str, Trip]:
    """Return by role the pictures uint8 [H, W, 3] RGB through the autoencoders that the pack has.

    Frames are filled up to the size that they take.
    """
    roles = [role for role in ("autoencoder", "vq") if role in models.pack.roles]
    return {role: partial(_round_trip, models.get(role), models.device) for role in roles}


@torch.inference_mode()
def _round_trip(network: Any, device: torch.device, image: Picture) -> Picture:
    height, width = image.shape[:2]
    multiple = 2 ** (len(network.config.block_out_channels) - 1)
    filled = cv2.copyMakeBorder(image, 0, -height % multiple, 0, -width % multiple, cv2.BORDER_REFLECT_101)
    pixels = torch.from_numpy(filled).permute(2, 0, 1)[None].to(device, network.dtype) / 127.5 - 1
    encoded = network.encode(pixels)
    # The mode and not a draw: the same sources have to give the same limits.
    latents = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    decoded = network.decode(latents).sample[0].float().permute(1, 2, 0)[:height, :width]
    return ((decoded.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()


def pictures_of(
    source: LoadedSource,
    other: LoadedSource,
    *,
    trips: dict[str, Trip],
    remover: Remover | None,
    seed: int,
    sourced: bool,
) -> Iterator[KnownPicture]:
    """Yield the source, its round trips, and what destroys its label.

    Args:
        source: The source.
        other: One of another class.
        trips: See ``round_trips``.
        remover: Removes objects; None to leave out the operators that need it.
        seed: Of the calibration.
        sourced: Show source and mask to the guards.
    """
    own = derive_seed(seed, source.record.id, "calibration", 0, 0)
    clean = {SOURCE: source.image, **{role: trip(source.image) for role, trip in trips.items()}}
    # Not as edits: a clean picture may equal its source.
    for kind, image in clean.items():
        yield KnownPicture(kind, True, show(source, image, source.mask, sourced=sourced, edited=False))
    for one in destroyed(source, other, np.random.default_rng(own), remover=remover, seed=own):
        yield KnownPicture(one.operator, False, show(source, one.image, one.mask, sourced=sourced))


def show(source: LoadedSource, image: Picture, mask: Mask, *, sourced: bool, edited: bool = True) -> Shown:
    """Return ``image`` under the source's label, with the source and the object's mask in it or without both."""
    record = source.record
    if not sourced:
        return Shown(image, record.class_name, record.label, edited=edited)
    return Shown(
        image, record.class_name, record.label, mask=mask, source=source.image, source_mask=source.mask, edited=edited
    )


@dataclass(frozen=True)
class Case:
    """A source, one of another class, the part of the sources that it belongs to, and whether its object is removed."""

    source: LoadedSource
    other: LoadedSource
    fold: int
    removed: bool


@dataclass(frozen=True)
class Calibrator:
    """How calibration makes and scores pictures.

    Attributes:
        ensemble: The guards.
        sourced: Whether they see source and mask, as for edits, or neither, as for pictures made from text.
        remove_every: Of one in so many sources the object is removed, which takes longest.
        seed: Of cards and noise.
        image: The format in which pictures are encoded before guards see them.
        remover: Removes objects; None leaves the operators out that need it.
    """

    ensemble: GuardEnsemble
    sourced: bool = True
    remove_every: int = 6
    seed: int = 0
    image: str = "png"
    remover: Remover | None = None

    def group(self, cases: Sequence[Case], more: MakeMore) -> list[Scored]:
        """Return pictures of several sources, scored together."""
        trips = round_trips(self.ensemble.models)
        made: list[tuple[LoadedSource, int, KnownPicture]] = []
        for case in cases:
            remover = self.remover if case.removed else None
            own = pictures_of(
                case.source, case.other, trips=trips, remover=remover, seed=self.seed, sourced=self.sourced
            )
            made += [(case.source, case.fold, picture) for picture in (*own, *more(case.source, case.other))]
        scores = self.ensemble.scores([self._stored(picture.shown) for _, _, picture in made])
        return [
            Scored(source.record.id, picture.shown.class_name, picture.kind, picture.clean, fold, found)
            for (source, fold, picture), found in zip(made, scores, strict=True)
        ]

    def _stored(self, shown: Shown) -> Shown:
        return replace(shown, image=decode_image(encode_image(shown.image, self.image)))


def _nothing_more(source: LoadedSource, other: LoadedSource) -> Iterator[KnownPicture]:
    yield from ()


def score_sources(
    source: Source[Any], records: Sequence[SourceRecord], calibrator: Calibrator, *, more: MakeMore = _nothing_more
) -> list[Scored]:
    """Return scores of every picture of every record that loads; the partner is the next record of another class.

    Args:
        source: Where the records come from.
        records: Clean held-out sources that no dataset uses.
        calibrator: See there.
        more: Further pictures of a source and its partner.

    Raises:
        RequestError: No two classes.
    """
    if len({record.class_name for record in records}) < 2:
        raise RequestError("calibration needs sources of at least two classes", where=source.name)
    seen: Counter[str] = Counter()
    scored: list[Scored] = []
    waiting: list[Case] = []
    for number in Progress(range(len(records)), desc="calibrating", unit="source"):
        pair = _load_pair(source, records, number)
        if pair is not None:
            name = pair[0].record.class_name
            # Classes are dealt out one by one, so that every part has its share of each.
            waiting.append(Case(*pair, seen[name] % FOLDS, number % calibrator.remove_every == 0))
            seen[name] += 1
        if len(waiting) == GROUP or number == len(records) - 1:
            scored += calibrator.group(waiting, more)
            waiting = []
    return scored


def _load_pair(
    source: Source[Any], records: Sequence[SourceRecord], number: int
) -> tuple[LoadedSource, LoadedSource] | None:
    """Return a source and one of another class; None where one can't be loaded."""
    record = records[number]
    following = (*records[number + 1 :], *records[:number])
    partner = next(other for other in following if other.class_name != record.class_name)
    try:
        return source.load(record), source.load(partner)
    except Unusable:
        return None


def calibrate(source: Source[Any], records: Sequence[SourceRecord], calibrator: Calibrator) -> GuardReport:
    """Measure a guard ensemble; ``check_limits`` says whether it keeps its limits.

    Thresholds rest on all sources. The reported error rates are cross-fitted over five parts of them: each source is
    judged by limits that it had no part in. A threshold needs ``gates / alpha - 1`` clean sources, of which
    cross-fitting holds back a fifth: 149 for six gates and an alpha of 0.05, and 24 for the calibrated product. With
    fewer, the gates' own limits bind, which reject more clean pictures.

    Args:
        source: Where the records come from; its object masks are needed.
        records: Clean held-out sources that no dataset uses, of at least two classes.
        calibrator: See there.

    Raises:
        RequestError: Fewer than two classes, or no record that loads.
    """
    return report_of(score_sources(source, records, calibrator), calibrator, source=source.name, records=records)


def calibrate_ensemble(
    build: Build[Any, EnsembleSettings], records: Sequence[SourceRecord], options: Any, *, sourced: bool
) -> GuardReport:
    """Measure the ensemble of a family.

    Args:
        build: Its source loads ``records``.
        records: Clean held-out sources that no dataset uses, of at least two classes.
        options: The recipe's ``calibration``: ``remove_every`` and ``seed``, see ``Calibrator``.
        sourced: Whether the family's pictures have a source that guards compare them with.

    Raises:
        RequestError: Fewer than two classes, or no record that loads.
    """
    calibrator = Calibrator(
        ensemble_of(build.guard, build.models, build.class_names, None),
        sourced=sourced,
        remove_every=options.remove_every,
        seed=options.seed,
        remover=make_remover(build.models),
    )
    return calibrate(build.source, records, calibrator)


def report_of(
    scored: Sequence[Scored],
    calibrator: Calibrator,
    *,
    source: str,
    records: Sequence[SourceRecord],
    settings: EnsembleSettings | None = None,
) -> GuardReport:
    """Return the report on scored pictures, under another rule than the ensemble's own if ``settings`` says so.

    Raises:
        RequestError: There are none.
    """
    if not scored:
        raise RequestError("no source of the calibration can be loaded", where=source)
    ensemble = calibrator.ensemble
    settings = settings or ensemble.settings
    final = fit(scored, settings)
    recall = recalls(scored, final.gates)
    figures = cross_fitted(scored, settings, final.gates, unguardable(recall, settings.r_min))
    rejections, accepts = figures.rates(clean=True), figures.rates(clean=False)
    used = {one.source for one in scored}
    return GuardReport(
        pack=ensemble.models.pack.name,
        models=ensemble.gate_digests(),
        verifiers=ensemble.verifier_digests(),
        settings=digest(settings),
        source=source,
        sources_digest=digest([[record.id, record.sha256] for record in records if record.id in used]),
        sourced=calibrator.sourced,
        rule=settings.rule,
        k=settings.k,
        gates=final.gates,
        alpha=settings.alpha,
        r_min=settings.r_min,
        thresholds=final.thresholds,
        curves=final.curves,
        classes=class_qualities(scored, recall, figures, settings.r_min),
        judges=judge_qualities(scored, settings.verifiers),
        false_rejections=rejections,
        false_accepts=accepts,
        blind=blind_members(rejections, accepts),
        unmeasured=unmeasured_members(rejections, accepts),
        far_upper_limit=settings.far_upper_limit,
        frr_limit=settings.frr_limit,
    )
