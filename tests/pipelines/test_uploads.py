"""Builds into object stores: what arrives, what goes on, and what is told before anything is made."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner

from editmill.flows.cli import main
from editmill.manifests import urls
from editmill.manifests.errors import EditmillError, OccupiedError
from editmill.manifests.manifest import MANIFEST, README, RUN
from editmill.manifests.reader import open_dataset
from editmill.manifests.records import FileRecord
from editmill.manifests.remote import RemoteFolder
from editmill.manifests.stats import STATS_SUFFIX, parse_stats
from editmill.manifests.verify import verify_dataset
from editmill.pipelines import shard
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import Plan
from tests.pipelines.conftest import PLACEMENT, MakePlan
from tests.pipelines.photos import write_photos
from tests.stores import Faults, Killed, TornFileSystem

SMALL = ("generator.edits=[{name: original}, {name: paste-back}]", "shards=3")


@pytest.fixture
def url(request: pytest.FixtureRequest, s3: Faults) -> Iterator[str]:
    """A folder in a store of the protocol that the test asks for, S3 where it asks for none."""
    protocol = getattr(request, "param", "s3")
    yield f"{protocol}://bucket/sets/one"
    s3.share, s3.read_only, TornFileSystem.share = 0.0, False, 0.0
    filesystem = fsspec.filesystem(protocol)
    if filesystem.exists("bucket/sets"):
        filesystem.rm("bucket/sets", recursive=True)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("local") / "set"


@pytest.fixture
def dataset(local: Path, tiny_plan: MakePlan) -> dict[str, bytes]:
    """What the same build puts into a folder; built once."""
    if not local.exists():
        build(prepare(tiny_plan(*SMALL), local, PLACEMENT), progress=False)
    return {str(path.relative_to(local)): path.read_bytes() for path in local.rglob("*") if path.is_file()}


def run(plan: Plan, url: str, scratch: Path) -> None:
    build(prepare(plan, url, PLACEMENT, scratch=scratch), progress=False)


def objects(url: str) -> dict[str, bytes]:
    folder = RemoteFolder(url)
    return {name: folder.read(name) for name in folder.names()}


def check_none_torn(url: str) -> None:
    """Make sure that a shard with stats is whole, and a dataset with a manifest too."""
    folder, found = RemoteFolder(url), objects(url)
    for name, data in found.items():
        if name.endswith(STATS_SUFFIX):
            stats = parse_stats(data, where=name)
            assert folder.holds(stats.tar, read=True)
            assert folder.holds(stats.rows, read=True)
    if MANIFEST in found:
        assert verify_dataset(url).problems == ()


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the shards that are rendered, in turn."""
    numbers: list[int] = []
    fill = shard._fill

    def counting(task: shard.ShardTask, *rest: Any) -> None:
        numbers.append(task.shard)
        fill(task, *rest)

    monkeypatch.setattr(shard, "_fill", counting)
    return numbers


@pytest.mark.parametrize("url", ["s3", "memory"], indirect=True)
def test_a_store_gets_the_bytes_of_a_folder(
    url: str, dataset: dict[str, bytes], tiny_plan: MakePlan, tmp_path: Path, rendered: list[int]
) -> None:
    if url.startswith("s3:"):
        # As consoles of stores mark folders.
        for mark in ("", "test/"):
            key = f"{url.removeprefix('s3://bucket/')}/{mark}"
            fsspec.filesystem("s3").call_s3("put_object", Bucket="bucket", Key=key, Body=b"")
    run(tiny_plan(*SMALL), url, tmp_path)
    found = objects(url)
    assert {name: data for name, data in found.items() if name != RUN} == {
        name: data for name, data in dataset.items() if name != RUN
    }
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [RUN]
    assert verify_dataset(url).ok
    assert len(list(open_dataset(url))) == open_dataset(url).manifest.samples
    assert rendered == [0, 1, 2]
    with pytest.raises(OccupiedError, match="another fingerprint"):
        prepare(tiny_plan(*SMALL, "seed=9"), url, PLACEMENT, scratch=tmp_path / "other")
    # On another machine, when people have written on the card.
    shutil.rmtree(tmp_path)
    found[README] += b"More about it.\n"
    fsspec.filesystem(url.partition(":")[0]).pipe_file(f"{url}/{README}", found[README])
    prepared = prepare(tiny_plan(*SMALL), url, PLACEMENT, scratch=tmp_path)
    assert prepared.complete
    assert (prepared.out / RUN).read_bytes() == found[RUN], "what a build has to know that was begun elsewhere"
    prepared.lock.release()
    assert objects(url) == found


