"""What plans remember of files: nothing is read twice, and nothing that changed is believed."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.sources import reading
from editmill.pipelines.sources.remembered import FRESH, remembered, remembering
from tests.pipelines.photos import write_photos

OLD = time.time() - 100


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that was written long ago, and an empty cache."""
    monkeypatch.setenv("EDITMILL_CACHE", str(tmp_path / "cache"))
    later(monkeypatch)
    path = tmp_path / "file"
    path.write_bytes(b"one")
    return path


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all files be older than those that may still change without another time."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + FRESH)


class Reader:
    """Reads a file, and counts how often."""

    def __init__(self, path: Path) -> None:
        self.path, self.times = path, 0

    def __call__(self) -> str:
        self.times += 1
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def ask(self, *, rehash: bool = False, kind: str = "sha256") -> int:
        """Ask for the digest, and return how often the file has been read by now."""
        with remembering(rehash=rehash):
            assert remembered(self.path, kind, self) == hashlib.sha256(self.path.read_bytes()).hexdigest()
        return self.times


def test_an_unchanged_file_is_read_once(file: Path) -> None:
    read = Reader(file)
    assert [read.ask(), read.ask(), read.ask(kind="other"), read.ask(), read.ask(rehash=True)] == [1, 1, 2, 2, 3]


def replace(path: Path) -> None:
    """Put another file of the same size and time into the place."""
    found = path.stat()
    path.with_name("new").write_bytes(b"two")
    os.utime(path.with_name("new"), ns=(found.st_atime_ns, found.st_mtime_ns))
    os.replace(path.with_name("new"), path)


def rewrite(path: Path) -> None:
    """Write other bytes into it, and set its time back."""
    found = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"more"), replace, rewrite])
def test_a_changed_file_is_read_again(file: Path, change: object) -> None:
    read = Reader(file)
    read.ask()
    change(file)  # type: ignore[operator]
    assert [read.ask(), read.ask()] == [2, 2]


def test_a_file_that_may_still_be_written_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    read = Reader(path)
    assert [read.ask(), read.ask()] == [1, 2]


@pytest.mark.parametrize("cache", ["a file", "no database"])
def test_a_cache_that_fails_costs_nothing_but_time(file: Path, cache: str) -> None:
    folder = file.with_name("cache")
    if cache == "a file":
        folder.write_text("")
    else:
        folder.mkdir()
        (folder / "digests.sqlite").write_text("something else" * 1000)
    read = Reader(file)
    assert [read.ask(), read.ask()] == [1, 2]


def test_planning_again_reads_no_photograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITMILL_CACHE", str(tmp_path / "cache"))
    labels = write_photos(tmp_path / "photos", 6)
    (labels.parent / "images/p3.png").write_bytes(b"no picture")
    later(monkeypatch)
    recipe = load_recipe("imagenet-e", source=f"folder:{labels}", overrides=("generator.edits=[{name: original}]",))
    asked: list[str] = []
    read = reading.read_bytes
    monkeypatch.setattr(reading, "read_bytes", lambda path, *rest: (asked.append(path.name), read(path, *rest))[1])
    first = make_plan(recipe)
    assert len(asked) == 11, "six photographs and the masks of those that are pictures"
    asked.clear()
    again = make_plan(recipe)
    assert asked == ["p3.png"], "what can't be used is looked at again"
    assert (again.content, again.problems) == (first.content, first.problems)
    assert len(first.problems) == 1
    asked.clear()
    assert make_plan(recipe, rehash=True).content == first.content
    assert len(asked) == 11
