from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from editmill.manifests import SampleRow, ShardStats, read_rows, read_stats, read_tar, write_shard
from editmill.manifests.errors import DataError
from editmill.manifests.growing import Built
from editmill.manifests.shard import ShardFacts, restore_stats
from tests.manifests.builder import MEMBERS, NAME, SCORE_NAMES, make_members, make_row, make_sources

ROWS = [make_row(source, "size", shards=1) for source in make_sources(3)]
REJECTED = make_row(make_sources(1)[0], "full", shards=1, reason="geometry_off")


def write(
    root: Path,
    rows: list[SampleRow],
    *,
    samples: Sequence[Built] | None = None,
    members: tuple[str, ...] = MEMBERS,
) -> ShardStats:
    return write_shard(root, made(rows) if samples is None else samples, **facts("f", members))


def made(rows: list[SampleRow]) -> list[tuple[SampleRow, dict[str, bytes]]]:
    return [(row, make_members(row) if row.status == "ok" else {}) for row in rows]


def facts(fingerprint: str, members: tuple[str, ...] = MEMBERS) -> ShardFacts:
    return ShardFacts(
        name=NAME, split="test", shard=0, fingerprint=fingerprint, members=members, score_names=SCORE_NAMES
    )


def test_three_files_that_agree(tmp_path: Path) -> None:
    stats = write(tmp_path, [*ROWS, REJECTED])
    assert sorted(os.listdir(tmp_path / "test")) == ["tiny-000000.parquet", "tiny-000000.tar", "tiny-000000_stats.json"]
    assert (stats.nsamples, stats.planned) == (3, 4)
    assert stats.counts == {"size": {"ok": {"": 3}}, "full": {"rejected": {"geometry_off": 1}}}
    assert read_stats(tmp_path / "test/tiny-000000_stats.json") == stats
    data = (tmp_path / stats.tar.path).read_bytes()
    table = read_rows(tmp_path / stats.rows.path).to_pylist()
    content = dict(read_tar(tmp_path / stats.tar.path))
    for record in table[:3]:
        start = record["mask_png_offset"]
        assert data[start : start + record["mask_png_size"]] == content[record["key"]]["mask.png"]
    assert table[3]["png_offset"] == -1


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, [*ROWS, REJECTED])
    for path in (tmp_path / "one/test").iterdir():
        assert path.read_bytes() == (tmp_path / "two/test" / path.name).read_bytes()


def test_a_shard_without_accepted_samples_counts_its_rows(tmp_path: Path) -> None:
    stats = write(tmp_path, [REJECTED])
    assert (stats.nsamples, stats.planned, stats.tar.first_key, stats.tar.bytes) == (0, 1, "", 10240)


def swap_key(samples: list[tuple[SampleRow, dict[str, bytes]]]) -> None:
    samples[1] = (ROWS[0], samples[1][1])


def drop_member(samples: list[tuple[SampleRow, dict[str, bytes]]]) -> None:
    del samples[2][1]["mask.png"]


def integer_level(samples: list[tuple[SampleRow, dict[str, bytes]]]) -> None:
    samples[2][1]["json"] = samples[2][1]["json"].replace(b'"level": 0.08', b'"level": 1')


def null_field(samples: list[tuple[SampleRow, dict[str, bytes]]]) -> None:
    samples[0][1]["json"] = b'{"caption":null}'


def drop_sample(samples: list[tuple[SampleRow, dict[str, bytes]]]) -> None:
    samples[1] = (samples[1][0], {})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (swap_key, "repeats among the rows"),
        (drop_sample, r"has members \[\], but"),
        (drop_member, "has members"),
        (integer_level, "'level' is int here and float"),
        (null_field, "'caption' is null"),
    ],
)
def test_traps_are_refused_and_the_shard_is_not_done(
    tmp_path: Path, spoil: Callable[[list[tuple[SampleRow, dict[str, bytes]]]], None], message: str
) -> None:
    samples = made(ROWS)
    spoil(samples)
    with pytest.raises(DataError, match=message):
        write(tmp_path, ROWS, samples=samples)
    assert not list(tmp_path.rglob("*_stats.json"))


@pytest.mark.parametrize(
    "members", [("png", "json"), ("cls", "json"), ("cls", "json", "png", "jpg"), ("cls", "json", "png", "png")]
)
def test_the_sample_contract_holds(tmp_path: Path, members: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="sample contract"):
        write(tmp_path, [REJECTED], members=members)


def test_repeated_and_foreign_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="repeats"):
        write(tmp_path, [REJECTED, REJECTED])
    with pytest.raises(DataError, match="belongs to test shard 5"):
        write(tmp_path, [REJECTED.model_copy(update={"shard": 5})])


def test_a_rewrite_that_fails_does_not_leave_the_old_shard_marked_done(tmp_path: Path) -> None:
    write(tmp_path, ROWS)
    samples = made(ROWS)
    drop_sample(samples)
    with pytest.raises(DataError, match="has members"):
        write(tmp_path, ROWS, samples=samples)
    assert not list(tmp_path.rglob("*_stats.json"))


def restored(root: Path, inputs: list[str]) -> ShardStats | None:
    return restore_stats(root, fits=lambda found: list(found) == inputs, **facts("f"))


def named(root: Path) -> list[str]:
    """Write a shard whose rows say what they are made from, and return that."""
    rows = [make_row(source, edit, shards=1) for source in make_sources(2) for edit in ("original", "size")]
    rows = [row.model_copy(update={"inputs": f"{number:064x}"}) for number, row in enumerate(rows)]
    write_shard(root, made(rows), **facts("f"))
    return [row.inputs for row in rows]


def test_lost_stats_come_back_from_a_whole_shard_of_the_same_build(tmp_path: Path) -> None:
    inputs = named(tmp_path)
    path = tmp_path / "test" / f"{NAME}-000000_stats.json"
    before = path.read_bytes()
    path.unlink()
    assert restored(tmp_path, inputs[:-1]) is None
    assert restored(tmp_path, inputs[::-1]) is None
    assert not path.exists()
    assert restored(tmp_path, inputs) == read_stats(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("ending", ["tar", "parquet"])
def test_lost_stats_do_not_come_back_from_a_damaged_shard(tmp_path: Path, ending: str) -> None:
    inputs = named(tmp_path)
    path = tmp_path / "test" / f"{NAME}-000000.{ending}"
    path.write_bytes(path.read_bytes()[:-1200])
    assert restored(tmp_path, inputs) is None
    path.unlink()
    assert restored(tmp_path, inputs) is None
