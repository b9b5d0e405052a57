"""Object stores from the command line and by flows: the commands of the page, kills, Prefect."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pytest
from click.testing import CliRunner

from editmill.flows.cli import main
from editmill.manifests.manifest import MANIFEST, RUN
from editmill.manifests.records import FileRecord
from editmill.manifests.remote import RemoteFolder, record_of
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build
from tests.flows.tiny import OVERRIDES, RECIPE, tiny_prepared
from tests.pipelines.regating.guarded import build_guarded
from tests.stores import Faults, Killed

PAGE = Path(__file__).parents[2] / "docs" / "object-stores.md"
CHANGES = [argument for change in OVERRIDES for argument in ("--set", change)]


def objects(url: str) -> dict[str, bytes]:
    folder = RemoteFolder(url)
    return {name: folder.read(name) for name in folder.names() if name != RUN}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the tiny build puts into a folder."""
    out = tmp_path_factory.mktemp("local") / "set"
    build(tiny_prepared(out), progress=False)
    files = (path for path in out.rglob("*") if path.is_file() and path.name != RUN)
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.mark.slow
def test_the_commands_of_the_page(s3: Faults, photos: Path, tmp_path: Path) -> None:
    fsspec.filesystem("s3").put(f"{photos.parent}/", "bucket/photos/", recursive=True)
    lines = re.findall(r"^\.venv/bin/editmill (.*)$", PAGE.read_text(), re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["build", "verify", "evaluate"]
    quick = ["--set", "generator.edits=[{name: original}, {name: paste-back}]", "--scratch", str(tmp_path)]
    for line in lines:
        more = quick if line.startswith("build") else []
        result = CliRunner().invoke(main, [*shlex.split(line), *more])
        assert result.exit_code == 0, result.output
    assert "100.0" in result.output
    assert str(tmp_path) not in RemoteFolder("s3://bucket/set").read(MANIFEST).decode()


@pytest.mark.slow
def test_killed_builds_go_on_with_what_is_in_the_store(s3: Faults, local: dict[str, bytes], tmp_path: Path) -> None:
    url, seen = "s3://bucket/killed", set[int]()
    command = [sys.executable, "-m", "editmill", "build", RECIPE, *CHANGES, "--device", "cpu", "--workers", "1"]
    for most in (1, 3, 6, 9, 99):
        scratch = ["--scratch", str(tmp_path / str(most))]
        process = subprocess.Popen([*command, "--out", url, *scratch], stderr=subprocess.DEVNULL)
        while process.poll() is None and len(objects(url)) < most:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        done = process.wait() == 0
        found = objects(url)
        seen.add(len(found))
        assert (MANIFEST in found) == done
        # Whatever is there is whole.
        assert all(local[name] == data for name, data in found.items())
    assert done
    assert found == local
    assert len(seen) >= 3


@pytest.mark.parametrize("protocol", ["memory", pytest.param("s3", marks=pytest.mark.slow)])
def test_what_is_judged_anew_or_exported_into_a_store_is_what_a_folder_gets(
    protocol: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if protocol == "s3":
        request.getfixturevalue("s3")
    url, put, left = f"{protocol}://bucket/written", RemoteFolder.put, [3]

    def dying(self: RemoteFolder, file: Path, record: FileRecord) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        put(self, file, record)

    build_guarded(tmp_path / "set")
    for name in (str(path.relative_to(tmp_path)) for path in (tmp_path / "set").rglob("*") if path.is_file()):
        RemoteFolder(url).put(tmp_path / name, record_of(tmp_path, name))
    regate = ["regate", "{}/set", "--set", "guard.contrast=30", "--out", "{}/regated", "--json"]
    exports = [
        ["export", "{}/set", "--format", form, "--to", f"{{}}/{form}", "--json"] for form in ("dali", "imagefolder")
    ]
    for command in (regate, *exports):
        stored = [word.format(url) for word in command]
        local = CliRunner().invoke(main, [word.format(tmp_path) for word in command])
        assert local.exit_code == 0, local.output
        monkeypatch.setattr(RemoteFolder, "put", dying)
        left[0] = 3
        with pytest.raises(Killed):
            CliRunner().invoke(main, [*stored, "--scratch", str(tmp_path / "one")], catch_exceptions=False)
        monkeypatch.undo()
        assert MANIFEST not in objects(stored[-2])
        done = CliRunner().invoke(main, [*stored, "--scratch", str(tmp_path / "two")])
        assert done.output.replace(url, str(tmp_path)) == local.output
        files = (path for path in Path(command[-2].format(tmp_path)).rglob("*") if path.is_file() and path.name != RUN)
        made = {str(path.relative_to(command[-2].format(tmp_path))): path.read_bytes() for path in files}
        assert objects(stored[-2]) == made
    # What is there is not written over.
    for command in (regate, [*exports[0][:-2], exports[1][-2]]):
        refused = CliRunner().invoke(main, [word.format(url) for word in command])
        assert (refused.exit_code, refused.output.count("error:")) == (2, 1), refused.output
    # Nothing was made for it either.
    assert "no upload of this export was stopped there" in refused.output
    assert not list((tmp_path / "two").glob("*"))


@pytest.mark.slow
@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_environment")
def test_a_flow_builds_into_a_store(s3: Faults, local: dict[str, bytes]) -> None:
    from editmill.flows.builds import build_imagenet_e

    url = "s3://bucket/flow"
    for _ in range(2):
        built = build_imagenet_e(recipe=RECIPE, out=Path(url), overrides=OVERRIDES, device="cpu", dtype="float32")
        assert (built["out"], built["manifest"]) == (url, f"{url}/{MANIFEST}")
    assert verify_dataset(url).ok
    assert objects(url) == local
