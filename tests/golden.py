"""Golden builds: every recipe on two sources with the embedded pack, to show that a change of the code changes no byte.

    python -m tests.golden build DIR            every recipe into DIR/NAME (minutes; two processes on the CPU)
    python -m tests.golden compare BEFORE AFTER what differs, field by field; exit 1 for any difference
    python -m tests.golden close BEFORE AFTER   of a change in the last bits, as by `build --batch 4`: how far pixels
                                                and scores are apart; exit 1 for another byte of an object, for what is
                                                beyond the tolerance, and for another decision, but where a score
                                                crosses its limit within its tolerance

Compared is what a reader finds: members, rows, manifest. Where a member or a row lies in its file is left out, and so
are the fields that name the build itself (fingerprint, inputs, commit).
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from PIL import Image

from editmill.manifests.guard_report import find_guard_report
from editmill.manifests.manifest import read_manifest
from editmill.manifests.store import Store
from editmill.pipelines.registry import family_of

# By place and field.
Facts = dict[tuple[str, str], Any]

TWO = ("source.count=2", "shards=2")
LENIENT = ("calibration.source.count=16", "guard.far_upper_limit=1", "guard.frr_limit=1")
SMALL = ("source.size=128", "generator.side=128", "generator.least_pixels=16384")
RECIPES: dict[str, tuple[str, ...]] = {
    "demo": TWO,
    "imagenet-e": TWO,
    "imagenet-e-faithful": TWO,
    "imagenet-e-published": TWO,
    "xmai": TWO,
    "dilution": TWO,
    "watermark": TWO,
    "watermark-ctrlregen": (*TWO, *SMALL),
    "fmr": (*TWO, "generator.budget=3", *LENIENT),
    "imagenet-g": (*TWO, "generator.quota=2", *LENIENT),
}
# Families whose pictures share calls by a number of their recipe.
OWN_BATCH = ("fmr", "imagenet-g")
# How far scores of pictures may be apart that were made in other batches: by default; where a network's last bits can
# move the edge of a mask; and of measures in grey levels, after guidance at every step.
TOLERANCE = 2e-4
TOLERANCES = {"score_expansion": 2e-3, "score_mask_iou": 2e-3, "score_complexity": 1e-2, "score_contrast": 1e-2}
# Levels of 255 by which such pictures may differ outside of objects, and the share of a picture's values that may
# differ by more: matching histograms carries a rare colour that is a level off over a gap in the reference's colours.
LEVELS, RARE = 4, 1e-4
# Fields that name the build, or where something lies in a file.
BUILD = frozenset({"fingerprint", "inputs", "code_commit", "code_version", "shards", "environment", "files", "digest"})


def build(folder: Path, names: list[str], batch: int) -> int:
    """Build recipes that are not there yet, with so many pictures in a call; return the number of failures."""
    failures = 0
    for name in names or list(RECIPES):
        changes = [argument for change in RECIPES[name] for argument in ("--set", change)]
        own = ("--set", f"generator.batch={batch}") if name in OWN_BATCH else ()
        command = [sys.executable, "-m", "editmill", "build", name, *changes, *own, "--batch", str(batch)]
        done = subprocess.run([*command, "--device", "cpu", "--workers", "2", "--out", str(folder / name)], check=False)
        failures += done.returncode != 0
        print(f"{name}: exit code {done.returncode}")
    return failures


def facts(dataset: Path) -> Iterator[tuple[str, str, Any]]:
    """Yield place, field and value of everything that a dataset says."""
    manifest = json.loads((dataset / "manifest.json").read_bytes())
    for name, value in _leaves(manifest):
        if name.partition(".")[0] not in BUILD:
            yield "manifest", name, value
    for path in sorted(dataset.glob("*/*.tar")):
        yield from _members(path)
    for row in pq.read_table(dataset / "samples.parquet").to_pylist():
        yield from _row(row)


def _members(path: Path) -> Iterator[tuple[str, str, Any]]:
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, suffix = member.name.partition(".")
            stream = tar.extractfile(member)
            assert stream is not None
            data = stream.read()
            if suffix != "json":
                yield f"member {key}", suffix, sha256(data).hexdigest()
                continue
            for name, value in json.loads(data).items():
                if name not in BUILD:
                    yield f"json {key}", name, value


def _row(row: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for name, value in row.items():
        if name == "parameters":
            for parameter, found in json.loads(value).items():
                yield f"row {row['key']}", f"parameters.{parameter}", found
        elif not name.endswith(("_offset", "_size")) and name != "json_sha256":
            yield f"row {row['key']}", name, None if value != value else value


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, f"{name}.{key}" if name else key)
    else:
        yield name, value


def _by_place(dataset: Path) -> Facts:
    return {(place, field): value for place, field, value in facts(dataset)}


def compare(before: Path, after: Path) -> int:
    """Print what differs between two folders of datasets; return the number of differing fields."""
    names, total = _in_both(before, after)
    for name in names:
        old, new = (_by_place(folder / name) for folder in (before, after))
        changed: Counter[tuple[str, str, str]] = Counter()
        examples = {}
        for place, field in sorted(old.keys() | new.keys()):
            one, two = old.get((place, field), "(absent)"), new.get((place, field), "(absent)")
            if one != two:
                what = "gone" if two == "(absent)" else "new" if one == "(absent)" else "changed"
                group = (place.partition(" ")[0], field, what)
                changed[group] += 1
                examples.setdefault(group, f"{place}: {str(one)[:70]} -> {str(two)[:70]}")
        print(f"{name}: {len(old)} facts, {sum(changed.values())} differ")
        for group, count in sorted(changed.items()):
            print(f"  {' '.join(group)}: {count}, such as {examples[group]}")
        total += sum(changed.values())
    return total


def _in_both(before: Path, after: Path) -> tuple[list[str], int]:
    """Return the datasets that both folders have, and how many one of them lacks; two empty ones lack one."""
    old, new = ({path.parent.name for path in folder.glob("*/manifest.json")} for folder in (before, after))
    for name in sorted(old ^ new):
        print(f"{name}: absent from {after if name in old else before}")
    return sorted(old & new), len(old ^ new) or not old


def close(before: Path, after: Path) -> int:
    """Print how far two folders of datasets are apart; return how much is further apart than it may be."""
    names, total = _in_both(before, after)
    for name in names:
        old, new = (_by_place(folder / name) for folder in (before, after))
        decided = _decided_otherwise(old, new)
        narrow = {row for row in decided if _crosses(row, old, new, _limits(before / name))}
        apart = _scores_apart(old, new, but=decided)
        pixels, farthest, objects = _pixels_apart(before / name, after / name)
        beyond = [score for score, value in apart.items() if value > TOLERANCES.get(score, TOLERANCE)]
        most = ", ".join(f"{score} {value:.2g}" for score, value in sorted(apart.items()) if value)
        print(
            f"{name}: {len(decided)} decisions ({len(narrow)} at a limit) and {objects} objects differ; "
            f"pixels by at most {farthest}, all but rare ones by {pixels}; "
            f"beyond the tolerance: {', '.join(beyond) or 'none'}; {most}"
        )
        total += len(decided) - len(narrow) + objects + len(beyond) + (pixels > LEVELS)
    return total


def _decided_otherwise(old: Facts, new: Facts) -> set[str]:
    """Return the rows whose decisions differ, or that only one of two datasets has."""
    shown = {place for place in old.keys() | new.keys() if place[1] in ("status", "reasons")}
    return {row for row, field in shown if row.startswith("row ") and old.get((row, field)) != new.get((row, field))}


def _scores_apart(old: Facts, new: Facts, *, but: Collection[str]) -> dict[str, float]:
    """Return by score how far two datasets are apart; infinitely where only one of them has it."""
    apart = dict[str, float]()
    for row, field in old.keys() | new.keys():
        if field.startswith("score_") and row not in but:
            one, two = old.get((row, field)), new.get((row, field))
            if one != two:
                found = math.inf if one is None or two is None else abs(one - two)
                apart[field] = max(apart.get(field, 0.0), found)
    return apart


def _limits(dataset: Path) -> list[tuple[str, float]]:
    """Return the scores of a dataset that have limits, with these; those relative to another score are left out."""
    manifest, report = read_manifest(dataset), find_guard_report(Store(dataset))
    regating = family_of(manifest.generator).regating
    if regating is None:
        return []
    guard = manifest.recipe["guard"]
    fields = {field: score for field, score in regating.limited.items() if score and field not in regating.relative}
    reported = [(score, value) for score, value, _ in regating.reported_limits(report)] if report else []
    limits = [*((score, guard[field]) for field, score in fields.items() if guard[field] is not None), *reported]
    return [(f"score_{score}", value) for score, value in limits]


def _crosses(row: str, old: Facts, new: Facts, limits: Iterable[tuple[str, float]]) -> bool:
    """Return whether a score of a row is on another side of its limit, and no further than its tolerance allows."""
    for score, limit in limits:
        one, two = old.get((row, score)), new.get((row, score))
        if one is not None and two is not None and one != two and min(one, two) <= limit <= max(one, two):
            return bool(abs(one - two) <= TOLERANCES.get(score, TOLERANCE))
    return False


def _pixels_apart(before: Path, after: Path) -> tuple[int, int, int]:
    """Return the largest difference of two samples' pixels without and with rare ones, and how many differ where their
    masks are 255.
    """
    common, farthest, objects = 0, 0, 0
    old, new = (_pictures(folder) for folder in (before, after))
    for name in (one for one in old.keys() & new.keys() if one.endswith("/png") and old[one] != new[one]):
        change = np.abs(_decoded(old[name]) - _decoded(new[name]))
        mask = old.get(name.removesuffix("png") + "mask.png")
        common = max(common, int(np.quantile(change, 1 - RARE, method="lower")))
        farthest = max(farthest, int(change.max()))
        objects += mask is not None and bool(change[_decoded(mask) == 255].any())
    return common, farthest, objects


def _pictures(dataset: Path) -> dict[str, bytes]:
    """Return the pictures of a dataset of whatever version, by key, a slash and suffix."""
    found = {}
    for path in dataset.glob("*/*.tar"):
        with tarfile.open(path) as tar:
            for member in (one for one in tar if one.name.endswith("png")):
                stream = tar.extractfile(member)
                assert stream is not None
                found[member.name.replace(".", "/", 1)] = stream.read()
    return found


def _decoded(data: bytes) -> npt.NDArray[np.int16]:
    return np.asarray(Image.open(BytesIO(data)), np.int16)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build")
    building.add_argument("folder", type=Path)
    building.add_argument("names", nargs="*", help=f"of {', '.join(RECIPES)}; all by default")
    building.add_argument("--batch", type=int, default=1, help="pictures in a call of a network  [default: 1]")
    ways = {"compare": compare, "close": close}
    for name in ways:
        comparing = commands.add_parser(name)
        comparing.add_argument("before", type=Path)
        comparing.add_argument("after", type=Path)
    asked = parser.parse_args()
    if asked.command == "build":
        return int(bool(build(asked.folder, asked.names, asked.batch)))
    return int(bool(ways[asked.command](asked.before, asked.after)))


if __name__ == "__main__":
    sys.exit(main())
