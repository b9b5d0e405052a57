from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from editmill.manifests import CandidateRecord, MemberSpan, SampleRow
from editmill.manifests.errors import CorruptDatasetError, DataError
from editmill.manifests.rows import iter_rows, merge_rows, read_rows, row_schema, write_rows
from tests.manifests.builder import make_row, make_sources

MEMBERS = ("cls", "json", "mask.png", "png")
SCORES = ("area", "psnr")
FLOATS = st.floats(allow_nan=False)
SCORE_DICTS = st.dictionaries(st.sampled_from(SCORES), FLOATS)
REASONS = st.lists(st.sampled_from(["mask_iou", "geometry_off"]), max_size=2).map(tuple)
SPANS = st.builds(MemberSpan, offset=st.integers(0, 2**40), size=st.integers(0, 2**40), sha256=st.just("ab" * 32))
CANDIDATES = st.builds(
    CandidateRecord,
    attempt=st.integers(0, 9),
    seed=st.integers(0, 2**63 - 1),
    accepted=st.booleans(),
    reasons=REASONS,
    scores=st.dictionaries(st.text(max_size=4), FLOATS, max_size=3),
)
BASE = make_row(make_sources(1)[0], "size")


@st.composite
def rows(draw: st.DrawFn) -> SampleRow:
    ok = draw(st.booleans())
    return SampleRow.model_validate(
        {
            **BASE.model_dump(),
            "status": "ok" if ok else draw(st.sampled_from(["rejected", "failed"])),
            "reasons": () if ok else ("mask_iou", *draw(REASONS)),
            "class_name": draw(st.text()),
            "seed": draw(st.integers(0, 2**63 - 1)),
            "level": draw(st.floats(allow_nan=False, allow_infinity=False)),
            "parameters": draw(st.dictionaries(st.text(max_size=3), st.integers() | st.text() | st.booleans())),
            "scores": draw(SCORE_DICTS),
            "candidates": draw(st.lists(CANDIDATES, max_size=3)),
            "members": {member: draw(SPANS) for member in MEMBERS} if ok else {},
        }
    )


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(rows(), max_size=4))
def test_rows_round_trip_and_bytes_are_stable(tmp_path: Path, given_rows: list[SampleRow]) -> None:
    for name in ("one", "two"):
        write_rows(tmp_path / name, given_rows, members=MEMBERS, score_names=SCORES)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    table = read_rows(tmp_path / "one")
    assert table.schema == row_schema(MEMBERS, SCORES)
    assert list(iter_rows(table, members=MEMBERS, score_names=SCORES)) == given_rows


def test_columns_of_a_rejected_row(tmp_path: Path) -> None:
    row = make_row(make_sources(1)[0], "size", reason="geometry_off")
    write_rows(tmp_path / "a.parquet", [row], members=MEMBERS, score_names=SCORES)
    record = read_rows(tmp_path / "a.parquet").to_pylist()[0]
    assert record["reasons"] == ["geometry_off"]
    assert record["parameters"] == '{"angle":0,"area":0.08}'
    assert (record["score_area"], math.isnan(record["score_psnr"])) == (0.08, True)
    assert (record["mask_png_offset"], record["mask_png_size"], record["mask_png_sha256"]) == (-1, -1, "")
    assert record["candidates"][0]["scores"] == [{"name": "area", "value": 0.08}]


def test_many_rows_are_read_once_each(tmp_path: Path) -> None:
    row = make_row(make_sources(1)[0], "size", reason="oom").model_copy(update={"scores": {}, "candidates": ()})
    write_rows(tmp_path / "a", [row], members=MEMBERS, score_names=SCORES)
    table = pa.concat_tables([read_rows(tmp_path / "a")] * 2050)
    assert sum(one == row for one in iter_rows(table, members=MEMBERS, score_names=SCORES)) == 2050


