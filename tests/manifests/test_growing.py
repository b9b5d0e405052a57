"""A shard whose writer is stopped or killed goes on after its last whole group, and ends in the same bytes."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import signal
import tarfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from editmill.manifests import SampleRow, ShardStats, growing
from editmill.manifests.growing import PART_SUFFIX, Built, GrowingTar, remove_parts
from editmill.manifests.shard import ShardFacts, grow_shard
from tests.manifests.builder import EDITS, MEMBERS, NAME, SCORE_NAMES, make_members, make_row, make_sources

FACTS = ShardFacts(name=NAME, split="test", shard=0, fingerprint="f", members=MEMBERS, score_names=SCORE_NAMES)
KILLS = 50


def make_groups(sources: int) -> list[list[Built]]:
    """Make a group per source; of every third one a sample is rejected, with an infinite score."""
    return [
        [_made(make_row(source, edit, shards=1, reason=_reason(number, edit))) for edit in EDITS]
        for number, source in enumerate(make_sources(sources))
    ]


def _reason(number: int, edit: str) -> str:
    return "geometry_off" if number % 3 == 1 and edit == "full" else ""


def _made(row: SampleRow) -> Built:
    if row.status == "ok":
        return row, make_members(row)
    return row.model_copy(update={"scores": {"psnr": float("inf")}}), {}


class Stop(Exception):
    pass


def write(root: Path, groups: Sequence[list[Built]], *, until: int | None = None, fingerprint: str = "f") -> ShardStats:
    """Write the groups that are not there yet, and stop before group number ``until``."""

    def fill(tar: GrowingTar) -> None:
        done = len(tar.done) // len(EDITS)
        assert tar.state == ({"groups": done} if done else {})
        for number in range(done, len(groups)):
            if number == until:
                raise Stop
            tar.add(groups[number], {"groups": number + 1})

    return grow_shard(root, fill, resume=True, **{**FACTS, "fingerprint": fingerprint})  # type: ignore[typeddict-item]


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "test").iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("whole")
    write(root, make_groups(6))
    return files(root)


@pytest.mark.parametrize("until", range(6))
def test_a_stopped_shard_goes_on(tmp_path: Path, whole: dict[str, bytes], until: int) -> None:
    groups = make_groups(6)
    with pytest.raises(Stop):
        write(tmp_path, groups, until=until)
    # What is there already is not asked for again.
    write(tmp_path, [[]] * until + groups[until:])
    assert files(tmp_path) == whole


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tar=st.floats(0, 1), journal=st.floats(0, 1), flipped=st.sampled_from(["", "tar", "journal"]))
def test_what_was_torn_or_damaged_is_made_again(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, bytes], tar: float, journal: float, flipped: str
) -> None:
    root = tmp_path_factory.mktemp("torn")
    with pytest.raises(Stop):
        write(root, make_groups(6), until=5)
    for path, share in ((part(root), tar), (part(root, ".journal"), journal)):
        data = bytearray(path.read_bytes())
        if flipped == ("journal" if "journal" in path.name else "tar"):
            data[int(share * (len(data) - 1))] ^= 1
        else:
            del data[int(share * len(data)) :]
        path.write_bytes(data)
    write(root, make_groups(6))
    assert files(root) == whole


def part(root: Path, kind: str = "") -> Path:
    return root / "test" / f".{NAME}-000000.tar{kind}{PART_SUFFIX}"


def test_what_another_build_left_is_not_taken_over(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        write(tmp_path, make_groups(6), until=4, fingerprint="other")
    asked: list[int] = []

    def fill(tar: GrowingTar) -> None:
        asked.append(len(tar.done))

    grow_shard(tmp_path, fill, resume=True, **FACTS)
    assert asked == [0]


def test_leftovers_are_removed(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        write(tmp_path, make_groups(3), until=2)
    assert len(files(tmp_path)) == 2
    remove_parts(tmp_path / "test")
    assert files(tmp_path) == {}


def test_headers_are_those_of_tarfile(tmp_path: Path) -> None:
    write(tmp_path, make_groups(2))
    path = tmp_path / "test" / f"{NAME}-000000.tar"
    data = path.read_bytes()
    with tarfile.open(path) as tar:
        for info in tar:
            assert data[info.offset : info.offset + 512] == info.tobuf(tarfile.USTAR_FORMAT)


def test_a_kill_loses_one_group_at_most(tmp_path: Path) -> None:
    """Fifty kills within one shard, each somewhere in the making or the writing of a group."""
    groups, made, drawn = make_groups(100), tmp_path / "made", random.Random(3)
    write(tmp_path / "whole", groups)
    context = multiprocessing.get_context("fork")
    for _ in range(KILLS):
        child = context.Process(target=write_and_die, args=(tmp_path / "killed", groups, made, drawn.randint(1, 40)))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    write_and_die(tmp_path / "killed", groups, made, after=0)
    assert len(groups) < len(made.read_bytes()) <= len(groups) + KILLS
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def write_and_die(root: Path, groups: Sequence[list[Built]], made: Path, after: int) -> None:
    """Write on, and kill this process when members were read ``after`` times; ``made`` gets a byte per group."""
    steps = iter(range(1, after) if after else count())

    class Fatal(dict[str, bytes]):
        def __getitem__(self, suffix: str) -> bytes:
            if next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__getitem__(suffix)

    def fill(tar: GrowingTar) -> None:
        done = len(tar.done) // len(EDITS)
        for number, group in enumerate(groups[done:], start=done + 1):
            with made.open("ab") as stream:
                stream.write(b".")
            tar.add([(row, Fatal(members)) for row, members in group], {"groups": number})

    grow_shard(root, fill, resume=True, **FACTS)


def test_a_disk_that_fails_while_others_work_ends_the_shard_and_it_goes_on(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "SYNC_EVERY", 0.0)
    with monkeypatch.context() as broken:
        broken.setattr(growing.os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(OSError, match="broken") as caught:
            write(tmp_path, make_groups(6))
    assert caught.value.filename.endswith(".tar")
    write(tmp_path, make_groups(6))
    assert files(tmp_path) == whole
