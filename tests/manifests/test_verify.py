from __future__ import annotations

import json
import math
import os
import random
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from editmill.manifests import open_dataset, quickcheck, read_stats, verify_dataset, write_stats
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import RequestError
from editmill.manifests.seals import sealed
from editmill.manifests.shardcheck import ShardCheck
from editmill.manifests.tarshard import index_tar, read_tar, write_tar
from tests.manifests.builder import build_dataset, make_members, reseal

TAR = "test/tiny-000000.tar"
ROWS = "test/tiny-000000.parquet"
CHANGED = "not those of the manifest"


def test_a_sound_dataset_has_no_problems(built: Path) -> None:
    report = verify_dataset(built)
    assert (report.ok, report.problems, report.shards, report.samples) == (True, (), 2, 17)
    assert open_dataset(built).verify() == report


def flip_tar(root: Path) -> None:
    data = bytearray((root / TAR).read_bytes())
    data[512] ^= 1
    (root / TAR).write_bytes(data)


def truncate_tar(root: Path) -> None:
    (root / TAR).write_bytes((root / TAR).read_bytes()[:3000])


def drop_last_sample(root: Path) -> None:
    write_tar(root / TAR, list(read_tar(root / TAR))[:-1])


def append_to_tar(root: Path) -> None:
    with open(root / TAR, "ab") as stream:
        stream.write(bytes(10240))


def foreign_sample(root: Path) -> None:
    with tarfile.open(root / TAR, "a") as tar:
        tar.addfile(tarfile.TarInfo("stranger0.png"))


def remove_tar(root: Path) -> None:
    (root / TAR).unlink()


def remove_rows(root: Path) -> None:
    (root / ROWS).unlink()


def cut_rows(root: Path) -> None:
    (root / ROWS).write_bytes((root / ROWS).read_bytes()[:-5])


def change_row(root: Path) -> None:
    change_column(root / ROWS, "cost", 26)


def change_merged_row(root: Path) -> None:
    change_column(root / "samples.parquet", "cost", 26)


def repeat_merged_rows(root: Path) -> None:
    table = pq.ParquetFile(root / "samples.parquet").read()
    pq.write_table(pa.concat_tables([table, table]), root / "samples.parquet")


def change_column(path: Path, column: str, value: int) -> None:
    table = pq.ParquetFile(path).read()
    position = table.schema.get_field_index(column)
    values = pa.array([value] * table.num_rows, type=table.schema.field(column).type)
    pq.write_table(table.set_column(position, table.schema.field(column), values), path)


def remove_stats(root: Path) -> None:
    (root / "test/tiny-000001_stats.json").unlink()


def change_stats(root: Path) -> None:
    path = root / "test/tiny-000001_stats.json"
    write_stats(root / "test", read_stats(path).model_copy(update={"nsamples": 1}))


def damage_stats(root: Path) -> None:
    (root / "test/tiny-000001_stats.json").write_text("{")


def change_counts(root: Path) -> None:
    manifest = json.loads((root / "manifest.json").read_bytes())
    manifest["counts"]["size"]["ok"][""] += 1
    (root / "manifest.json").write_bytes(canonical_json(manifest))


def change_index(root: Path) -> None:
    path = root / "shardindex.json"
    path.write_text(path.read_text().replace('"nsamples": ', '"nsamples": 1'))


def remove_index(root: Path) -> None:
    (root / "_info.json").unlink()


def remove_merged(root: Path) -> None:
    (root / "samples.parquet").unlink()


@pytest.mark.parametrize(
    ("spoil", "path", "what"),
    [
        (flip_tar, TAR, "sha256 is"),
        (truncate_tar, TAR, "not a readable tar"),
        (drop_last_sample, TAR, "is not in the tar"),
        (append_to_tar, TAR, "bytes is"),
        (foreign_sample, TAR, "is in the tar, but no accepted row"),
        (remove_tar, TAR, "is absent"),
        (remove_rows, ROWS, "is absent"),
        (cut_rows, ROWS, CHANGED),
        (change_row, ROWS, CHANGED),
        (change_merged_row, "samples.parquet", CHANGED),
        (remove_merged, "samples.parquet", "is absent"),
        (remove_stats, "test/tiny-000001_stats.json", "is absent"),
        (change_stats, "test/tiny-000001_stats.json", CHANGED),
        (change_counts, "manifest.json", "counts"),
        (change_counts, "manifest.json", "was changed since it was written"),
        (change_index, "shardindex.json", CHANGED),
        (remove_index, "_info.json", "is absent"),
    ],
)
def test_damage_is_found(spoilable: Path, spoil: Callable[[Path], None], path: str, what: str) -> None:
    spoil(spoilable)
    report = verify_dataset(spoilable)
    assert not report.ok
    assert any(problem.path == path and what in problem.what for problem in report.problems), report.problems


