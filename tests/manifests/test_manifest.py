from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fsspec
import pytest

from editmill.manifests import read_manifest, sources_digest, write_dataset_files
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import CorruptDatasetError, DataError, RequestError
from editmill.manifests.manifest import parse_manifest
from editmill.manifests.seals import SEAL, sealed
from tests.manifests.builder import build_dataset, make_sources


def test_two_builds_are_equal_to_the_byte(tmp_path: Path, built: Path) -> None:
    build_dataset(tmp_path / "again")
    files = sorted(path.relative_to(built) for path in built.rglob("*") if path.is_file())
    assert len(files) == 15
    for path in files:
        assert (tmp_path / "again" / path).read_bytes() == (built / path).read_bytes(), path


def test_manifest_is_canonical_and_complete(built: Path) -> None:
    data = (built / "manifest.json").read_bytes()
    assert data == canonical_json(json.loads(data)) + b"\n"
    manifest = read_manifest(built)
    assert (manifest.complete, manifest.samples) == (True, 17)
    assert manifest.counts["full"] == {"ok": {"": 5}, "rejected": {"geometry_off": 1}}


def test_manifest_is_the_last_file_written(tmp_path: Path) -> None:
    manifest = build_dataset(tmp_path)
    # A folder in the way of the last other file stops the writing just before the manifest.
    (tmp_path / "croissant.json").unlink()
    (tmp_path / "croissant.json").mkdir()
    with pytest.raises(OSError, match=r"croissant\.json"):
        write_dataset_files(tmp_path, manifest)
    assert not (tmp_path / "manifest.json").exists()
    assert (tmp_path / "README.md").exists()


@pytest.mark.parametrize("suffix", [".tar", ".parquet"])
def test_an_absent_or_short_shard_stops_the_manifest(tmp_path: Path, suffix: str) -> None:
    manifest = build_dataset(tmp_path)
    (tmp_path / "manifest.json").unlink()
    path = tmp_path / f"test/tiny-000001{suffix}"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptDatasetError, match="expected"):
        write_dataset_files(tmp_path, manifest)
    path.unlink()
    with pytest.raises(CorruptDatasetError, match="is absent"):
        write_dataset_files(tmp_path, manifest)
    assert not (tmp_path / "manifest.json").exists()


def test_no_file_is_listed_twice(built: Path) -> None:
    listed = json.loads((built / "manifest.json").read_bytes())
    listed["files"].append(listed["files"][0])
    listed.pop(SEAL)
    with pytest.raises(CorruptDatasetError, match=r"README\.md is listed more than once"):
        parse_manifest(sealed(listed), where="manifest.json")


def test_counts_must_add_up(tmp_path: Path) -> None:
    manifest = build_dataset(tmp_path)
    with pytest.raises(CorruptDatasetError, match="18 rows, the manifest counts 1"):
        write_dataset_files(tmp_path, manifest.model_copy(update={"counts": {"size": {"ok": {"": 1}}}}))


def test_no_manifest_means_incomplete_and_says_how_to_resume(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"incomplete[\s\S]*editmill build") as caught:
        read_manifest(tmp_path)
    assert caught.value.exit_code == 1


def test_nothing_there_is_a_wrong_request(tmp_path: Path) -> None:
    for root in (str(tmp_path / "typo"), "memory://no-such-set", "nosuchprotocol://x"):
        with pytest.raises(RequestError):
            read_manifest(root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON"),
        (b"[]", "expected a JSON object, got list"),
        (b"[" * 200_000, "no JSON"),
        (b'{"schema_version": 2, "name": "\xff"}', "no JSON"),
        (b'{"schema_version": 3, "name": "tiny"}', "damaged: version: Field required"),
        (b'{"schema_version": 1, "name": "tiny"}', "schema version 1, this editmill reads 3"),
        (b'{"schema_version": 99}', "schema version 99"),
    ],
)
def test_damaged_manifests_say_so(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_manifest(tmp_path)


def test_a_changed_manifest_is_noticed_wherever_it_changed(spoilable: Path) -> None:
    path = spoilable / "manifest.json"
    whole = json.loads(path.read_bytes())
    for field in whole:
        path.write_bytes(canonical_json({**whole, field: _other(whole[field])}) + b"\n")
        with pytest.raises(DataError, match=r"damaged|was changed|schema version"):
            read_manifest(spoilable)
    # The same content in other bytes.
    path.write_text(json.dumps(whole, indent=1))
    with pytest.raises(DataError, match="was changed since it was written"):
        read_manifest(spoilable)


def _other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, str):
        return value[:-1] + ("1" if value[-1:] != "1" else "2")
    if isinstance(value, bool | int):
        return not value if isinstance(value, bool) else value + 1
    return [] if isinstance(value, list) and value else {} if isinstance(value, dict) and value else ["more"]


def test_an_edited_card_is_kept_when_a_dataset_is_completed_again(spoilable: Path) -> None:
    manifest = read_manifest(spoilable)
    card = spoilable / "README.md"
    edited = card.read_bytes() + b"\nPlease cite us.\n"
    card.write_bytes(edited)
    (spoilable / "_info.json").unlink()
    assert write_dataset_files(spoilable, manifest) == manifest
    assert card.read_bytes() == edited
    card.write_text("no header")
    assert write_dataset_files(spoilable, manifest) == manifest
    assert card.read_bytes() == edited.removesuffix(b"\nPlease cite us.\n")


def test_reads_from_an_object_store(built: Path) -> None:
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe_file("/manifest-test/manifest.json", (built / "manifest.json").read_bytes())
    assert read_manifest("memory://manifest-test") == read_manifest(built)


def test_sources_digest_ignores_order_but_not_content() -> None:
    sources = make_sources(3)
    assert sources_digest(sources) == sources_digest(sources[::-1])
    assert sources_digest(sources) != sources_digest(sources[:2])
    other = sources[0].model_copy(update={"sha256": "0" * 64})
    assert sources_digest(sources) != sources_digest([other, *sources[1:]])
