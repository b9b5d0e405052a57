"""Folders appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.manifests.atomic import TEMPORARY_SUFFIX
from editmill.manifests.errors import OccupiedError
from editmill.manifests.folders import atomic_folder


def test_a_folder_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a/b"
    with atomic_folder(target) as folder:
        (folder / "x").write_text("x")
        assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == ["b"]
    assert (target / "x").read_text() == "x"


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), atomic_folder(tmp_path / "a") as folder:
        folder.write_text("a folder is no file")
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_taken_and_a_full_one_refused(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.mkdir()
    with atomic_folder(target) as folder:
        (folder / "x").write_text("x")
    with pytest.raises(OccupiedError) as caught, atomic_folder(target):
        pass
    assert caught.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (target / "x").read_text() == "x"


def test_what_a_dead_writer_left_is_removed_and_a_living_ones_stays(tmp_path: Path) -> None:
    dead = tmp_path / f".a.0011aabb{TEMPORARY_SUFFIX}"
    dead.mkdir()
    (dead / "x").write_text("x")
    with atomic_folder(tmp_path / "a") as first:
        assert not dead.exists()
        with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "a"):
            raise ZeroDivisionError
        (first / "x").write_text("x")
    assert (tmp_path / "a/x").exists()
