"""``editmill push`` against a Hub on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from editmill.flows.cli import main
from editmill.manifests import open_dataset, verify_dataset
from tests.hub import Hub, hub_server
from tests.manifests.builder import build_dataset

NAME = "my-lab/tiny"
# The Hub's client hands files over as its HTTP library no longer wants it.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as served:
        yield served


@pytest.fixture
def root(tmp_path: Path) -> Path:
    build_dataset(tmp_path / "set")
    (tmp_path / "set" / "notes.md").write_text("not of the dataset")
    return tmp_path / "set"


def push(root: object, *options: str) -> Result:
    return CliRunner().invoke(main, ["push", str(root), "--to", NAME, *options])


def own(root: Path) -> dict[str, bytes]:
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {path: data for path, data in files.items() if path not in ("notes.md", "run.json")}


def test_every_byte_arrives_and_is_read_back(hub: Hub, root: Path) -> None:
    result = push(root, "--private")
    assert result.exit_code == 0, result.output
    assert hub.files[NAME] == own(root)
    assert hub.private[NAME]
    assert f'load_dataset("{NAME}", split="test")' in result.output
    there = f"hf://datasets/{NAME}"
    assert verify_dataset(there).ok
    assert [sample.key for sample in open_dataset(there)] == [sample.key for sample in open_dataset(root)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_two_lines_load_it(hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    from huggingface_hub import constants

    assert push(root).exit_code == 0
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", constants.ENDPOINT)
    pattern = f"{constants.ENDPOINT}/datasets/{{repo_id}}/resolve/{{revision}}/{{path}}"
    monkeypatch.setattr(datasets.config, "HUB_DATASETS_URL", pattern)
    samples = datasets.load_dataset(NAME, split="test", streaming=True)
    assert sorted(sample["__key__"] for sample in samples) == sorted(one.key for one in open_dataset(root))


def test_what_was_cut_off_is_resumed(hub: Hub, root: Path) -> None:
    hub.room = 2
    result = push(root)
    assert result.exit_code == 1, result.output
    assert "run the same command again" in result.output
    assert (len(hub.received), hub.files[NAME], hub.commits) == (2, {}, [])
    hub.room = 10**6
    assert push(root).exit_code == 0
    assert hub.files[NAME] == own(root)
    sent = list(hub.received)
    assert len(sent) == len(set(sent))
    assert push(root).exit_code == 0
    assert hub.received == sent
    assert len(hub.commits) == 1


def test_a_version_takes_the_place_of_an_earlier_one(hub: Hub, root: Path, tmp_path: Path) -> None:
    assert push(root).exit_code == 0
    build_dataset(tmp_path / "other", shards=1)
    hub.files[NAME]["LICENSE"] = b"added by hand"
    assert push(tmp_path / "other").exit_code == 0
    assert hub.files[NAME] == {**own(tmp_path / "other"), "LICENSE": b"added by hand"}
    hub.files[NAME] = {"weights.bin": b"not a dataset"}
    result = push(root)
    assert result.exit_code == 2
    assert "weights.bin" in result.output
    assert hub.files[NAME] == {"weights.bin": b"not a dataset"}


def test_a_dry_run_sends_nothing(root: Path) -> None:
    result = push(root, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["files"] == {path: len(data) for path, data in own(root).items()}


def test_a_dataset_without_samples_is_warned_of(tmp_path: Path) -> None:
    edits = ("original", "size", "full")
    build_dataset(tmp_path / "none", sources=2, rejected={(at, edit) for at in range(2) for edit in edits})
    result = push(tmp_path / "none", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "no accepted sample" in result.output


def test_what_is_refused(hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CliRunner().invoke(main, ["push", str(root), "--to", "tiny"]).exit_code == 2
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    result = push(root)
    assert (result.exit_code, "HF_TOKEN" in result.output) == (2, True), result.output
    tar = root / "test/tiny-000000.tar"
    tar.write_bytes(tar.read_bytes()[:-1] + b"x")
    assert push(root, "--dry-run").exit_code == 1
    (root / "manifest.json").unlink()
    assert push(root, "--dry-run").exit_code == 1
    assert not hub.files
