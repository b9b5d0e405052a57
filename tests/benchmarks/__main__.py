"""Run every comparison and print ratios: ``make bench``."""

from __future__ import annotations

import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from editmill.generators.attribute.placing import Placer
from editmill.generators.attribute.rendering import AttributeRenderer
from editmill.generators.attribute.settings import AttributeSettings, EditSettings, RenderSettings
from editmill.generators.base.edits import make_edit
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.models.inpainter import Inpainter, InpaintRequest
from editmill.generators.models.loading import Models, Placement
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
from tests.manifests.builder import build_dataset

ROUNDS = 5
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


def compare(
    title: str,
    first: tuple[str, Callable[[], object]],
    second: tuple[str, Callable[[], object]],
    *,
    rounds: int = ROUNDS,
) -> None:
    """Time two ways in turn and print the median of their pairwise ratio."""
    for _, way in (first, second):
        way()
    pairs = [(_seconds(first[1]), _seconds(second[1])) for _ in range(rounds)]
    ratio = statistics.median(b / a for a, b in pairs)
    medians = [statistics.median(column) * 1000 for column in zip(*pairs, strict=True)]
    times = ", ".join(f"{name} {median:.1f} ms" for name, median in zip((first[0], second[0]), medians, strict=True))
    print(f"{title}: {times}; ratio {ratio:.2f}")


def _seconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


def compare_access(folder: Path) -> None:
    """One sample by key: through the index, or by walking through the tar."""
    build_dataset(folder, sources=200, shards=1)
    dataset = open_dataset(folder)
    key = dataset.keys()[len(dataset) // 2]
    path = next(folder.rglob("*.tar"))

    def walk() -> bytes:
        with tarfile.open(path) as tar:
            return next(tar.extractfile(info).read() for info in tar if info.name == f"{key}.png")  # type: ignore[union-attr]

    compare("one sample by key", ("index", lambda: dataset[key].members["png"]), ("walk", walk))


def compare_batches() -> None:
    """Four pictures as four pipeline calls, as editmill does for equal bytes, or as one batch."""
    torch.set_num_threads(1)
    pack = find_pack("tabletop")
    inpainter = Inpainter(Models(pack, Placement(device="cpu")), steps=4, guidance=pack.guidance)
    image = make_scene("heldout", 3).image
    hole = np.ones(image.shape[:2], bool)
    tensor = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255

    def batch() -> None:
        generators = [torch.Generator().manual_seed(seed) for seed in range(4)]
        inpainter.pipeline(
            prompt=["green grass"] * 4,
            image=tensor.repeat(4, 1, 1, 1),
            mask_image=torch.ones(4, 1, *hole.shape),
            height=128,
            width=128,
            strength=1.0,
            num_inference_steps=4,
            guidance_scale=pack.guidance,
            generator=generators,
            output_type="np",
        )

    def single() -> None:
        for seed in range(4):
            inpainter.fill(InpaintRequest(image, hole, "green grass", seed))

    compare("four inpaintings on one core", ("batch", batch), ("one by one", single), rounds=3)


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


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        compare_access(Path(scratch) / "set")
    compare_batches()
    compare_guidance()
    compare_captions()