def test_an_all_empty_column_keeps_its_type(tmp_path: Path) -> None:
    none = make_row(make_sources(1)[0], "size", reason="oom").model_copy(update={"scores": {}, "candidates": ()})
    some = make_row(make_sources(2)[1], "size", reason="oom")
    write_rows(tmp_path / "none.parquet", [none], members=MEMBERS, score_names=SCORES)
    write_rows(tmp_path / "some.parquet", [some], members=MEMBERS, score_names=SCORES)
    together = pq.ParquetDataset([tmp_path / "none.parquet", tmp_path / "some.parquet"]).read()
    assert not any(pa.types.is_null(field.type) for field in together.schema)
    assert together.num_rows == 2


def test_missing_offsets_stay_integers_in_pandas(tmp_path: Path) -> None:
    write_rows(
        tmp_path / "a.parquet",
        [make_row(make_sources(1)[0], "size", reason="oom")],
        members=MEMBERS,
        score_names=SCORES,
    )
    assert read_rows(tmp_path / "a.parquet").to_pandas()["png_offset"].dtype == "int64"


def test_unknown_scores_and_absent_members_are_refused(tmp_path: Path) -> None:
    row = make_row(make_sources(1)[0], "size", reason="oom")
    with pytest.raises(DataError, match=r"unknown scores or members \['area'\]"):
        write_rows(tmp_path / "a", [row], members=MEMBERS, score_names=())
    with pytest.raises(DataError, match=r"missing members \['cls'"):
        write_rows(tmp_path / "a", [make_row(make_sources(1)[0], "size")], members=MEMBERS, score_names=SCORES)


@pytest.mark.parametrize(("members", "scores"), [(("source",), ()), (("a.png", "a.png"), ()), ((), ("x", "x"))])
def test_columns_that_would_repeat_are_refused(members: tuple[str, ...], scores: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="would repeat"):
        row_schema(members, scores)


def test_merge_keeps_order_and_is_stable(tmp_path: Path) -> None:
    sources = make_sources(5)
    parts = [sources[:2], [], sources[2:]]
    for number, part in enumerate(parts):
        shard_rows = [make_row(source, "size", reason="oom") for source in part]
        write_rows(tmp_path / f"{number}.parquet", shard_rows, members=MEMBERS, score_names=SCORES)
    paths = [tmp_path / f"{number}.parquet" for number in range(3)]
    schema = row_schema(MEMBERS, SCORES)
    assert merge_rows(paths, tmp_path / "one", schema=schema) == 5
    merge_rows(paths, tmp_path / "two", schema=schema)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_rows(tmp_path / "one")["source_id"].to_pylist() == [source.id for source in sources]


def test_merge_refuses_another_schema_and_leaves_nothing(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.parquet", [], members=MEMBERS, score_names=("other",))
    with pytest.raises(CorruptDatasetError, match="other columns"):
        merge_rows([tmp_path / "a.parquet"], tmp_path / "out", schema=row_schema(MEMBERS, SCORES))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet"]


def test_damaged_parquet_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(CorruptDatasetError, match=r"a\.parquet"):
        read_rows(tmp_path / "a.parquet")


THREADS = """
import os, sys, threading, time
import pyarrow
from editmill.manifests import open_dataset, verify_dataset
def foreign(): return len(os.listdir("/proc/self/task")) - threading.active_count()
before = foreign()
assert verify_dataset(sys.argv[1]).ok
assert len(list(open_dataset(sys.argv[1], verify=True).select(edit="size"))) == 6
# Those of Python that have ended may take a moment to be gone.
until = time.monotonic() + 2
while foreign() > before and time.monotonic() < until: time.sleep(0.01)
print(foreign() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_reading_starts_no_thread_but_those_of_python(built: Path) -> None:
    """Threads of pyarrow that hold a Python file abort the process when it ends before them.

    The thread that bars start is none of them.
    """
    done = subprocess.run([sys.executable, "-c", THREADS, str(built)], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
