from __future__ import annotations

import hashlib
import os
import tarfile
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from editmill.manifests.errors import CorruptDatasetError, DataError
from editmill.manifests.tarshard import TarWriter, index_tar, read_tar, write_headers, write_tar

SUFFIXES = ("png", "mask.png", "cls", "json")
KEYS = st.lists(st.from_regex(r"[a-z0-9_-]{0,12}[0-9]", fullmatch=True), unique=True, max_size=5)
CONTENTS = st.fixed_dictionaries({suffix: st.binary(max_size=1500) for suffix in SUFFIXES})
SAMPLES = KEYS.flatmap(lambda keys: st.tuples(*[st.tuples(st.just(key), CONTENTS) for key in keys]).map(list))


def sample(text: str) -> dict[str, bytes]:
    return {suffix: f"{text} {suffix}".encode() for suffix in SUFFIXES}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SAMPLES)
def test_same_samples_same_bytes_and_back(tmp_path: Path, samples: list[tuple[str, dict[str, bytes]]]) -> None:
    one = write_tar(tmp_path / "one.tar", samples)
    shuffled = [(key, dict(reversed(members.items()))) for key, members in samples]
    two = write_tar(tmp_path / "two.tar", shuffled)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert one.sha256 == two.sha256
    assert list(read_tar(tmp_path / "one.tar")) == [(key, dict(sorted(members.items()))) for key, members in samples]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SAMPLES)
def test_index_finds_the_bytes(tmp_path: Path, samples: list[tuple[str, dict[str, bytes]]]) -> None:
    index = write_tar(tmp_path / "a.tar", samples)
    data = (tmp_path / "a.tar").read_bytes()
    assert (index.bytes, index.sha256, index.md5) == (
        len(data),
        hashlib.sha256(data).hexdigest(),
        hashlib.md5(data).hexdigest(),
    )
    assert list(index.members) == [key for key, _ in samples]
    for key, members in samples:
        for suffix, content in members.items():
            span = index.members[key][suffix]
            assert data[span.offset : span.offset + span.size] == content
            assert span.sha256 == hashlib.sha256(content).hexdigest()


def test_headers_hold_no_time_no_user_and_no_extension(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [("a0", sample("a"))])
    with tarfile.open(tmp_path / "a.tar") as tar:
        for info in tar:
            assert (info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode) == (0, 0, 0, "", "", 0o644)
            assert info.type == tarfile.REGTYPE
            assert not info.pax_headers
    # One header and one content block per member, then the end padded to a record: no PAX header anywhere.
    assert (tmp_path / "a.tar").stat().st_size == 10240
    assert (tmp_path / "a.tar").read_bytes()[257:263] == b"ustar\0"


def test_file_times_do_not_matter(tmp_path: Path) -> None:
    first = write_tar(tmp_path / "a.tar", [("a0", sample("a"))])
    os.utime(tmp_path / "a.tar", (1, 1))
    assert index_tar(tmp_path / "a.tar") == first


def test_no_samples_give_an_empty_tar(tmp_path: Path) -> None:
    index = write_tar(tmp_path / "a.tar", [])
    assert (index.members, index.bytes) == ({}, 10240)
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert tar.getnames() == []


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([("x_0.5", sample("a"))], "bad sample key"),
        ([("a", sample("a"))], "bad sample key"),
        ([("a0", sample("a")), ("b0", sample("b")), ("a0", sample("c"))], "repeats"),
        ([("a0", {"png": b"1"}), ("a0", {"cls": b"1"})], "repeats"),
        ([("a0", sample("a")), ("b0", {"png": b"1", "cls": b"1", "json": b"{}"})], "has members"),
        ([("a0", {})], "no members"),
        ([("a0", {"PNG": b""})], "bad member suffix"),
        ([("a0", {"mask1.png": b""})], "bad member suffix"),
        ([("a0", {".png": b""})], "bad member suffix"),
        ([("a0", {"bild\u00e9.png": b""})], "bad member suffix"),
        ([("a0", {"": b""})], "bad member suffix"),
        ([("a" * 79 + "0", {"m" * 20: b""})], "exceeds 100"),
    ],
)
def test_what_readers_misread_is_refused_and_leaves_nothing(
    tmp_path: Path, samples: list[tuple[str, Mapping[str, bytes]]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        write_tar(tmp_path / "a.tar", samples)
    assert os.listdir(tmp_path) == []


def test_an_exception_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def samples() -> Iterator[tuple[str, dict[str, bytes]]]:
        yield "a0", sample("a")
        raise RuntimeError("the device went away")

    with pytest.raises(RuntimeError, match="device"):
        write_tar(tmp_path / "a.tar", samples())
    assert os.listdir(tmp_path) == []


def test_memory_does_not_grow_with_the_shard(tmp_path: Path) -> None:
    def samples(count: int) -> Iterator[tuple[str, dict[str, bytes]]]:
        for number in range(count):
            yield f"a{number}", {"png": bytes(1_000_000), "cls": b"0"}

    tracemalloc.start()
    write_tar(tmp_path / "a.tar", samples(24))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000


def test_a_truncated_tar_is_corrupt(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [("a0", {"png": bytes(4000)})])
    data = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(data[:2000])
    with pytest.raises(CorruptDatasetError, match="not a readable tar"):
        index_tar(tmp_path / "a.tar")


def test_a_scattered_sample_is_corrupt(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("a0.png", "b0.png", "a0.cls"):
            tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(CorruptDatasetError, match=r"a0\.cls"):
        index_tar(tmp_path / "a.tar")


def test_headers_of_many_members_are_those_of_the_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    spans = write_tar(path, [("k0", {"cls": b"1", "mask.png": bytes(70_000)})]).members["k0"]
    names = np.array([f"k0.{member}".encode() for member in spans])
    sizes = np.array([span.size for span in spans.values()])
    heads = [np.fromfile(path, np.uint8, 512, offset=span.offset - 512) for span in spans.values()]
    assert np.array_equal(write_headers(names, sizes), heads)


def test_a_writer_keeps_little_of_a_sample_and_notices_bytes_that_were_lost(tmp_path: Path) -> None:
    with open(tmp_path / "a.tar", "w+b") as stream, TarWriter(stream, "a.tar") as tar:
        tracemalloc.start()
        for number in range(2000):
            tar.add(f"a{number}", {"cls": b"0", "json": b"{}", "mask.png": bytes(100), "png": bytes(100)})
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        tar.flush()
        assert kept < 2000 * 400 + 2 * 2**20
        spread = [span.offset for span in tar._kept]
        assert len(set(np.diff(spread))) == 1, "what is read again is spread evenly"
        os.pwrite(stream.fileno(), b"x" * (tar.bytes // 2), tar.bytes // 4)
        with pytest.raises(CorruptDatasetError, match="does not read back"):
            tar.close()