def rename_member(root: Path) -> None:
    samples = list(read_tar(root / TAR))
    write_tar(root / TAR, [(samples[0][0][:-1] + "7", samples[0][1]), *samples[1:]])


def hide_sample(root: Path) -> None:
    """Put a sample into the zeros at the end of a tar."""
    hidden = tarfile.TarInfo("stranger0.png").tobuf()
    with open(root / TAR, "r+b") as stream:
        spans = list(index_tar(root / TAR).members.values())[-1].values()
        stream.seek(max(span.offset + span.size + -span.size % 512 for span in spans))
        stream.write(hidden)


@pytest.mark.parametrize(
    ("spoil", "path", "what"),
    [
        (rename_member, TAR, "is not in the tar"),
        (hide_sample, TAR, "is in the tar, but no accepted row"),
        (cut_rows, ROWS, "not readable as parquet"),
        (change_row, "samples.parquet", "is not the shards' rows"),
        (change_merged_row, "samples.parquet", "is not the shards' rows"),
        (repeat_merged_rows, "samples.parquet", "is not the shards' rows"),
        (change_stats, "test/tiny-000001_stats.json", "does not match"),
        (damage_stats, "test/tiny-000001_stats.json", "damaged stats file"),
    ],
)
def test_contradictions_are_found_where_all_digests_agree(
    spoilable: Path, spoil: Callable[[Path], None], path: str, what: str
) -> None:
    spoil(spoilable)
    reseal(spoilable)
    report = verify_dataset(spoilable)
    assert any(problem.path == path and what in problem.what for problem in report.problems), report.problems


def all_files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_one_changed_byte_of_any_file_is_found_and_its_file_named(tmp_path: Path) -> None:
    drawn = random.Random(5)
    build_dataset(tmp_path, sources=2, shards=1)
    assert len(all_files(tmp_path)) == 12
    for name in all_files(tmp_path):
        path = tmp_path / name
        whole = path.read_bytes()
        for place in {0, len(whole) - 1, *(drawn.randrange(len(whole)) for _ in range(3))}:
            changed = bytearray(whole)
            changed[place] ^= 1 << drawn.randrange(8)
            path.write_bytes(changed)
            report = verify_dataset(tmp_path)
            found = (*report.problems, *(report.remarks if name == "README.md" else ()))
            assert name in {problem.path for problem in found}, (name, place, found)
        path.write_bytes(whole)
    assert (verify_dataset(tmp_path).problems, verify_dataset(tmp_path).remarks) == ((), ())


def test_a_card_may_be_edited_as_long_as_readers_load_the_same_files(spoilable: Path) -> None:
    card = spoilable / "README.md"
    text = card.read_text()
    card.write_text(text.replace("---\n", "---\nlanguage: en\n", 1) + "\nPlease cite us.\n")
    report = verify_dataset(spoilable)
    assert (report.ok, [remark.path for remark in report.remarks]) == (True, ["README.md"])
    for bad in (text.replace("test/*.tar", "test/tiny-000000.tar"), "no header at all", text.encode("utf-16")):
        card.write_bytes(bad if isinstance(bad, bytes) else bad.encode())
        assert [problem.path for problem in verify_dataset(spoilable).problems] == ["README.md"]


def test_files_that_readers_would_load_are_problems_and_others_remarks(spoilable: Path) -> None:
    loaded = ["extra.tar", "more.TAR", "other/rows.parquet", "test/notes.txt", "test/zz-000009.tar", "train/cat.png"]
    for name in loaded:
        (spoilable / name).parent.mkdir(exist_ok=True)
        shutil.copy(spoilable / TAR, spoilable / name)
    for name in ("LICENSE", ".gitattributes", "report/index.html", "report/sheet.png", "test/.tiny.editmill-tmp"):
        (spoilable / name).parent.mkdir(exist_ok=True)
        (spoilable / name).write_text("text")
    report = verify_dataset(spoilable)
    assert list(report.stray) == [problem.path for problem in report.problems]
    assert sorted(report.stray) == loaded
    remarked = sorted(remark.path for remark in report.remarks)
    assert remarked == [".gitattributes", "LICENSE", "report/", "test/.tiny.editmill-tmp"]


def test_a_released_dataset_may_lack_the_run_file(spoilable: Path) -> None:
    (spoilable / "run.json").unlink()
    assert verify_dataset(spoilable).ok


@pytest.mark.parametrize("name", [TAR, ROWS, "samples.parquet", "README.md", "run.json", "test/tiny-000000_stats.json"])
@pytest.mark.parametrize("form", ["fifo", "folder", "loop"])
def test_what_is_no_regular_file_is_a_problem(spoilable: Path, name: str, form: str) -> None:
    path = spoilable / name
    path.unlink()
    if form == "fifo":
        os.mkfifo(path)
    elif form == "folder":
        path.mkdir()
    else:
        path.symlink_to(path.name)
    assert name in {problem.path for problem in verify_dataset(spoilable).problems}


