"""What a refresh costs in terms of a build, of sources of which few have changed, and whether bytes come out equal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from editmill.generators.models.placement import Placement
from editmill.packs.tabletop.world import CLASSES, make_scene
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import Recipe, load_recipe
from editmill.pipelines.refresh import plan_refresh
from tests.benchmarks.comparing import note

CPU = Placement(device="cpu")
SOURCES, CHANGED, ADDED, REMOVED, SIDE = 1000, 10, 5, 5, 64
EDITS = "[{name: original}, {name: paste-back}, {name: size, levels: [0.1]}, {name: random-background}]"
GENERATED = "[{name: original}, {name: background}, {name: size, levels: [0.1]}, {name: random-background}]"
OF_REFRESH = {"run.json", "manifest.json", "changes.json", "CHANGES.md", "removed.parquet"}


def write_source(folder: Path, number: int, *, draw: int = 0, scene: bool = False) -> str:
    """Write one photograph of a disc on noise, or a scene of the embedded pack's, and return its class; another
    ``draw`` gives another.
    """
    if scene:
        made = make_scene("heldout", 10_000 * draw + number)
        Image.fromarray(made.image).save(folder / f"p{number}.png")
        Image.fromarray(np.where(made.alphas[0] > 0.5, 255, 0).astype(np.uint8)).save(folder / f"p{number}-mask.png")
        return made.objects[0].name
    rng = np.random.default_rng((number, draw))
    image = cv2.resize(rng.integers(40, 216, (8, 8, 3), dtype=np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, (SIDE // 2, SIDE // 2), SIDE // 5, 255, -1)
    image[mask > 0] = rng.integers(0, 256, 3)
    Image.fromarray(image).save(folder / f"p{number}.png")
    Image.fromarray(mask).save(folder / f"p{number}-mask.png")
    return CLASSES[number % 2]


def write_labels(folder: Path, classes: Mapping[int, str]) -> Path:
    """Write the file that lists photographs by number, each with its class."""
    rows = [f"p{number}.png,p{number}-mask.png,{CLASSES.index(name)},{name}" for number, name in classes.items()]
    path = folder / "labels.csv"
    path.write_text("\n".join(["file,mask,label_index,class_name", *rows]) + "\n")
    return path


def recipe_of(labels: Path, *, sources: int, models: bool = False) -> Recipe:
    """Return a recipe of edits for which nothing is generated or asked: patches of the photograph fill holes, and the
    pack has no models, so that the build is as cheap as one can be, and the refresh looks as dear.

    With ``models`` the embedded ones make backgrounds, and judge.
    """
    if models:
        edits = (f"generator.edits={GENERATED}", "generator.unknown_world=make", f"shards={max(2, sources // 25)}")
        return load_recipe("imagenet-e", source=f"folder:{labels}", overrides=(*edits, "version=1.0.0"))
    pack = labels.with_name("plain.yaml")
    pack.write_text("name: plain\ndescription: No models.\nroles: {}\nbackgrounds: []\n")
    changes = (f"generator.edits={EDITS}", "generator.render.removal=patches", f"shards={max(2, sources // 25)}")
    return load_recipe("imagenet-e", source=f"folder:{labels}", models=str(pack), overrides=(*changes, "version=1.0.0"))


def measure_refresh(folder: Path, *, sources: int = SOURCES, models: bool = False, fresh: bool = True) -> None:
    """Build, change one source of a hundred, add and remove some, refresh, and build the new state afresh."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    write, part = partial(write_source, photos, scene=models), max(1, sources // SOURCES)
    classes = {number: write(number) for number in range(sources)}
    labels = write_labels(photos, classes)
    refreshed = partial(_refreshed, labels, sources=sources, models=models)
    first = refreshed(folder / "root")
    shutil.copytree(folder / "root", folder / "bare", symlinks=True, ignore=shutil.ignore_patterns("backgrounds"))
    changed = [number * 7 % (sources // 2) for number in range(CHANGED * part)]
    classes |= {number: write(number, draw=1) for number in changed}
    classes |= {number: write(number) for number in range(sources, sources + ADDED * part)}
    removed = range(sources - REMOVED * part, sources)
    write_labels(photos, {number: name for number, name in classes.items() if number not in removed})
    second, third = refreshed(folder / "root"), refreshed(folder / "root")
    bare = refreshed(folder / "bare")
    counts = {name: second[name] for name in ("made", "added", "removed", "kept", "linked")}
    told = ", ".join(f"{value:g} {name}" for name, value in counts.items())
    ratio, nothing = second["seconds"] / first["seconds"], third["seconds"] / first["seconds"]
    text = f"build {first['seconds']:.1f} s of CPU, refresh {second['seconds']:.1f} s ({told}); ratio {ratio:.4f}"
    made = "backgrounds by models" if models else "edits without models"
    note(f"refresh of {sources} sources, {made}", text, ratio=ratio, **counts)
    ratio = bare["seconds"] / first["seconds"]
    note("refresh without kept backgrounds", f"{bare['seconds']:.1f} s; ratio {ratio:.4f}", ratio=ratio)
    note("refresh of nothing", f"{third['seconds']:.1f} s; ratio {nothing:.4f}", ratio=nothing)
    if fresh:
        _compare(recipe_of(labels, sources=sources, models=models), folder)


def _refreshed(labels: Path, root: Path, *, sources: int, models: bool) -> dict[str, float]:
    """Refresh, and return what that took and did."""
    # Of this process, which does all of it: on a busy machine wall time says little.
    began = time.process_time()
    with plan_refresh(recipe_of(labels, sources=sources, models=models), root, CPU, most=1.0) as work:
        if not work.done:
            if not work.ready:
                build(work.prepare(), progress=False)
            work.publish()
    seconds, changes = time.process_time() - began, work.changes
    tars = list((root / "versions" / work.version).glob("*/*.tar"))
    return {
        "seconds": seconds,
        "made": len(changes.made),
        "added": len(changes.added),
        "removed": len(changes.removed),
        "kept": changes.kept,
        "linked": sum(tar.stat().st_nlink > 1 for tar in tars),
    }


def _compare(recipe: Recipe, folder: Path) -> None:
    """Say which files of the refreshed version differ from those of a fresh build of its state."""
    recipe = recipe.model_copy(update={"version": "2.0.0"})
    build(prepare(make_plan(recipe), folder / "fresh", CPU), progress=False)
    new, fresh = folder / "root/versions/2.0.0", folder / "fresh"
    names = {str(path.relative_to(root)) for root in (new, fresh) for path in root.rglob("*") if path.is_file()}
    differing = sorted(name for name in names - OF_REFRESH if (new / name).read_bytes() != (fresh / name).read_bytes())
    note("files unlike those of a fresh build", ", ".join(differing) or "none", files=len(differing))
