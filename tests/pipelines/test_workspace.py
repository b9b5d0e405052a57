"""Output folders: whose they are, and messages about those that can't be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from editmill.manifests.errors import OccupiedError, RequestError
from editmill.manifests.locks import STALE
from editmill.manifests.seals import sealed
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.workspace import claim, lock_folder, write_run
from tests.manifests.builder import build_dataset
from tests.manifests.test_locks import foreign

MINE, OTHER = "a" * 64, "b" * 64


def test_a_new_folder_an_empty_one_and_a_begun_one_are_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "begun").mkdir()
    write_run(tmp_path / "begun", {"fingerprint": MINE})
    (tmp_path / "begun" / "guard_report.json").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for name in ("new/below", "empty", "begun", "link"):
        assert claim(tmp_path / name, MINE) is False
        assert MINE in (tmp_path / name / "run.json").read_text()


def test_a_folder_of_others_is_refused_and_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    (tmp_path / "photos" / "deep" / ".x.0.editmill-tmp").write_text("left by somebody's build in there")
    looked: list[str] = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path=".": (looked.append(os.fspath(path)), scan(path))[1])
    with pytest.raises(OccupiedError, match=r"not empty \(photos\) and holds no dataset") as told:
        claim(tmp_path, MINE)
    assert told.value.fix == "choose another --out"
    assert not any("deep" in path for path in looked)
    assert (tmp_path / "photos" / "deep" / ".x.0.editmill-tmp").exists()


def test_the_root_of_the_file_system_is_refused_at_once() -> None:
    with pytest.raises(OccupiedError, match="holds no dataset"):
        claim(Path("/"), MINE)


@pytest.mark.parametrize("run", [b"{", b"[]", b"\xff", sealed({"fingerprint": 5}), b'{"fingerprint":"a"}', None])
def test_a_damaged_run_file_costs_nothing_when_other_files_say_whose_the_folder_is(
    tmp_path: Path, run: bytes | None
) -> None:
    manifest = build_dataset(tmp_path)
    for unfinished in (False, True):
        if unfinished:
            (tmp_path / "manifest.json").unlink()
        if run is None:
            (tmp_path / "run.json").unlink()
        else:
            (tmp_path / "run.json").write_bytes(run)
        with pytest.raises(OccupiedError, match="another fingerprint"):
            claim(tmp_path, OTHER)
        assert claim(tmp_path, manifest.fingerprint) is not unfinished
        assert manifest.fingerprint in (tmp_path / "run.json").read_text()


def test_a_run_file_that_is_a_fifo_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.json")
    assert claim(tmp_path, MINE) is False
    assert (tmp_path / "run.json").is_file()


@pytest.mark.parametrize("name", ["file", "file/below", "dangling", "loop"])
def test_what_can_be_no_folder_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(RequestError, match="output folder can't be used") as caught:
        claim(tmp_path / name, MINE)
    assert caught.value.where == str(tmp_path / name)


def test_the_run_file_names_no_machine(tmp_path: Path) -> None:
    write_run(tmp_path, {"fingerprint": MINE})
    assert '"host"' not in (tmp_path / "run.json").read_text()


@pytest.mark.parametrize("age", [0.0, STALE + 5])
def test_temporaries_stay_while_another_machine_is_at_work(tmp_path: Path, age: float) -> None:
    write_run(tmp_path, {"fingerprint": MINE})
    temporary = tmp_path / "test" / ".x.parquet.0011aabb.editmill-tmp"
    temporary.parent.mkdir()
    temporary.write_bytes(b"written by a machine whose flock is not seen here")
    foreign(tmp_path / ".x-000000.editmill-lock", age=age)
    claim(tmp_path, MINE)
    assert temporary.exists() == (age == 0)


def test_a_folder_that_another_build_holds_is_refused(tmp_path: Path) -> None:
    foreign(tmp_path / ".build.editmill-lock")
    with pytest.raises(OccupiedError, match="in use by process 1 on elsewhere") as caught:
        lock_folder(tmp_path, MINE, wait=False)
    assert caught.value.exit_code == 2
    write_run(tmp_path, {"fingerprint": OTHER})
    (tmp_path / "guard_report.json").touch()
    with pytest.raises(OccupiedError, match="another fingerprint"):
        lock_folder(tmp_path, MINE, wait=True)


def test_a_lock_is_no_part_of_a_dataset(tmp_path: Path) -> None:
    manifest = build_dataset(tmp_path / "set")
    with lock_folder(tmp_path / "set", manifest.fingerprint, wait=False):
        report = verify_dataset(tmp_path / "set")
    assert report.problems == report.remarks == ()
    assert not list((tmp_path / "set").glob("*.editmill-lock"))
