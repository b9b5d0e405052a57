"""A take-down in an object store: what it leaves, and that it may be stopped anywhere and finished elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped,unused-ignore]
import pytest

from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import EditmillError, RequestError
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.remote import RemoteFolder, record_of
from editmill.manifests.verify import verify_dataset
from editmill.manifests.versions import VERSIONS, make_current
from editmill.pipelines.states import state_file
from editmill.pipelines.stored_versions import roll_back_stored, take_down_stored
from editmill.pipelines.takedown import take_down
from tests.manifests.builder import build_dataset, make_sources
from tests.pipelines.test_uploads import objects
from tests.stores import Faults, Killed

GONE = make_sources(6)[3].id


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of one dataset, of which the second has more sources."""
    root = tmp_path_factory.mktemp("versions")
    for version, sources in (("1.0.0", 6), ("1.1.0", 7)):
        build_dataset(root / VERSIONS / version, sources=sources)
        state_file(root, version).parent.mkdir(exist_ok=True)
        state_file(root, version).write_bytes(canonical_json({"common": {}, "records": {GONE: "a", "other": "b"}}))
    make_current(root, "1.1.0")
    return root


@pytest.fixture(scope="module")
def purged(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a take-down leaves in a folder of this machine."""
    root = tmp_path_factory.mktemp("purged") / "root"
    shutil.copytree(versions, root, symlinks=True)
    assert min(take_down(root, [GONE]).values()) > 0
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files(root)}


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and "current/" not in path.as_posix()]


@pytest.fixture
def url(request: pytest.FixtureRequest, s3: Faults, versions: Path) -> Iterator[str]:
    """The versions in a store of the protocol that the test asks for."""
    url = f"{request.param}://bucket/take-down"
    for path in files(versions):
        name = path.relative_to(versions).as_posix()
        RemoteFolder(url).put(path, record_of(versions, name))
    yield url
    fsspec.filesystem(request.param).rm("bucket/take-down", recursive=True)


def check_whole_or_none(url: str) -> None:
    """Make sure that what readers may take for a version is one."""
    for name in RemoteFolder(url).names():
        version, _, file = name.removeprefix(f"{VERSIONS}/").partition("/")
        if file == MANIFEST and version[0] != ".":
            assert verify_dataset(f"{url}/{VERSIONS}/{version}").problems == ()


@pytest.mark.parametrize("url", [pytest.param("s3", marks=pytest.mark.slow), "memory"], indirect=True)
def test_a_store_is_left_what_a_folder_is_left(url: str, purged: dict[str, bytes], tmp_path: Path) -> None:
    # Of a refresh that was stopped: a version that is none yet.
    fsspec.filesystem(url.partition(":")[0]).pipe_file(f"{url}/versions/9.0.0/test/x.tar", b"p3")
    remote = RemoteFolder(url)
    assert min(take_down_stored(remote, tmp_path / "one", [GONE]).values()) > 0
    assert objects(url) == purged
    # On another machine: once more is no mistake, another id is.
    assert set(take_down_stored(remote, tmp_path / "two", [GONE]).values()) == {0}
    with pytest.raises(RequestError, match=rf"no version has a source 'nobody'[^$]*where: {url}"):
        take_down_stored(remote, tmp_path / "two", ["nobody"])
    assert objects(url) == purged


@pytest.mark.parametrize("every", [37, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("url", ["memory"], indirect=True)
def test_a_take_down_may_be_stopped_anywhere(
    url: str, every: int, purged: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, store = [0], fsspec.filesystem("memory").store
    before = dict(store)

    def dying(name: str) -> None:
        work = getattr(RemoteFolder, name)

        def call(self: RemoteFolder, *arguments: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return work(self, *arguments)

        monkeypatch.setattr(RemoteFolder, name, call)

    for name in ("put", "copy", "remove"):
        dying(name)
    done, steps = False, 0
    while not done:
        store.clear()
        store.update(before)
        left[0] = steps
        try:
            take_down_stored(RemoteFolder(url), tmp_path / "here", [GONE])
            done = True
        except Killed:
            check_whole_or_none(url)
            left[0] = 10**6
            # Elsewhere; what was begun is finished by whoever comes, and the rest by asking again.
            shutil.rmtree(tmp_path / "here")
            with pytest.raises(RequestError, match=r"no version 9\.9\.9"):
                roll_back_stored(RemoteFolder(url), "9.9.9")
            assert verify_dataset(url).ok
            take_down_stored(RemoteFolder(url), tmp_path / "elsewhere", [GONE])
            shutil.rmtree(tmp_path / "elsewhere")
        assert objects(url) == purged
        steps += every
    assert steps > 40


@pytest.mark.slow
@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_faults_leave_nothing_half_written(url: str, s3: Faults, purged: dict[str, bytes], tmp_path: Path) -> None:
    for attempt in range(30):
        s3.share = 0.2
        try:
            take_down_stored(RemoteFolder(url), tmp_path / str(attempt % 2), [GONE])
            break
        except (OSError, EditmillError):
            continue
        finally:
            s3.share = 0.0
            check_whole_or_none(url)
    assert objects(url) == purged
    assert s3.count > 0
