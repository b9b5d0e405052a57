"""What users name as a file is looked at before it is opened, and read as UTF-8."""

from __future__ import annotations

import errno
import os
import pickle
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.manifests.errors import RequestError
from editmill.manifests.files import (
    FileProblem,
    check_regular,
    decode_text,
    parse_json,
    read_bytes,
    read_json,
    read_text,
    refuse_url,
)
from editmill.manifests.urls import connect, is_url


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize(
    ("make", "form"),
    [(Path.mkdir, "a folder"), (os.mkfifo, "a FIFO"), (bind, "a socket")],
    ids=["folder", "fifo", "socket"],
)
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_regular_file_is_refused_unopened(
    tmp_path: Path, make: Callable[[Path], object], form: str, linked: bool
) -> None:
    path = tmp_path / "x"
    make(path)
    if linked:
        path = tmp_path / "link"
        path.symlink_to("x")
    # A FIFO without a writer would wait for ever here.
    for read in (check_regular, read_bytes, read_text, read_json):
        with pytest.raises(FileProblem, match=f"^not a regular file, but {form}$"):
            read(path)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/stdin"])
def test_devices_are_refused(device: str) -> None:
    if not Path(device).exists() or Path(device).is_file():
        pytest.skip("no such device here")
    with pytest.raises(FileProblem, match="not a regular file"):
        read_bytes(Path(device))


def test_problems_name_no_path_and_keep_the_systems_number(tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        read_bytes(tmp_path / "missing")
    assert (str(caught.value), caught.value.errno) == ("No such file or directory", errno.ENOENT)
    # Processes hand their errors on by pickling.
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_paths_that_no_file_can_have_are_refused(name: str) -> None:
    with pytest.raises(FileProblem, match="a character that no file name can have"):
        read_bytes(Path(name))


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("wb") as stream:
        # Sparse: takes no room on the disk, but would in memory.
        stream.truncate(2**41)
    with pytest.raises(FileProblem, match="2,199,023,255,552 bytes; at most"):
        read_bytes(path)
    path.write_bytes(b"abc")
    assert read_bytes(path, most=3) == b"abc"
    with pytest.raises(FileProblem, match="3 bytes; at most 2 are read"):
        read_bytes(path, most=2)


@given(st.text(), st.booleans())
def test_text_is_read_with_and_without_a_mark(text: str, marked: bool) -> None:
    text = text.removeprefix("\ufeff")
    assert decode_text(text.encode("utf-8-sig" if marked else "utf-8")) == text


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_first_byte_that_is_not_utf8_is_named(mark: bytes) -> None:
    place = len(mark) + 6
    with pytest.raises(FileProblem, match=rf"^byte {place} \(line 2\) is 0xe9, which is not UTF-8"):
        decode_text(mark + "ab\ncafé".encode("latin-1"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_unicode_encodings_are_named(encoding: str) -> None:
    with pytest.raises(FileProblem, match=f"the text is {encoding.upper()}"):
        decode_text("abc".encode(encoding))


def test_what_is_no_json_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(path) == {"a": 1}
    for text in ("{", "[" * 100_000, "9" * 5000):
        with pytest.raises(FileProblem, match="JSON"):
            parse_json(text)


@pytest.mark.parametrize("url", ["s3://b/x", "https://x.org/a.png", "hf://datasets/a", "file:///x", "gs:/b/x"])
def test_urls_are_told_from_paths(url: str) -> None:
    assert is_url(url)
    with pytest.raises(RequestError, match="URLs are not supported here") as caught:
        refuse_url(url, where="--out")
    assert caught.value.where == "--out"


@pytest.mark.parametrize("path", ["a.csv", "/a/b", "C:/a", "a:b", "folder:x", "a b://c", ""])
def test_paths_are_no_urls(path: str) -> None:
    assert not is_url(path)
    refuse_url(path, where="--out")


def test_a_name_that_stands_twice_in_an_object_is_told() -> None:
    with pytest.raises(FileProblem, match="the name 'a' stands in one object twice"):
        parse_json('{"b": [{"a": 1, "a": 2}]}')
    assert parse_json('[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]


def test_an_address_without_a_bucket_is_refused() -> None:
    with pytest.raises(RequestError, match="names no bucket"):
        connect("s3://")
