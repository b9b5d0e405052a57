from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from editmill.manifests import CandidateRecord, FileRecord, Manifest, SampleRow, ShardRecord
from editmill.manifests.canonical import canonical_json
from tests.manifests.builder import make_manifest, make_row, make_sources

ROW = make_row(make_sources(1)[0], "size")


def changed(**fields: Any) -> SampleRow:
    return SampleRow.model_validate({**ROW.model_dump(), **fields})


def test_records_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ROW.label = 3
    with pytest.raises(ValidationError, match="colour"):
        changed(colour="red")


@pytest.mark.parametrize(
    "fields",
    [
        {"reasons": ("label_margin_low",)},
        {"status": "rejected"},
        {"status": "failed", "reasons": ("oom",), "members": {"png": {"offset": 0, "size": 1, "sha256": "0" * 64}}},
        {"status": "failed", "reasons": ("it did not work",)},
        {"scores": {"area": float("nan")}},
        {"seed": 2**63},
        {"level": float("nan")},
    ],
)
def test_contradictory_rows_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        changed(**fields)


def test_a_lossless_copy_may_score_infinite_psnr() -> None:
    assert CandidateRecord(attempt=0, seed=1, accepted=True, scores={"psnr": float("inf")}).scores["psnr"] > 1e300


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.tar", "test/../../a", "a\\b", "", ".", "test//a.tar"])
def test_paths_stay_inside_the_dataset(path: str) -> None:
    with pytest.raises(ValidationError):
        FileRecord(path=path, bytes=0, sha256="0" * 64)


@pytest.mark.parametrize("split", ["target", "start", "a-b", "Test", "", "1st"])
def test_split_names_that_readers_misread_are_refused(split: str) -> None:
    with pytest.raises(ValidationError):
        changed(split=split)


def test_a_shard_knows_its_split_and_number() -> None:
    rows = FileRecord(path="val/a-b-000012.parquet", bytes=0, sha256="0" * 64)
    shard = ShardRecord(
        path="val/a-b-000012.tar",
        bytes=0,
        sha256="0" * 64,
        md5="0" * 32,
        first_key="",
        last_key="",
        nsamples=0,
        rows=rows,
    )
    assert (shard.split, shard.number) == ("val", 12)


@pytest.mark.parametrize(
    ("tar", "rows"),
    [
        ("../a-000000.tar", "../a-000000.parquet"),
        ("/test/a-000000.tar", "/test/a-000000.parquet"),
        ("test/a-x.tar", "test/a-x.parquet"),
        ("a-000000.tar", "a-000000.parquet"),
        ("test/a-000000.tar", "test/a-000001.parquet"),
        ("test/a-000000.tar", "test/a-000000.tar"),
    ],
)
def test_shards_lie_where_shards_lie(tar: str, rows: str) -> None:
    found = {"path": tar, "bytes": 0, "sha256": "0" * 64, "md5": "0" * 32, "first_key": "", "last_key": ""}
    with pytest.raises(ValidationError):
        ShardRecord.model_validate({**found, "nsamples": 0, "rows": {"path": rows, "bytes": 0, "sha256": "0" * 64}})


def test_manifest_round_trips_through_canonical_json() -> None:
    manifest = make_manifest(make_sources(3), [])
    assert Manifest.model_validate_json(canonical_json(manifest)) == manifest


@pytest.mark.parametrize(
    "field",
    [
        {"complete": False},
        {"name": "Bad Name"},
        {"version": "1.0"},
        {"schema_version": 4},
        {"members": ["cls", "json"]},
        {"members": ["cls", "json", "../png"]},
    ],
)
def test_bad_manifests_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Manifest.model_validate({**make_manifest(make_sources(3), []).model_dump(), **field})