def test_a_manifest_that_is_no_regular_file_is_a_problem(spoilable: Path) -> None:
    (spoilable / "manifest.json").unlink()
    os.mkfifo(spoilable / "manifest.json")
    assert "not a regular file, but a FIFO" in verify_dataset(spoilable).problems[0].what


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("block", [1, 3, 4096])
def test_an_intact_dataset_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deep: bool, block: int
) -> None:
    build_dataset(tmp_path, sources=2, make=lambda row: {**make_members(row), "png": os.urandom(2000)})
    monkeypatch.setattr(quickcheck, "_BLOCK", block)
    monkeypatch.setattr(ShardCheck, "run", lambda *arguments, **named: pytest.fail("the slow check was asked"))
    assert verify_dataset(tmp_path, deep=deep).ok


def break_parameters(root: Path) -> None:
    """Let a column that is compared with nothing hold what is no JSON."""
    for path in (root / ROWS, root / "test/tiny-000001.parquet", root / "samples.parquet"):
        table = pq.ParquetFile(path).read()
        position = table.schema.get_field_index("parameters")
        wrong = pa.array(["{"] * table.num_rows)
        pq.write_table(table.set_column(position, table.schema.field(position), wrong), path)
    reseal(root)


def swap_member_digests(root: Path) -> None:
    """Let the rows, and all that vouch for them, name digests that are not those of the members."""
    for path in (root / ROWS, root / "test/tiny-000001.parquet", root / "samples.parquet"):
        table = pq.ParquetFile(path).read()
        position = table.schema.get_field_index("png_sha256")
        wrong = [digest and "0" * 64 for digest in table["png_sha256"].to_pylist()]
        pq.write_table(table.set_column(position, table.schema.field(position), pa.array(wrong)), path)
    reseal(root)


def swap_md5(root: Path) -> None:
    document = json.loads((root / "manifest.json").read_bytes())
    document["shards"][0]["md5"] = "0" * 32
    del document["digest"]
    (root / "manifest.json").write_bytes(sealed(document))


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (swap_member_digests, "png is not at the offset, size and digest"),
        (swap_md5, f"the manifest says {'0' * 32}"),
        (break_parameters, "is damaged"),
    ],
)
def test_only_the_deep_check_computes_digests_of_members_and_md5_and_reads_whole_rows(
    spoilable: Path, spoil: Callable[[Path], None], what: str
) -> None:
    spoil(spoilable)
    assert not [problem for problem in verify_dataset(spoilable).problems if problem.path == TAR]
    assert any(what in problem.what for problem in verify_dataset(spoilable, deep=True).problems)


# The last one so that ends of members, in 64 bits, come round to where the next one begins.
WRAPPED = {"cls_size": 2**63 - 1536, "json_offset": 2**63 - 512, "json_size": 2**63 - 1, "mask_png_offset": 0}


@pytest.mark.parametrize("change", [{"json_size": -1}, {"json_size": 2**40}, WRAPPED])
def test_sizes_beyond_the_tar_take_no_memory(spoilable: Path, change: dict[str, int]) -> None:
    table = pq.ParquetFile(spoilable / ROWS).read()
    rows = table.to_pylist()
    end = rows[0]["mask_png_offset"] + rows[0]["mask_png_size"]
    rows[0] |= change | {"mask_png_size": end - change.get("mask_png_offset", rows[0]["mask_png_offset"])}
    pq.write_table(pa.Table.from_pylist(rows, table.schema), spoilable / ROWS)
    reseal(spoilable)
    assert any(problem.path in (TAR, ROWS) for problem in verify_dataset(spoilable).problems)


def test_types_that_differ_between_shards_are_found(spoilable: Path) -> None:
    path = spoilable / "test/tiny-000001.tar"
    samples = [(key, {**one, "json": json_with(one["json"], extra=1)}) for key, one in read_tar(path)]
    write_tar(path, samples)
    reseal(spoilable)
    problems = verify_dataset(spoilable).problems
    key = samples[0][0]
    assert any(one.key == key and "'extra' is int here and absent in the first" in one.what for one in problems)


def json_with(data: bytes, **fields: object) -> bytes:
    return canonical_json({**json.loads(data), **fields})


def test_damage_names_the_sample_and_member(spoilable: Path) -> None:
    key = next(iter(index_tar(spoilable / TAR).members))
    flip_tar(spoilable)
    problems = [problem for problem in verify_dataset(spoilable).problems if problem.key]
    assert {problem.key for problem in problems} == {key}
    assert str(problems[0]).startswith(f"{TAR}: {key}: cls")


