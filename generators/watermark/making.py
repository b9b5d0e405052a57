"""From planned samples to attacked pictures: frame, mark, attack, deliver, read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from editmill.generators.base.failing import failed_job, in_parts
from editmill.generators.base.family import Build
from editmill.generators.base.images import decode_image, encode_image
from editmill.generators.base.loaded import Unusable
from editmill.generators.base.making import Maker, check_record
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import Job, Made, PlannedSample, RowFacts
from editmill.generators.models.image_encoder import ImageEncoder
from editmill.generators.models.together import side_by_side
from editmill.generators.watermark.geometry import flat_share, frame
from editmill.generators.watermark.kinds import CLASS_NAMES
from editmill.generators.watermark.ledger import Ledger
from editmill.generators.watermark.marking import Framed, Marked, Marker
from editmill.generators.watermark.quality import psnr, ssim
from editmill.generators.watermark.reasons import WatermarkReason
from editmill.generators.watermark.regeneration import Regenerated, Regenerator
from editmill.generators.watermark.schemes import make_scheme
from editmill.generators.watermark.settings import WatermarkGuardSettings, WatermarkSettings
from editmill.manifests.arrays import Picture
from editmill.manifests.canonical import canonical_json
from editmill.manifests.payloads import public_secret
from editmill.manifests.records import SourceRecord
from editmill.manifests.stages import stage

NOTICE = "regenerated for robustness research; the watermark was embedded by the run that attacked it"


class WatermarkMaker(Maker[Framed]):
    """Marks the sources of one build and attacks them; what was marked is shared between the samples of one source."""

    def __init__(self, build: Build[WatermarkSettings, WatermarkGuardSettings]) -> None:
        # One ledger for both: the regenerator opens what the marker sealed, and nothing else.
        settings, ledger = build.settings, Ledger()
        self.build, self.settings = build, settings
        self.attacks = {attack.name: attack for attack in settings.attacks}
        schemes = [make_scheme(one) for one in settings.schemes]
        secret, public = settings.secret(build.seed), public_secret(build.seed)
        self.marker = Marker(schemes, secret=secret, public=public, ledger=ledger)
        self.regenerator = Regenerator(settings, build.models, ledger)
        # The pictures of one attack share calls, of which a source has a few.
        self.group = self.batch = build.models.placement.pictures

    @cached_property
    def encoder(self) -> ImageEncoder | None:
        """The pack's, which tells how alike pictures are; None where it has none."""
        return ImageEncoder(self.build.models) if "image_encoder" in self.build.pack.roles else None

    def row(self, sample: PlannedSample) -> RowFacts:
        """Return what a sample is, whose label says whether it was marked, not what its source shows."""
        scheme = _scheme(sample)
        label = int(bool(scheme))
        watermark = {"scheme": scheme, "embedded": False} if scheme else {}
        return RowFacts(sample.source, label, CLASS_NAMES[label], parameters={"watermark": watermark})

    def load(self, sample: PlannedSample) -> Framed:
        """Bring a source into the frame of its samples.

        Raises:
            Unusable: It can't be read, is too small, or nobody states a right to use it.
        """
        record = sample.source
        check_record(record)
        if why := self.settings.lacks_rights(record):
            raise Unusable(WatermarkReason.RIGHTS_MISSING, why)
        with stage("decode"):
            image = frame(self.build.source.load(record).image, self.settings)
        return Framed(record.id, image, encode_image(image, "png"), self._source_facts(record, image))

    def _source_facts(self, record: SourceRecord, image: Picture) -> dict[str, Any]:
        return {
            "licence": record.licence,
            "rights_basis": self.settings.rights_basis,
            "width": image.shape[1],
            "height": image.shape[0],
            "native_width": record.width,
            "native_height": record.height,
            "fit": self.settings.fit,
            "flat_share": round(flat_share(image), 6),
            "label": record.label,
            "class_name": record.class_name,
        }

    def make(self, jobs: Sequence[Job[Framed]]) -> list[Made]:
        """Attack pictures side by side: one that fails does not make the others run again."""
        return side_by_side(self._alone, jobs, most=self.batch)

    def _alone(self, job: Job[Framed]) -> Made:
        (made,) = in_parts(lambda one: [self._attack(*one)], [job], failed=_failed)
        return made

    def _attack(self, job: Job[Framed]) -> Made:
        entering = self.marker.enter(job.loaded, _scheme(job.sample))
        if isinstance(entering, Unusable):
            return _refused(entering)
        try:
            made = self.regenerator.regenerate(entering.item, self.attacks[job.sample.edit.name], job.seed)
        except Unusable as problem:
            return _refused(problem)
        return self._judge(job, entering, made)

    def _judge(self, job: Job[Framed], entering: Marked, made: Regenerated) -> Made:
        """Score and read the picture as it is stored, and describe it."""
        source, primary = job.loaded, encode_image(made.image, "png")
        attacked, entered = np.array(decode_image(primary)), entering.item.image
        quality = self._quality(attacked, entered, source.image)
        sane = float(attacked.std()) >= self.build.guard.contrast * float(entered.std())
        parameters = {
            "attack": made.facts,
            "watermark": entering.facts,
            "source": source.facts,
            "detections": self.marker.read(source, _scheme(job.sample), attacked),
            "notice": NOTICE,
            "input_sha256": entering.sha256,
            "source_png_sha256": hashlib.sha256(source.png).hexdigest(),
        }
        originals = {"input.png": entering.png, "source.png": source.png}
        return Made(
            members={"png": primary, **(originals if self.settings.originals == "stored" else {})},
            reasons=self._reasons(_scheme(job.sample), sane),
            scores=self._told(_scheme(job.sample), {**entering.scores, **quality}),
            parameters=parameters,
            facts=self._document(job.sample, parameters),
            cost=made.cost,
        )

    def _reasons(self, scheme: str, sane: bool) -> tuple[str, ...]:
        if not sane:
            return (Reason.SANITY,)
        return (WatermarkReason.WITHHELD,) if self.settings.withholds(scheme) else ()

    def _told(self, scheme: str, scores: dict[str, float]) -> dict[str, float]:
        """Round what depends on a hidden key, so that keys can't be tried against it."""
        if not (scheme and self.settings.hidden):
            return scores
        return {name: round(value, 0 if "psnr" in name else 2) for name, value in scores.items()}

    @stage("guards")
    def _quality(self, attacked: Picture, entered: Picture, original: Picture) -> dict[str, float]:
        found = {
            "psnr_input": psnr(attacked, entered),
            "ssim_input": ssim(attacked, entered),
            "psnr_source": psnr(attacked, original),
            "ssim_source": ssim(attacked, original),
        }
        if self.encoder is None:
            return found
        features = self.encoder.identities([attacked, entered])
        return {**found, "cosine_input": float(features[0] @ features[1])}

    def _document(self, sample: PlannedSample, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return what the sample's JSON says; groups of facts are JSON in strings."""
        plain = ("input_sha256", "source_png_sha256", "notice")
        groups = ("attack", "watermark", "source", "detections")
        return {
            "edit": sample.edit.name,
            "rung": sample.edit.name,
            "level": float(sample.edit.level),
            "replica": sample.replica,
            "scheme": _scheme(sample),
            "class_name": self.row(sample).class_name,
            **{name: parameters[name] for name in plain},
            **{name: canonical_json(parameters[name]).decode() for name in groups},
        }


def _scheme(sample: PlannedSample) -> str:
    """Return the scheme whose mark a sample has, "" for a negative."""
    return str(sample.edit["scheme"])


def _refused(problem: Unusable) -> Made:
    return Made(reasons=(problem.reason,), candidates=(), detail=str(problem))


def _failed(job: Job[Framed], error: Exception) -> Made:
    return replace(failed_job(job, error), candidates=())