@pytest.mark.parametrize("url", [pytest.param("s3", marks=pytest.mark.slow), "memory"], indirect=True)
def test_a_build_that_was_killed_between_uploads_goes_on_elsewhere(
    url: str,
    dataset: dict[str, bytes],
    tiny_plan: MakePlan,
    tmp_path: Path,
    rendered: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put, left = RemoteFolder.put, [0]

    def dying(self: RemoteFolder, file: Path, record: FileRecord) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        put(self, file, record)

    monkeypatch.setattr(RemoteFolder, "put", dying)
    # The run file, then the tar and the rows of a shard; then its stats; then all three of the next; then some files.
    for turn, (uploads, begun) in enumerate([(3, [0]), (4, [0, 1]), (4, [1, 2]), (7, [2]), (99, [])]):
        left[0] = uploads
        rendered.clear()
        try:
            run(tiny_plan(*SMALL), url, tmp_path / str(turn))
        except Killed:
            assert MANIFEST not in RemoteFolder(url).names()
        check_none_torn(url)
        assert rendered == begun
    assert {**objects(url), RUN: b""} == {**dataset, RUN: b""}


@pytest.mark.parametrize("url", [pytest.param("s3", marks=pytest.mark.slow), "torn"], indirect=True)
def test_faults_tear_nothing_and_leave_no_early_manifest(
    url: str,
    dataset: dict[str, bytes],
    tiny_plan: MakePlan,
    tmp_path: Path,
    s3: Faults,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(urls, "WAITS", (0.0, 0.0))
    for attempt in range(20):
        s3.share = TornFileSystem.share = 0.2
        try:
            run(tiny_plan(*SMALL), url, tmp_path / str(attempt % 2))
            break
        except (OSError, EditmillError):
            continue
        finally:
            s3.share = TornFileSystem.share = 0.0
            check_none_torn(url)
    assert {**objects(url), RUN: b""} == {**dataset, RUN: b""}
    assert s3.count > 0 or url.startswith("torn")


@pytest.mark.slow
def test_damaged_objects_are_mended(url: str, tiny_plan: MakePlan, tmp_path: Path, rendered: list[int]) -> None:
    run(tiny_plan(*SMALL), url, tmp_path / "one")
    before, rendered[:] = objects(url), []
    tar = next(name for name in before if name.endswith("1.tar"))
    filesystem = fsspec.filesystem("s3")
    filesystem.pipe_file(f"{url}/{tar}", before[tar][:-512])
    filesystem.pipe_file(f"{url}/croissant.json", b"{}")
    filesystem.pipe_file(f"{url}/README.md", before["README.md"] + b"More about it.\n")
    run(tiny_plan(*SMALL), url, tmp_path / "two")
    assert rendered == [1]
    edited = {"README.md": before["README.md"] + b"More about it.\n", RUN: b""}
    assert {**objects(url), RUN: b""} == {**before, **edited}


@pytest.mark.slow
def test_another_dataset_is_not_touched(url: str, tiny_plan: MakePlan, tmp_path: Path) -> None:
    run(tiny_plan(*SMALL), url, tmp_path)
    before = objects(url)
    with pytest.raises(OccupiedError, match="another fingerprint"):
        prepare(tiny_plan(*SMALL, "seed=9"), url, PLACEMENT, scratch=tmp_path)
    fsspec.filesystem("s3").rm_file(f"{url}/{RUN}")
    with pytest.raises(OccupiedError, match="another fingerprint"):
        prepare(tiny_plan(*SMALL, "seed=9"), url, PLACEMENT, scratch=tmp_path / "other")
    del before[RUN]
    assert objects(url) == before
    # A manifest that came up meanwhile stays.
    (tmp_path / MANIFEST).write_bytes(b"{}")
    with pytest.raises(OccupiedError, match="another build"):
        RemoteFolder(url).create(tmp_path / MANIFEST, FileRecord(path=MANIFEST, bytes=2, sha256="0" * 64))
    assert objects(url) == before


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("s3://no-such-bucket/set", "bucket does not exist"),
        ("s3://bucket/read-only", "Access Denied"),
        ("gs://bucket/set", "gcsfs"),
        ("https://host/set", "no object store"),
        ("nosuch://bucket/set", "nosuch"),
    ],
)
def test_what_can_not_be_written_is_told_before_anything_is_made(
    to: str, words: str, url: str, s3: Faults, photos: Path, tiny_pack: Path, tmp_path: Path, rendered: list[int]
) -> None:
    s3.read_only = to.endswith("read-only")
    recipe = ("imagenet-e", "--source", f"folder:{photos}", "--models", str(tiny_pack), "--device", "cpu")
    recipe = (*recipe, "--set", "generator.edits=[{name: original}]")
    result = CliRunner().invoke(main, ["build", *recipe, "--out", to, "--scratch", str(tmp_path)])
    assert result.exit_code == 2, result.output
    assert result.output.count("error:") == 1
    assert words in result.output
    assert "fix:" in result.output
    assert rendered == []