@pytest.mark.parametrize(
    ("member", "content", "what"),
    [
        ("cls", b"9", "the row's label is"),
        ("json", b"[]", "expected an object"),
        ("json", b'{"other": 1}', "absent"),
        ("json", {"seed": 5}, "json field 'seed' is '5', the row says"),
        ("json", {"edit": "full"}, "json field 'edit' is 'full', the row says"),
        ("json", {"level": 0.5}, "json field 'level' is"),
        ("json", {"class_name": "cow"}, "json field 'class_name' is"),
    ],
)
def test_content_is_checked_even_where_all_digests_agree(
    spoilable: Path, member: str, content: bytes | dict[str, object], what: str
) -> None:
    samples = list(read_tar(spoilable / TAR))
    facts = json.loads(samples[1][1]["json"])
    samples[1][1][member] = content if isinstance(content, bytes) else canonical_json({**facts, **content})
    write_tar(spoilable / TAR, samples)
    reseal(spoilable)
    report = verify_dataset(spoilable)
    assert any(problem.key == samples[1][0] and what in problem.what for problem in report.problems), report.problems
    assert not any("sha256 is" in problem.what for problem in report.problems)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"edits": ["original", "size"]}, "has the edit 'full'"),
        ({"reasons": ["mask_iou"]}, "gives the reasons ['geometry_off']"),
        ({"generator": "text"}, "has the generator 'attribute'"),
    ],
)
def test_rows_know_only_what_the_manifest_lists(spoilable: Path, change: dict[str, object], what: str) -> None:
    path = spoilable / "manifest.json"
    document = {**json.loads(path.read_bytes()), **change}
    del document["digest"]
    path.write_bytes(sealed(document))
    problems = verify_dataset(spoilable).problems
    assert any(problem.path.endswith(".parquet") and what in problem.what for problem in problems), problems


@pytest.mark.parametrize(
    ("column", "value"), [("status", "skipped"), ("reasons", ["Too dark"]), ("level", math.nan), ("seed", -1)]
)
def test_rows_that_were_rejected_say_only_what_rows_can_say(spoilable: Path, column: str, value: object) -> None:
    for path in spoilable.rglob("*.parquet"):
        table = pq.ParquetFile(path).read()
        told = zip(table["status"].to_pylist(), table[column].to_pylist(), strict=True)
        values = [old if status == "ok" else value for status, old in told]
        field = table.schema.field(column)
        changed = table.set_column(table.schema.get_field_index(column), field, pa.array(values, field.type))
        pq.write_table(changed, path)
    reseal(spoilable)
    document = {**json.loads((spoilable / "manifest.json").read_bytes()), "reasons": []}
    del document["digest"]
    (spoilable / "manifest.json").write_bytes(sealed(document))
    problems = verify_dataset(spoilable).problems
    assert any("'img001__full__0' is damaged" in problem.what and column in problem.what for problem in problems)


def test_a_key_in_two_shards_is_found(spoilable: Path) -> None:
    table = pq.ParquetFile(spoilable / ROWS).read()
    other = pq.ParquetFile(spoilable / "test/tiny-000001.parquet").read()
    keys = other["key"].to_pylist()
    keys[0] = table["key"][0].as_py()
    position = other.schema.get_field_index("key")
    field = other.schema.field("key")
    other = other.set_column(position, field, pa.array(keys))
    pq.write_table(other, spoilable / "test/tiny-000001.parquet")
    with pq.ParquetWriter(spoilable / "samples.parquet", table.schema) as writer:
        for part in (table, other):
            writer.write_table(part)
    reseal(spoilable)
    problems = verify_dataset(spoilable).problems
    assert any(problem.key == keys[0] and "repeats 2 times" in problem.what for problem in problems)


def test_merged_rows_may_be_stored_otherwise_than_in_their_shards(spoilable: Path) -> None:
    table = pq.ParquetFile(spoilable / ROWS).read()
    other = pq.ParquetFile(spoilable / "test/tiny-000001.parquet").read()
    with pq.ParquetWriter(spoilable / "samples.parquet", table.schema, compression="none") as writer:
        for part in (table, other):
            writer.write_table(part)
    reseal(spoilable)
    assert verify_dataset(spoilable).ok


def test_a_missing_or_damaged_manifest_is_a_problem_not_an_exception(spoilable: Path) -> None:
    (spoilable / "manifest.json").write_text("{")
    assert verify_dataset(spoilable).problems[0].path == "manifest.json"
    (spoilable / "manifest.json").unlink()
    assert "incomplete" in verify_dataset(spoilable).problems[0].what


def test_nothing_there_is_a_wrong_request(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no dataset here"):
        verify_dataset(tmp_path / "typo")
