from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from editmill.manifests.atomic import TEMPORARY_SUFFIX, atomic_file, atomic_write, remove_stale_temporaries
from editmill.manifests.folders import atomic_folder
from editmill.manifests.tarshard import write_tar


def test_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic_write(path, b"one")
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.json"]


def test_an_exception_leaves_the_old_content_and_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic_write(path, b"old")

    def interrupted() -> None:
        with atomic_file(path) as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_nothing_appears_before_the_end(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.tar") as stream:
        stream.write(b"x")
        stream.flush()
        assert not (tmp_path / "a.tar").exists()
        assert not list(tmp_path.glob("*.tar"))
    assert (tmp_path / "a.tar").exists()


def test_bytes_are_on_the_disk_before_their_name_and_that_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut leaves can't be tried, so this is the order in which the system is asked."""
    asked, flush, rename = list[str](), os.fsync, os.replace

    def flushed(descriptor: int) -> None:
        asked.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "bytes")
        flush(descriptor)

    def renamed(old: Path, new: Path) -> None:
        asked.append("name")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    atomic_write(tmp_path / "a", b"x")
    assert asked == ["bytes", "name", "folder"]


def test_files_follow_the_umask(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    atomic_write(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_killed_writers_file_is_removed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from editmill.manifests.atomic import atomic_file\n"
        "with atomic_file(sys.argv[1]) as stream:\n"
        "    stream.write(b'half'); stream.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    folder = tmp_path / "test"
    folder.mkdir()
    done = subprocess.run([sys.executable, "-c", code, str(folder / "a.tar")], check=False)
    assert done.returncode == -signal.SIGKILL
    left = list(folder.iterdir())
    assert len(left) == 1
    assert remove_stale_temporaries(tmp_path) == left
    assert not list(folder.iterdir())


def test_a_living_writers_file_is_kept(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.tar") as stream:
        stream.write(b"x")
        assert remove_stale_temporaries(tmp_path) == []
    assert (tmp_path / "a.tar").read_bytes() == b"x"


def test_other_hidden_files_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".keep").write_bytes(b"")
    (tmp_path / f"visible{TEMPORARY_SUFFIX}").write_bytes(b"")
    assert remove_stale_temporaries(tmp_path) == []


@pytest.fixture
def little_space() -> Iterator[None]:
    """Files can't grow beyond 64 KiB, which fails as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def parquet(path: Path) -> None:
    table = pa.table({"x": [os.urandom(1000) for _ in range(200)]})
    with atomic_file(path) as stream, pq.ParquetWriter(stream, table.schema) as writer:
        writer.write_table(table)


def folder(path: Path) -> None:
    with atomic_folder(path) as made:
        (made / "big").write_bytes(bytes(1 << 17))


@pytest.mark.usefixtures("little_space")
@pytest.mark.parametrize(
    "write",
    [
        lambda path: atomic_write(path, bytes(1 << 17)),
        lambda path: write_tar(path, [(f"k{number}", {"png": bytes(1000)}) for number in range(200)]),
        parquet,
        folder,
    ],
)
def test_a_full_disk_is_told_with_the_place(tmp_path: Path, write: Callable[[Path], object]) -> None:
    with pytest.raises(OSError, match="File too large") as caught:
        write(tmp_path / "data")
    assert caught.value.filename == str(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_files_that_are_read_meanwhile_keep_their_names(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, atomic_file(tmp_path / "data"):
        (tmp_path / "other").read_bytes()
    assert caught.value.filename == str(tmp_path / "other")