@pytest.mark.parametrize(
    ("command", "silent"),
    [
        ("verify s3://nobody/set", False),
        ("verify s3://nobody/set", True),
        # Before it is planned: there is no such source.
        ("build imagenet-e --source folder:no-such --out s3://nobody/set", False),
    ],
)
def test_a_store_that_does_not_answer_is_told_soon(
    command: str, silent: bool, s3: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urls, "FIRST", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        if not silent:
            server.close()
        started = time.monotonic()
        result = CliRunner().invoke(main, command.split())
        # Tries of the libraries alone take twice that.
        assert time.monotonic() - started < 8
    assert (result.exit_code, result.output.count("error: the store can't be reached")) == (2, 1), result.output
    assert ("no answer within 1 s" in result.output) == silent


@pytest.mark.slow
def test_versions_in_a_store_are_refreshed(
    url: str, s3: Faults, tiny_pack: Path, tmp_path: Path, rendered: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = write_photos(tmp_path / "photos", 4)
    command = ["refresh", "imagenet-e", "--source", f"folder:{labels}", "--models", str(tiny_pack), "--device", "cpu"]
    command += [
        "--set",
        SMALL[0],
        "--set",
        SMALL[1],
        "--set",
        "version=1.0.0",
        "--workers",
        "1",
        "--max-change",
        "100%",
    ]

    def refresh(scratch: str) -> str:
        result = CliRunner().invoke(main, [*command, "--root", url, "--scratch", str(tmp_path / scratch)])
        assert result.exit_code == 0, result.output
        assert verify_dataset(url).ok
        return open_dataset(url).manifest.version

    assert refresh("one") == "1.0.0"
    before = objects(url)
    rendered.clear()
    assert refresh("two") == "1.0.0"
    assert objects(url) == before
    labels.write_text("".join(labels.read_text().splitlines(keepends=True)[:-1]))
    s3.read_only = True
    refused = CliRunner().invoke(main, [*command, "--root", url, "--scratch", str(tmp_path / "three")])
    assert (refused.exit_code, rendered) == (2, [])
    s3.read_only = False
    put, uploaded = RemoteFolder.put, list[str]()

    def noting(self: RemoteFolder, file: Path, record: FileRecord) -> None:
        uploaded.append(record.path)
        put(self, file, record)

    monkeypatch.setattr(RemoteFolder, "put", noting)
    assert refresh("three") == "2.0.0"
    after = objects(url)
    assert {name: data for name, data in after.items() if name in before and name != "current.json"} == {
        name: data for name, data in before.items() if name != "current.json"
    }
    assert len(open_dataset(url).table) == 6
    # The store has copied the tars of the shards in which nothing changed.
    tars = {shard.path for shard in open_dataset(url).manifest.shards}
    assert 0 < len(tars & set(uploaded)) < len(tars)
