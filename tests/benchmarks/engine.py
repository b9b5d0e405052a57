"""What a build adds to its networks: the loop around them, the writer, the check, and several workers."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import webdataset

from editmill.generators.models.inpainter import Inpainter, InpaintRequest
from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.generators.models.together import side_by_side
from editmill.manifests.manifest import RUN
from editmill.manifests.tarshard import write_tar
from editmill.manifests.verify import verify_dataset
from editmill.packs.tabletop.world import make_scene
from editmill.pipelines.build import prepare
from editmill.pipelines.packs import find_pack
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.shard import build_shard, configure_process
from tests.benchmarks.comparing import compare, note
from tests.manifests.builder import EDITS, build_dataset, make_members

CPU = Placement(device="cpu")
# The recipe makes more than a dozen edits of a source.
SCENES, PROMPTS = 2, 4
# Photographs of a few hundred pixels as PNG.
MEMBER = 30_000


def compare_end_to_end(folder: Path) -> None:
    """Backgrounds from prompts as a build makes, judges and stores them, and by the pipeline in a loop.

    The pipeline lies in memory as diffusers loads it, with nothing around it.
    """
    changes = (
        f"generator.edits=[{{name: background, count: {PROMPTS}}}]",
        f"source.count={SCENES}",
        "shards=1",
        "guard.attempts=1",
    )
    plan = make_plan(load_recipe("imagenet-e", overrides=changes))
    configure_process(CPU)
    runs = iter(range(1000))

    def build() -> None:
        build_shard(prepare(plan, folder / f"build-{next(runs)}", CPU).task(0))

    pack = find_pack("tabletop")
    pipeline = copy.deepcopy(Models(pack, CPU).get("inpaint"))
    for part in (pipeline.unet, pipeline.vae):
        part.to(memory_format=torch.contiguous_format)
    image = torch.rand(1, 3, 128, 128)

    def loop() -> None:
        for seed in range(SCENES * PROMPTS):
            pipeline(
                prompt=["green grass"],
                image=image,
                mask_image=torch.ones(1, 1, 128, 128),
                height=128,
                width=128,
                strength=1.0,
                num_inference_steps=pack.steps,
                guidance_scale=pack.guidance,
                generator=[torch.Generator().manual_seed(seed)],
                output_type="np",
            )

    compare(f"{SCENES * PROMPTS} backgrounds on one core", ("build", build), ("bare pipeline", loop), rounds=16)


def compare_batches() -> None:
    """Eight pictures in one call of the pipeline, or in eight."""
    torch.set_num_threads(1)
    pack = find_pack("tabletop")
    inpainter = Inpainter(Models(pack, CPU), steps=4, guidance=pack.guidance)
    image = make_scene("heldout", 3).image
    requests = [InpaintRequest(image, np.ones(image.shape[:2], bool), "green grass", seed) for seed in range(8)]
    ways = {
        most: (f"batch {most}", lambda most=most: side_by_side(inpainter.fill, requests, most=most))
        for most in (1, 4, 8)
    }
    for most in (4, 8):
        compare("eight inpaintings on one core", ways[most], ways[1], rounds=3)


def compare_writers(folder: Path) -> None:
    """Members of 30 kB into a tar that is indexed and digested, or by webdataset's writer, which does neither."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = [
        (f"k{number:05d}0", {"png": os.urandom(MEMBER), "cls": b"3", "json": os.urandom(600)}) for number in range(2000)
    ]
    theirs = folder / "theirs-%06d.tar"

    def shard_writer() -> None:
        with webdataset.ShardWriter(str(theirs), maxcount=10**9, maxsize=10**12, verbose=0, encoder=False) as writer:
            for key, members in samples:
                writer.write({"__key__": key, **members})

    compare(
        "60 MB in 6,000 members written",
        ("write_tar", lambda: write_tar(folder / "ours.tar", samples)),
        ("webdataset.ShardWriter", shard_writer),
    )


def compare_checks(folder: Path) -> None:
    """Datasets of a few hundred MB verified, or their tars hashed by two threads."""
    for samples, size in ((1200, 300_000), (6000, MEMBER)):
        build_dataset(
            folder / str(size),
            sources=samples // len(EDITS),
            shards=4,
            make=lambda row, size=size: {**make_members(row), "png": os.urandom(size)},
        )
        compare_check(folder / str(size), f"{samples} samples of {size // 1000} kB verified")


def compare_check(root: Path, what: str) -> None:
    """One dataset verified, or its tars hashed."""
    tars = sorted(root.rglob("*.tar"))

    def digest(path: Path) -> str:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def hashed() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(digest, tars))

    verify, sha256 = ("verify", lambda: verify_dataset(root).raise_for_problems()), ("sha256 on two cores", hashed)
    compare(what, verify, sha256)
    compare(f"{what} with --deep", ("verify", lambda: verify_dataset(root, deep=True).raise_for_problems()), sha256)


def compare_workers(folder: Path, *, scenes: int = 27, shards: int = 54) -> None:
    """A whole build by one process and by two, start of Python and loading of models included.

    By one process it takes five minutes or more on a quiet core. Where time goes follows: networks that take longer
    beside each other share caches and memory, and that no engine mends.
    """
    seconds = {workers: timed_build(folder / f"{workers}-workers", workers, scenes, shards) for workers in (1, 2)}
    note(f"imagenet-e of {scenes} scenes", f"ratio {seconds[1] / seconds[2]:.2f}", ratio=seconds[1] / seconds[2])
    one, two = (json.loads((folder / f"{count}-workers" / RUN).read_bytes()) for count in (1, 2))
    for name in ("networks", "start"):
        first, second = (run["spent"]["stages"][name] for run in (one, two))
        note(
            f"seconds of {name} in all processes",
            f"{first:.1f} with one worker, {second:.1f} with two; ratio {second / first:.2f}",
            ratio=second / first,
        )
    ends = sorted(path.stat().st_mtime for path in (folder / "2-workers").rglob("*_stats.json"))
    # Who makes the last shard took it before the other one ended.
    alone = ends[-1] - ends[-2]
    before = (2 * seconds[2] - two["spent"]["seconds"] - alone) / 2
    note("two workers", f"{alone:.1f} seconds at the end of one that nothing is left for", alone=alone)
    note("two workers", f"{before:.1f} seconds of each outside of shards: imports, plan, assembly", outside=before)


def timed_build(out: Path, workers: int, scenes: int, shards: int) -> float:
    """Build backgrounds and all other edits of some scenes by a command; print and return the seconds."""
    shutil.rmtree(out, ignore_errors=True)
    command = ["build", "imagenet-e", "--set", f"source.count={scenes}", "--shards", str(shards), "--device", "cpu"]
    command += ["--workers", str(workers), "--out", str(out)]
    print(f"building {scenes} scenes with --workers {workers}", flush=True)
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "editmill", *command], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    note(f"imagenet-e of {scenes} scenes, --workers {workers}", f"{seconds:.1f} s", seconds=seconds)
    return seconds
