"""Mutations: files of a small dataset are damaged in every way, and every reader is asked.

A reader may read on or raise an error of editmill that names the file, but no other exception, within a bounded time.
``verify`` has to name what was damaged. Half of the damage is vouched for by the manifest, so that decoders meet it
instead of digests.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from editmill.evaluators import exporters
from editmill.evaluators.registry import EVALUATORS
from editmill.manifests.errors import EditmillError, OccupiedError
from editmill.manifests.reader import open_dataset
from editmill.manifests.rows import iter_rows
from editmill.manifests.seals import sealed
from editmill.manifests.stats import finished_shard, read_stats
from editmill.manifests.tarshard import index_tar, read_tar
from editmill.manifests.verify import VerifyReport, verify_dataset
from editmill.pipelines.workspace import claim
from tests.manifests.builder import build_dataset, reseal

SECONDS = 20
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**400,
    1e308,
    float("nan"),
    "",
    "../../etc/passwd",
    "/etc/passwd",
    "a\0b",
    "\ud800",
    "x" * 100_000,
    [],
    {},
    [[[]]],
    {"": {"": None}},
)


def run(count: int, folder: Path, *, seed: int = 0) -> list[str]:
    """Damage a dataset ``count`` times and return what was wrong, a line each."""
    drawn, failures = random.Random(seed), list[str]()
    build_dataset(folder / "whole", sources=2, shards=2)
    names = sorted(str(path.relative_to(folder / "whole")) for path in (folder / "whole").rglob("*") if path.is_file())
    for trial in range(count):
        root = folder / "damaged"
        shutil.copytree(folder / "whole", root)
        # One file after the other, so that each has its turn.
        name = names[trial % len(names)]
        what = _damage(root, name, drawn)
        failures += [f"{trial}: {name}, {what}: {failure}" for failure in _failures(root, name, what)]
        shutil.rmtree(root)
    return failures


def _damage(root: Path, name: str, drawn: random.Random) -> str:
    """Damage a file in some way; return which, with ``vouched`` where the manifest has the new digest."""
    path = root / name
    ways = [_bytes, _bytes, _place]
    ways += [_json, _json] if name.endswith(".json") else []
    ways += [_table, _table] if name.endswith(".parquet") else []
    what = drawn.choice(ways)(path, drawn)
    if drawn.random() < 0.5 and path.is_file() and name not in ("manifest.json", "run.json"):
        try:
            reseal(root)
        except EditmillError:
            return what
        return f"{what}, vouched"
    return what


def _bytes(path: Path, drawn: random.Random) -> str:
    data = bytearray(path.read_bytes())
    place, length = drawn.randrange(len(data)), drawn.randint(1, 64)
    way = drawn.choice(["flip", "flip", "cut", "zeros", "insert", "append", "empty"])
    if way == "flip":
        for _ in range(drawn.choice([1, 1, 8])):
            data[drawn.randrange(len(data))] ^= 1 << drawn.randrange(8)
    elif way == "cut":
        del data[place:]
    elif way == "zeros":
        # Ones where there are zeros already.
        data[place : place + length] = bytes(length) if any(data[place : place + length]) else b"\x01" * length
    elif way == "insert":
        data[place:place] = drawn.randbytes(length)
    elif way == "append":
        data += drawn.randbytes(length)
    else:
        data.clear()
    path.write_bytes(data)
    return f"{way} at {place}"


def _place(path: Path, drawn: random.Random) -> str:
    path.unlink()
    ways: dict[str, Callable[[], object]] = {
        "absent": lambda: None,
        "fifo": lambda: os.mkfifo(path),
        "folder": lambda: path.mkdir(),
        "loop": lambda: path.symlink_to(path.name),
        "dangling": lambda: path.symlink_to("nothing"),
        "device": lambda: path.symlink_to("/dev/zero"),
    }
    way = drawn.choice(sorted(ways))
    ways[way]()
    return way


def _json(path: Path, drawn: random.Random) -> str:
    document = json.loads(path.read_bytes())
    places = list(_places(document))
    holder, key = drawn.choice(places)
    way = drawn.choice(["odd", "odd", "delete", "swap", "add", "deep", "list"])
    if way == "delete":
        del holder[key]
    elif way == "swap":
        other, place = drawn.choice(places)
        holder[key], other[place] = json.loads(json.dumps([other[place], holder[key]]))
    elif way == "add":
        document[drawn.choice(["more", "digest", "members", "\udcff"])] = drawn.choice(ODD)
    elif way == "list":
        document = [document]
    else:
        holder[key] = drawn.choice(ODD)
    if way == "deep":
        path.write_text("[" * 100_000 + "]" * 100_000)
    elif drawn.random() < 0.5 and isinstance(document, dict):
        document.pop("digest", None)
        try:
            path.write_bytes(sealed(document))
            return f"{way} {key}, sealed"
        except EditmillError:
            path.write_text(json.dumps(document))
    else:
        path.write_text(json.dumps(document))
    return f"{way} {key}"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place within a JSON value, as the container and the key or index."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _table(path: Path, drawn: random.Random) -> str:
    table = pq.ParquetFile(path).read()
    position = drawn.randrange(table.num_columns)
    field, column = table.schema.field(position), table.column(position)
    way = drawn.choice(["rename", "drop", "type", "null", "not text", "values", "rows", "repeat"])
    if way == "rename":
        names = [*table.column_names[:position], "renamed", *table.column_names[position + 1 :]]
        table = table.rename_columns(names)
    elif way == "drop":
        table = table.remove_column(position)
    elif way == "type":
        table = table.set_column(position, field.name, pa.array([b"\xff"] * table.num_rows))
    elif way == "null":
        table = table.set_column(position, field.with_nullable(True), pa.nulls(table.num_rows, field.type))
    elif way == "not text" and field.type == pa.string():
        broken = pa.array([b"\xff\xfe"] * table.num_rows, pa.binary()).view(pa.string())
        table = table.set_column(position, field, broken)
    elif way == "values" and field.type == pa.int64():
        values = pa.array([drawn.choice([-1, 2**62, 7])] * table.num_rows, pa.int64())
        table = table.set_column(position, field, values)
    elif way == "rows":
        table = table.slice(1)
    else:
        table = table.set_column(position, field, column.take(pa.array([0] * table.num_rows)))
    pq.write_table(table, path)
    return f"{way} of column {field.name}"


def _failures(root: Path, name: str, what: str) -> Iterator[str]:
    readers: dict[str, Callable[[], object]] = {
        "reader": lambda: _read(root),
        "random access": lambda: [open_dataset(root)[key] for key in open_dataset(root).keys()],  # noqa: SIM118
        "rows": lambda: _rows(root),
        "stats": lambda: [read_stats(path) for path in root.glob("*/*_stats.json") if path.exists()],
        "shard": lambda: [
            finished_shard(root / "test", f"tiny-00000{shard}", fingerprint="", deep=True) for shard in range(2)
        ],
        "tar": lambda: [(index_tar(path), list(read_tar(path))) for path in root.glob("*/*.tar")],
        "export": lambda: exporters()["imagenet-e"].write(open_dataset(root), root / "export", progress=False),
        "remarks": lambda: EVALUATORS.get("attribute").remarks(open_dataset(root)),
        "claim": lambda: claim(root, "0" * 64),
    }
    try:
        with _limit():
            report = verify_dataset(root)
        # Differences that digests vouch for may be none, such as another column of equal values.
        if "vouched" not in what and "sealed" not in what and not _named(report, name, what):
            yield f"verify does not name it: {[*report.problems, *report.remarks]}"
    except Exception as error:
        yield f"verify: {type(error).__name__}: {error}"
    for reader, ask in readers.items():
        try:
            with _limit():
                ask()
        except OccupiedError:
            # The folder's, which the message names, and not one that this build may take.
            pass
        except EditmillError as error:
            unnamed = "vouched" not in what and not any(part in str(error) for part in (name, "manifest", "run.json"))
            if unnamed or len(str(error)) > 2000:
                yield f"{reader}: {str(error)[:300]!r} names no file or is long"
        except Exception as error:
            yield f"{reader}: {type(error).__name__}: {str(error)[:300]}"


def _named(report: VerifyReport, name: str, what: str) -> bool:
    # How a run went need not be there.
    gone = name == "run.json" and what in ("absent", "dangling", "loop")
    unchanged = what.startswith(("swap", "values", "repeat")) and report.ok
    return gone or unchanged or name in {one.path for one in (*report.problems, *report.remarks)}


def _read(root: Path) -> None:
    for sample in open_dataset(root):
        _ = sample.label, sample.image(), sample.mask(), sample.json()
    dataset = open_dataset(root)
    for edit in dataset.edits():
        list(dataset.select(edit=edit))


def _rows(root: Path) -> None:
    opened = open_dataset(root)
    list(iter_rows(opened.table, members=opened.manifest.members, score_names=opened.manifest.score_names))


@contextmanager
def _limit() -> Iterator[None]:
    """Raise TimeoutError in what takes too long, such as opening a FIFO."""

    def expire(number: int, frame: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
