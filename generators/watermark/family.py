"""Regeneration of watermarks that the run embedded, as a family."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from editmill.generators.base.family import Asked, Build, Estimate, Family
from editmill.generators.base.samples import PlannedSample
from editmill.generators.base.worlds import unknown
from editmill.generators.watermark.kinds import CLASS_NAMES
from editmill.generators.watermark.planning import GENERATOR, plan_source
from editmill.generators.watermark.reasons import FAILURES, WatermarkReason
from editmill.generators.watermark.settings import WatermarkGuardSettings, WatermarkSettings
from editmill.manifests.records import SourceRecord

if TYPE_CHECKING:
    from editmill.generators.base.making import Maker

logger = logging.getLogger("editmill.watermarks")

_Asked = Asked[WatermarkSettings, WatermarkGuardSettings]
_Build = Build[WatermarkSettings, WatermarkGuardSettings]

MEMBERS, ORIGINALS = ("cls", "json", "png"), ("input.png", "source.png")
SCORE_NAMES = ("cosine_input", "embed_psnr", "embed_ssim", "psnr_input", "psnr_source", "ssim_input", "ssim_source")
# Measured on tabletop scenes and photographs: all members of a sample together, in bytes per pixel; a sample's marks,
# reading and scores, in evaluations of the pack's inpainting.
BYTES_PER_PIXEL, REFERENCE_BYTES_PER_PIXEL, SAMPLE_PRICE = 4.5, 1.5, 4


class WatermarkFamily(Family[WatermarkSettings, WatermarkGuardSettings]):
    """Marks, attacks on them, and what decoders still read, by the ``watermark`` generator."""

    kind = GENERATOR
    version = 2
    what = "attacked pictures"
    settings = WatermarkSettings
    guard = WatermarkGuardSettings
    needs = "pictures"
    reasons = (WatermarkReason,)
    failures = FAILURES
    parts = (("edit", "parameters.watermark.scheme"),)
    # Pictures that nobody may mark, those that this run did not mark, and those that were made and read but are kept.
    excused = Family.excused | {
        WatermarkReason.RIGHTS_MISSING,
        WatermarkReason.NO_EMBED_RECORD,
        WatermarkReason.WITHHELD,
    }

    def resolve(self, asked: _Asked) -> tuple[WatermarkSettings, list[str]]:
        """Leave nothing out, as no judge is asked; a weak model alone says little of the marks."""
        if asked.pack.knows(asked.source_kind):
            return asked.settings, []
        what = "it redraws them badly, which breaks marks that a stronger model leaves: no figures about the schemes"
        return asked.settings, [
            f"{unknown(asked.pack, asked.source_kind)}: {what}\n  fix: name another pack by --models"
        ]

    def edit_names(self, settings: WatermarkSettings) -> tuple[str, ...]:
        """Return the attacks' names."""
        return tuple(attack.name for attack in settings.attacks)

    def plan(self, asked: _Asked, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        """Yield every scheme and a shared negative under every attack, source by source."""
        secret = asked.settings.secret(asked.seed)
        if withheld := [one.name for one in asked.settings.schemes if asked.settings.withholds(one.name)]:
            what = "everybody can read their marks, so that pictures that carry one are left out (reason withheld)"
            logger.warning("the keys of %s are hidden by a secret: %s", ", ".join(withheld), what)
        for record in records:
            yield from plan_source(asked.settings, record, secret=secret)

    def unusable(self, asked: _Asked, source: SourceRecord) -> str:
        """Return the same, or that nobody states a right to use it, or that it is too small for marks."""
        settings = asked.settings
        return (
            super().unusable(asked, source)
            or settings.lacks_rights(source)
            or settings.too_small(source.width, source.height)
        )

    def roles(self, asked: _Asked) -> list[str]:
        """Return the roles of what attacks run, and the image encoder where the pack has one."""
        kinds, has = [attack.kind for attack in asked.settings.attacks], asked.pack.roles
        needed = []
        if any(kind.denoises for kind in kinds):
            needed += ["text_to_image", "controlnet", "image_adapter"]
        if any(kind.regenerates and not kind.denoises for kind in kinds):
            needed.append("text_to_image" if "text_to_image" in (*has, *needed) else "autoencoder")
        if "image_encoder" in has:
            needed.append("image_encoder")
        return list(dict.fromkeys(needed))

    def members(self, asked: _Asked) -> tuple[str, ...]:
        """Return the members, those of originals where they are stored."""
        return tuple(sorted((*MEMBERS, *(ORIGINALS if asked.settings.originals == "stored" else ()))))

    def score_names(self, asked: _Asked) -> tuple[str, ...]:
        """Return how far the attacked picture is from what entered and from the source, and what the mark cost."""
        return SCORE_NAMES

    def maker(self, build: _Build) -> Maker[Any]:
        """Return what marks and attacks."""
        from editmill.generators.watermark.making import WatermarkMaker

        return WatermarkMaker(build)

    def estimate(self, asked: _Asked, samples: Iterable[PlannedSample]) -> Estimate:
        """Return the cost of the attacks, and of marking, reading and scoring every sample."""
        settings = asked.settings
        costs = {attack.name: settings.cost(attack) for attack in settings.attacks}
        evaluations = pixels = count = 0
        for sample in samples:
            evaluations += costs[sample.edit.name]
            pixels += _framed(sample.source, settings)
            count += 1
        stored = BYTES_PER_PIXEL if settings.originals == "stored" else REFERENCE_BYTES_PER_PIXEL
        seconds = asked.pack.cpu_seconds_per_evaluation * (evaluations + SAMPLE_PRICE * count)
        return Estimate(evaluations, round(pixels * stored / 1e6, 3), round(seconds / 60, 2))

    def together(self, asked: _Asked, batch: int) -> int:
        """Return the pictures of a batch: as many sources have one of every attack."""
        return batch

    def check(self, asked: _Asked) -> None:
        """Refuse other pictures than png."""
        if asked.image != "png":
            what = "what a codec does to a mark is an attack's codec and quality"
            raise ValueError(f"attacked pictures are stored as png; {what}")

    def alone(self, settings: WatermarkSettings, edit: str) -> WatermarkSettings:
        """Return the settings with one attack."""
        return settings.model_copy(update={"attacks": tuple(one for one in settings.attacks if one.name == edit)})

    def reads_classes(self, asked: _Asked) -> bool:
        """Return that nobody chooses among classes."""
        return False

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        """Return what samples are; the labels of sources say nothing about them."""
        return dict(enumerate(CLASS_NAMES))


def _framed(source: SourceRecord, settings: WatermarkSettings) -> int:
    """Return the pixels of a source in the frame of its samples."""
    if settings.fit == "crop":
        return settings.side**2
    short = min(source.width, source.height)
    scale = min(1.0, settings.side / short) if settings.side and short else 1.0
    return round(source.width * source.height * scale**2)
