"""Image-text shards: exact texts, samples by key, random access, and damaged tars."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import tarfile
from pathlib import Path

import braceexpand
import numpy as np
import pytest
import webdataset
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from webdataset.tariterators import group_by_keys

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests.errors import SourceError
from editmill.pipelines.sources.webdataset import MOST_TEXT, WebDatasetSource, WebDatasetSpec, _most_paths


def picture(shade: int, suffix: str = "png", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (30, 20), (shade, shade, shade)).save(stream, {"jpg": "jpeg"}.get(suffix, suffix), **options)
    return stream.getvalue()


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def open_shards(pattern: Path) -> WebDatasetSource:
    return WebDatasetSource(WebDatasetSpec(shards=pattern, licence="CC0"))


def texts_of(path: Path, members: list[tuple[str, bytes]]) -> list[str]:
    """The texts of one sample with a picture and ``members``."""
    (record,) = open_shards(write_tar(path / "one.tar", [("a.png", picture(1)), *members])).records()
    return [one.text for one in record.captions]


def test_shards_as_webdataset_writes_them(tmp_path: Path) -> None:
    for shard in range(3):
        with webdataset.TarWriter(str(tmp_path / f"{shard:05d}.tar"), encoder=False, mtime=0) as writer:
            for place, suffix in enumerate(("png", "jpg", "webp", "jpeg")):
                options = {"lossless": True} if suffix == "webp" else {}
                text = f"shard {shard}, sample {place}\n".encode()
                writer.write(
                    {
                        "__key__": f"{shard}{place}",
                        suffix: picture(shard * 40 + place, suffix, **options),
                        "txt": text,
                        "json": b"{}",
                    }
                )
    source = open_shards(tmp_path / "{00000..00002}.tar")
    records = list(source.records())
    assert [record.id for record in records] == [f"{shard}{place}" for shard in range(3) for place in range(4)]
    assert records[5].image == "00001.tar#11"
    assert [(one.id, one.text, one.label) for one in records[5].captions] == [("0", "shard 1, sample 1", -1)]
    assert all(
        (record.width, record.height, record.licence, record.problem) == (30, 20, "CC0", "") for record in records
    )
    # A second source has read nothing before it loads.
    fresh = open_shards(tmp_path / "*.tar")
    for record in reversed(records):
        shard, place = int(record.id[0]), int(record.id[1])
        assert np.abs(fresh.load(record).image.astype(int) - (shard * 40 + place)).max() <= 2


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\n", "a"),
        (b"a\r\n", "a"),
        (b"a\n\n", "a\n"),
        (b"a\r", "a\r"),
        (b" a ", " a "),
        ("\ufeffcafé".encode(), "café"),
        (b"a\r\nb\r\n", "a\r\nb"),
        ("a\u2028\n".encode(), "a\u2028"),
        ("😀".encode(), "😀"),
    ],
)
def test_only_one_line_break_at_the_end_belongs_to_the_file(tmp_path: Path, data: bytes, text: str) -> None:
    assert texts_of(tmp_path, [("a.txt", data)]) == [text]


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
        lambda text: bool(text.strip()) and not text.startswith("\ufeff")
    )
)
def test_any_text_is_kept_exactly(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("texts")
    assert texts_of(folder, [("a.txt", f"{text}\n".encode())]) == [text[:-1] if text.endswith("\r") else text]
    assert texts_of(folder, [("a.json", json.dumps({"caption": text}).encode())]) == [text]


def test_texts_may_stand_in_the_json(tmp_path: Path) -> None:
    assert texts_of(tmp_path, [("a.json", b'{"texts": ["a\\n", "", "b"], "caption": "c"}')]) == ["a\n", "b"]
    assert texts_of(tmp_path, [("a.JSON", b'{"caption": "c"}')]) == ["c"]
    assert texts_of(tmp_path, [("a.txt", b"t"), ("a.json", b'{"caption": "c"}')]) == ["t"]


def test_samples_without_a_readable_text_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = [
        ("b.json", b"{"),
        ("c.json", b"[]"),
        ("d.json", b'{"texts": "x"}'),
        ("e.json", b'{"caption": 4}'),
        ("f.txt", b"\xff"),
        ("g.json", b'{"caption": "\\ud83d"}'),
        ("h.png", picture(1)),
        ("i.txt", b"\n"),
        ("j.json", b"[" * 9000),
        ("k.json", b'{"texts": null}'),
        ("l.txt", b"x" * (MOST_TEXT + 1)),
    ]
    source = open_shards(write_tar(tmp_path / "x.tar", [("a.png", picture(1)), ("a.txt", b"a"), *bad]))
    with caplog.at_level(logging.WARNING):
        assert [record.id for record in source.records()] == ["a"]
    assert "10 samples without a readable text are left out, the first x.tar#b" in caplog.text
    assert "1 empty text is left out" in caplog.text


def test_unusual_members_do_no_harm(tmp_path: Path) -> None:
    members = [
        ("deep/er/a.png", picture(1)),
        ("deep/er/a.txt", b"one"),
        ("deep/er/a.seg.png", b"x"),
        ("deep/er/.txt", b"x"),
        ("._a.txt", b"x"),
        ("noext", b"x"),
        ("v1.5/a#b.png", picture(2)),
        ("v1.5/a#b.txt", b"two"),
        ("z.b.txt", b"x"),
        ("é.PNG", picture(3)),
        ("é.TXT", b"three"),
    ]
    path = write_tar(tmp_path / "with#hash.tar", members)
    with tarfile.open(path, "a") as tar:
        folder = tarfile.TarInfo("q.txt")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    source = open_shards(path)
    records = list(source.records())
    assert [(record.id, record.captions[0].text) for record in records] == [
        ("deep/er/a", "one"),
        ("v1.5/a#b", "two"),
        ("é", "three"),
    ]
    assert [int(source.load(record).image[0, 0, 0]) for record in records] == [1, 2, 3]


def test_names_with_dots_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dotted = [(f"d/photo.v{number}.{suffix}", b"x") for number in (1, 2) for suffix in ("JPG", "txt")]
    members = [*dotted, ("a.png", picture(1)), ("a.txt", b"a"), ("a.depth.npy", b"x"), ("v1.0/b.cls", b"x")]
    write_tar(tmp_path / "x.tar", members)
    write_tar(tmp_path / "y.tar", [("b.png", picture(1)), ("b.txt", b"b"), ("b.mask.png", b"x")])
    source = open_shards(tmp_path / "{x,y}.tar")
    with caplog.at_level(logging.WARNING):
        records = list(source.records())
    assert [record.id for record in records] == ["a", "b"]
    assert "3 names have dots before the suffix and are left out, the first x.tar#d/photo.v1;" in caplog.text
    # Loading says nothing again.
    caplog.clear()
    open_shards(tmp_path / "{x,y}.tar").load(records[0])
    assert not caplog.text


def test_keys_are_those_of_webdataset_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = ["a", "d.1/b", "./e", "f-g", "photo.v1"]
    members = [(f"{name}.{suffix}", data) for name in names for suffix, data in (("png", picture(1)), ("txt", b"x"))]
    grouped = group_by_keys({"fname": name, "data": data, "__url__": ""} for name, data in members)
    wanted = [sample["__key__"] for sample in grouped if "png" in sample]
    assert (
        [record.id for record in open_shards(write_tar(tmp_path / "x.tar", members)).records()] == wanted == names[:4]
    )
    assert "1 name has dots" in caplog.text


def test_equal_keys_are_samples_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one = [("a.png", picture(1)), ("a.txt", b"one"), ("a.png", picture(2)), ("a.txt", b"two")]
    write_tar(tmp_path / "x.tar", one)
    write_tar(
        tmp_path / "other/x.tar",
        [("a.txt", b"three"), ("b.txt", b"four"), ("b.png", picture(4)), ("a.png", picture(3))],
    )
    source = open_shards(tmp_path / "{x,other/x}.tar")
    records = list(source.records())
    assert len({record.id for record in records}) == len({record.image for record in records}) == 4
    assert [record.captions[0].text for record in records] == ["one", "two", "three", "four"]
    assert [int(source.load(record).image[0, 0, 0]) for record in records] == [1, 2, 3, 4]


def test_one_bad_picture_has_its_problem_and_the_next_is_fine(tmp_path: Path) -> None:
    source = open_shards(
        write_tar(
            tmp_path / "x.tar",
            [("a.png", b"x"), ("a.txt", b"a"), ("b.txt", b"b"), ("c.png", picture(1)), ("c.txt", b"c")],
        )
    )
    records = list(source.records())
    assert [record.problem for record in records] == [Reason.SOURCE_UNREADABLE, Reason.SOURCE_UNREADABLE, ""]
    for record in records[:2]:
        with pytest.raises(Unusable, match=r"x\.tar#"):
            source.load(record)
    assert source.load(records[2]).image.shape == (20, 30, 3)


def test_a_picture_taken_sideways_is_read_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = open_shards(write_tar(tmp_path / "x.tar", [("a.jpg", picture(9, "jpg", exif=exif)), ("a.txt", b"a")]))
    (record,) = source.records()
    assert (record.width, record.height) == (20, 30)
    assert source.load(record).image.shape == (30, 20, 3)


def test_patterns(tmp_path: Path) -> None:
    for name in ("a0", "a1", "b[0]", "c{0"):
        write_tar(tmp_path / f"{name}.tar", [(f"{name}.txt", b"x"), (f"{name}.png", picture(1))])
    wanted = {
        "a*.tar": ["a0", "a1"],
        "a{0..1}.tar": ["a0", "a1"],
        "{a1,a*}.tar": ["a1", "a0"],
        "b[0].tar": ["b[0]"],
        "c{0.tar": ["c{0"],
    }
    assert {
        pattern: [record.id for record in open_shards(tmp_path / pattern).records()] for pattern in wanted
    } == wanted


@pytest.mark.parametrize(
    "pattern", ["none.tar", "none*.tar", "a{0..2}.tar", ".", "{" * 3000 + "}" * 3000, "{a0,b}" * 16]
)
def test_a_missing_shard(tmp_path: Path, pattern: str) -> None:
    for number in range(2):
        write_tar(tmp_path / f"a{number}.tar", [("a.txt", b"x")])
    with pytest.raises(SourceError, match="no such shard") as caught:
        list(open_shards(tmp_path / pattern).records())
    assert "webdataset:" in caught.value.fix


@pytest.mark.parametrize(
    "pattern",
    [
        "{0..99999999}.tar",
        "{0..99999999..2}.tar",
        "{-99999999..0}.tar",
        "{a,b{0..99999999}}.tar",
        "{0..999}{0..999}.tar",
        "{a,b}" * 30,
        "{a,{b,c}{d,e}}" * 20,
        "{a..z}" * 5,
        "{0.." + "9" * 5000 + "}.tar",
    ],
)
def test_too_many_shards_are_refused_at_once(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SourceError, match="more than 100,000 shards"):
        list(open_shards(tmp_path / pattern).records())


@given(
    st.lists(st.sampled_from(["a", "{", "}", ",", "{0..3}", "{5..1..2}", "{a..c}", "{,b}", "..", "{x}"]), max_size=9)
)
def test_the_bound_holds_for_any_pattern(parts: list[str]) -> None:
    pattern = "".join(parts)
    try:
        found = len(list(braceexpand.braceexpand(pattern, escape=False)))
    except ValueError:
        return
    assert found <= _most_paths(pattern)


def test_the_bound_of_nested_braces_is_their_number() -> None:
    assert _most_paths("{train/{000..999},val/{000..499},x}.tar") == 1501


@pytest.mark.parametrize("kind", ["FIFO", "folder"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.tar"
    os.mkfifo(path) if kind == "FIFO" else path.mkdir()
    with pytest.raises(SourceError, match=f"no such shard: not a regular file, but a {kind}"):
        list(open_shards(path).records())
    with pytest.raises(SourceError, match="not a regular file, but a device"):
        list(open_shards(Path("/dev/zero")).records())


@pytest.mark.parametrize("size", [-512, -(2**60), 2**60])
def test_a_size_that_leads_nowhere_is_a_damaged_header(tmp_path: Path, size: int) -> None:
    info = tarfile.TarInfo("b.png")
    info.size = size
    path = write_tar(tmp_path / "x.tar", [("a.txt", b"a"), ("a.png", picture(1))])
    data = path.read_bytes().rstrip(b"\0")
    data += b"\0" * (-len(data) % 512)
    path.write_bytes(data + info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 10240)
    with pytest.raises(SourceError, match="can't be read"):
        list(open_shards(path).records())


@pytest.mark.parametrize(
    "header",
    [b"21 GNU.sparse.map=1,x\n22 GNU.sparse.major=x\n", b"26 GNU.sparse.realsize=xx\n", b"99 size=1\n", b"0 size=1\n"],
)
def test_headers_with_more_fields_that_are_wrong(tmp_path: Path, header: bytes) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(header)
    body = header + b"\0" * (-len(header) % 512)
    file = tarfile.TarInfo("b.png")
    file.size = 4
    path = tmp_path / "x.tar"
    path.write_bytes(info.tobuf() + body + file.tobuf() + b"abcd".ljust(512, b"\0") + b"\0" * 1024)
    with pytest.raises(SourceError):
        list(open_shards(path).records())


def damaged(data: bytes) -> dict[str, bytes]:
    second = data.index(b"b.txt")
    return {
        "cut": data[: second + 700],
        "cut in a header": data[: second + 100],
        "header": data[: second + 150] + b"\xff" * 8 + data[second + 158 :],
        "compressed": gzip.compress(data),
        "empty": b"",
        "other": b"no tar" * 200,
    }


@pytest.mark.parametrize("kind", ["cut", "cut in a header", "header", "compressed", "empty", "other"])
def test_a_damaged_shard_is_never_a_short_one(tmp_path: Path, kind: str) -> None:
    path = write_tar(tmp_path / "x.tar", [("a.txt", b"a"), ("a.png", picture(1)), ("b.txt", b"b" * 2000)])
    path.write_bytes(damaged(path.read_bytes())[kind])
    with pytest.raises(SourceError, match="can't be read") as caught:
        list(open_shards(path).records())
    assert caught.value.where == str(path)


def test_shards_without_texts(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no image with a text"):
        list(open_shards(write_tar(tmp_path / "x.tar", [("a.png", picture(1))])).records())
