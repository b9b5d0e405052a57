"""Run comparisons and print ratios: ``make bench``; those that take minutes only where they are named."""

from __future__ import annotations

import argparse
import tarfile
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from editmill.generators.attribute.placing import Placer
from editmill.generators.attribute.rendering import AttributeRenderer
from editmill.generators.attribute.settings import AttributeSettings, EditSettings, RenderSettings
from editmill.generators.base.edits import make_edit
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.generators.text.candidates import TextJob
from editmill.generators.text.editing import TextEditor
from editmill.generators.text.grounded import CaptionJob
from editmill.generators.text.settings import TextGuardSettings, TextSettings
from editmill.manifests.reader import open_dataset
from editmill.manifests.records import SourceRecord
from editmill.packs.tabletop.world import make_scene
from editmill.pipelines.packs import find_pack
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.sources import open_source
from tests.benchmarks.comparing import compare, write_results
from tests.benchmarks.dry_build import measure_dry_build
from tests.benchmarks.engine import (
    compare_batches,
    compare_checks,
    compare_end_to_end,
    compare_workers,
    compare_writers,
)
from tests.benchmarks.evaluation import compare_evaluation
from tests.benchmarks.per_image import compare_drivers
from tests.benchmarks.refresh import measure_refresh
from tests.manifests.builder import build_dataset

LONG = ("workers", "dry-build", "refresh", "refresh-models")
RECORD = SourceRecord(
    id="scene",
    image="scene.png",
    mask="scene.png",
    label=0,
    class_name="ball",
    width=128,
    height=128,
    sha256="",
    mask_sha256="",
)


def compare_access(folder: Path) -> None:
    """One sample of 10,000 by key: through the index, or by walking through the tar."""
    build_dataset(folder, sources=3334, shards=1)
    dataset = open_dataset(folder)
    key = dataset.keys()[len(dataset) // 2]
    path = next(folder.rglob("*.tar"))

    def walk() -> bytes:
        with tarfile.open(path) as tar:
            return next(tar.extractfile(info).read() for info in tar if info.name == f"{key}.png")  # type: ignore[union-attr]

    compare("one sample of 10,000 by key", ("index", lambda: dataset[key].members["png"]), ("walk", walk))


def compare_guidance() -> None:
    """One background without and with guidance, in modern and in faithful mode: what lambda costs, and what is saved
    where it is 0.
    """
    scene = make_scene("heldout", 3)
    source = LoadedSource(RECORD, scene.image, np.where(scene.alphas[0] > 0.5, 255, 0).astype(np.uint8))
    models = Models(find_pack("tabletop"), Placement(device="cpu"))
    for mode, level in (("modern", 1.0), ("faithful", 20.0)):
        settings = AttributeSettings(edits=(EditSettings(name="original"),), render=RenderSettings(mode=mode))
        regenerator = AttributeRenderer(settings, models, recipe_seed=0).regenerator
        placed = Placer(max_upsampling=1).place(source, make_edit("attribute", "round-trip"))
        plain, guided = (
            partial(regenerator.regenerate, scene.clean, placed, level=one, seed=1) for one in (0.0, level)
        )
        compare(f"one {mode} background on one core", ("unguided", plain), ("guided", guided), rounds=3)


def compare_captions() -> None:
    """64 captions edited together, or one after another by the same models."""
    recipe = load_recipe("xmai", overrides=("source.count=64", "generator.edits=[{name: grounded}]"))
    source = open_source(recipe.source, needs="captions")
    models = Models(find_pack("tabletop"), Placement(device="cpu"))
    assert isinstance(recipe.generator, TextSettings)
    assert isinstance(recipe.guard, TextGuardSettings)
    images = [source.load(record) for record in source.records()]
    jobs = [TextJob(CaptionJob(image, image.record.captions[0], 0), make_edit("text", "grounded")) for image in images]
    together, alone = (TextEditor(recipe.generator, recipe.guard, models, batch=batch) for batch in (8, 1))
    compare(
        "64 captions on one core",
        ("together", lambda: together.edit(jobs)),
        ("one by one", lambda: [alone.edit([job]) for job in jobs]),
        rounds=3,
    )


def main() -> None:
    """Run what was asked for, and write the results as JSON where a file is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ways: dict[str, Callable[[], None]] = {
            "end-to-end": lambda: compare_end_to_end(folder / "end-to-end"),
            "drivers": lambda: compare_drivers(folder / "drivers"),
            "batches": compare_batches,
            "guidance": compare_guidance,
            "captions": compare_captions,
            "writers": lambda: compare_writers(folder / "writers"),
            "checks": lambda: compare_checks(folder / "checks"),
            "access": lambda: compare_access(folder / "access"),
            "evaluation": lambda: compare_evaluation(folder / "evaluation"),
            "workers": lambda: compare_workers(folder / "workers"),
            "refresh": lambda: measure_refresh(folder / "refresh"),
            "refresh-models": lambda: measure_refresh(folder / "refresh-models", models=True, fresh=False),
            "dry-build": lambda: measure_dry_build(folder / "dry-build"),
        }
        shown = f"of {', '.join(ways)}  [default: all but {', '.join(LONG)}]"
        parser.add_argument("only", nargs="*", metavar="WHAT", help=shown)
        parser.add_argument("--json", type=Path, help="write the results to this file")
        asked = parser.parse_args()
        for name in asked.only or (name for name in ways if name not in LONG):
            ways[name]()
    if asked.json:
        write_results(asked.json)


if __name__ == "__main__":
    main()
