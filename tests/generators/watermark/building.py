"""Samples of regenerated watermarks by the family alone: tiny checkpoints of the published classes, pictures from
files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from editmill.generators.base.family import Build
from editmill.generators.base.making import Built, Frame, SampleBuilder
from editmill.generators.base.samples import PlannedSample
from editmill.generators.models.image_adapter import convert_image_adapter
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.watermark.family import WatermarkFamily
from editmill.generators.watermark.making import WatermarkMaker
from editmill.generators.watermark.marking import Framed
from editmill.generators.watermark.settings import WatermarkGuardSettings, WatermarkSettings
from editmill.manifests.records import SampleRow
from editmill.pipelines.sources.images import ImagesSource, ImagesSpec
from tests.generators.watermark.pictures import textured
from tests.watermark_models import write_watermark_pack

FAMILY = WatermarkFamily()
SIDE = 96
RUNGS: tuple[dict[str, Any], ...] = (
    {"name": "pipeline", "start": "none"},
    {"name": "vae", "start": "vae"},
    {"name": "s50", "start": "partial", "n_steps": 1},
    {"name": "clean", "start": "clean"},
    {"name": "bare", "start": "clean", "ladder": False, "control": 0, "adapter": 0, "colour_match": False},
)
SCHEMES: tuple[dict[str, Any], ...] = (
    {"name": "dwtDctSvd"},
    {"name": "blind-watermark"},
    {"name": "dwtDct", "regenerate": False},
)

WatermarkBuild = Build[WatermarkSettings, WatermarkGuardSettings]


def write_pack(root: Path) -> Path:
    """Write a pack whose image adapter is converted already."""
    path = write_watermark_pack(root)
    convert_image_adapter(root / "adapter.bin", root / "adapter")
    return path


def write_photos(root: Path) -> Path:
    """Write three pictures with texture into a folder."""
    for number in range(3):
        Image.fromarray(textured(number, height=SIDE, width=SIDE + 8)).save(root / f"photo {number}.png")
    return root


def build_of(
    pack: Path, photos: Path, *, licence: str = "CC0-1.0", seed: int = 0, batch: int = 1, **changes: Any
) -> WatermarkBuild:
    """Return a build of the pictures in a folder; ``changes`` are of the generator."""
    small = {"schemes": SCHEMES, "attacks": RUNGS, "steps": 2, "least_pixels": 4096}
    spec = read_pack(pack)
    return Build(
        settings=WatermarkSettings.model_validate({**small, **changes}),
        guard=WatermarkGuardSettings(),
        seed=seed,
        image="png",
        pack=spec,
        models=Models(spec, Placement(device="cpu", batch=batch)),
        records=(),
        source=ImagesSource(ImagesSpec(root=photos, licence=licence)),
        class_names=("unmarked", "watermarked"),
    )


def plan_of(build: WatermarkBuild) -> list[PlannedSample]:
    """Return every sample of a build."""
    return list(FAMILY.plan(build, list(build.source.records())))


def builder_of(build: WatermarkBuild) -> tuple[SampleBuilder[Framed], WatermarkMaker]:
    """Return the builder of a build, with its maker."""
    maker = WatermarkMaker(build)
    return SampleBuilder(maker, Frame(build.seed, "test", FAMILY.failures)), maker


def built_of(build: WatermarkBuild, samples: Sequence[PlannedSample] = ()) -> list[Built]:
    """Build all samples, or some."""
    return list(builder_of(build)[0].build(samples or plan_of(build), shard=0))


def rows_of(build: WatermarkBuild) -> list[SampleRow]:
    """Return the rows of all samples."""
    return [row for row, _ in built_of(build)]
