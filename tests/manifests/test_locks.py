"""Locks between processes and machines: who lives, who is dead, and who wins."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from editmill.manifests import locks
from editmill.manifests.errors import DataError, OccupiedError
from editmill.manifests.locks import STALE, Holder, others_in, take


def foreign(path: Path, *, age: float = 0.0) -> Holder:
    """Write a lock of another machine that was renewed ``age`` seconds ago."""
    holder = Holder("elsewhere", "another boot", 1, "1", time.time() - 100, "ab")
    path.write_text(json.dumps(asdict(holder)))
    os.utime(path, (time.time() - age,) * 2)
    return holder


def test_a_lock_is_a_file_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / ".x.editmill-lock"
    with take(path, "it") as lock:
        lock.check()
        assert json.loads(path.read_text())["pid"] == os.getpid()
        with pytest.raises(OccupiedError, match=rf"it is in use by process {os.getpid()} on .* since 20") as refused:
            take(path, "it", wait=False)
        assert "60 seconds" not in str(refused.value), "of this machine it is seen at once"
        assert others_in(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
    take(path, "it")
    assert list(tmp_path.iterdir()) == [], "a lock that nobody refers to any more is released"


def test_a_second_process_waits_until_it_is_free(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / ".x.editmill-lock"
    lock = take(path, "it")
    waiting = threading.Thread(target=lambda: take(path, "it").release())
    waiting.start()
    time.sleep(0.1)
    assert waiting.is_alive()
    lock.release()
    waiting.join(5)
    assert not waiting.is_alive()
    assert [f"waiting for it, which process {os.getpid()} on" in line for line in caplog.messages] == [True]


@pytest.mark.parametrize(("age", "lives"), [(0.0, True), (STALE - 5, True), (STALE + 5, False)])
def test_a_lock_of_another_machine_lives_while_it_is_renewed(tmp_path: Path, age: float, lives: bool) -> None:
    path = tmp_path / ".x.editmill-lock"
    holder = foreign(path, age=age)
    assert others_in(tmp_path) == ({path: holder} if lives else {})
    assert path.exists() == lives
    if lives:
        with pytest.raises(OccupiedError, match="process 1 on elsewhere since"):
            take(path, "it", wait=False)
    else:
        take(path, "it", wait=False).release()


def test_of_this_machine_a_process_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from editmill.manifests.locks import take\n"
        "lock = take(Path(sys.argv[1]), 'it'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / ".x.editmill-lock"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert path.exists()
    take(path, "it", wait=False).release()
    # Its number may belong to another process by now.
    with take(path, "it"):
        told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "started": "0"}))
    take(path, "it", wait=False).release()


@pytest.mark.parametrize("text", ["", "garbage", "{}", "[]", '{"pid": "x"}', '{"token": 1}'])
def test_a_lock_that_says_nothing_lives_until_it_is_stale(tmp_path: Path, text: str) -> None:
    """It may be one that is just being written."""
    path = tmp_path / ".x.editmill-lock"
    path.write_text(text)
    with pytest.raises(OccupiedError, match=r"(?s)unknown process, since its lock can't be read.*gone when the lock"):
        take(path, "it", wait=False)
    os.utime(path, (time.time() - STALE - 5,) * 2)
    take(path, "it", wait=False).release()


def test_a_holder_renews_its_lock_and_notices_that_another_took_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "BEAT", 0.01)
    path = tmp_path / ".x.editmill-lock"
    with take(path, "it") as lock:
        os.utime(path, (0, 0))
        time.sleep(0.2)
        assert time.time() - path.stat().st_mtime < STALE
        other = foreign(path, age=1000)
        time.sleep(0.1)
        assert time.time() - path.stat().st_mtime > STALE
        with pytest.raises(DataError, match="took the work over"):
            lock.check()
    assert json.loads(path.read_text()) == asdict(other), "the other's lock stays"


def test_who_finds_the_lock_of_a_dead_one_replaced_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".x.editmill-lock"
    dead = foreign(path, age=1000)
    fresh = replace(dead, token="cd")
    # What was read is the dead one's, and by now the file is that of a faster process.
    read = locks._read
    seen = iter([dead])
    monkeypatch.setattr(locks, "_read", lambda path: next(seen, None) or read(path))
    path.write_text(json.dumps(asdict(fresh)))
    os.utime(path, (0, 0))
    assert locks.live_holder(path) is None
    assert json.loads(path.read_text()) == asdict(fresh)
    assert list(tmp_path.iterdir()) == [path]


def test_of_many_processes_one_at_a_time_holds_it(tmp_path: Path) -> None:
    path, busy = tmp_path / ".x.editmill-lock", tmp_path / "busy"
    foreign(path, age=1000)
    # Processes that are forked after a flow has run in this one end with code 1, whatever they do.
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=hold_alone, args=(path, busy, 20)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 3
    assert list(tmp_path.iterdir()) == []


def hold_alone(path: Path, busy: Path, times: int) -> None:
    locks.LOOK = 0.001
    for _ in range(times):
        with take(path, "it"):
            busy.touch(exist_ok=False)
            busy.unlink()
