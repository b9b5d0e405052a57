"""Tars of pictures and texts."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.faults.case import Case, Expected, built, error
from tests.faults.drawing import captions_from, encoded, photo, put

QUICK = ("empty file", "not a tar", "no text", "a missing shard")
Members = list[tuple[str, bytes]]


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for name, (content, expected) in {**_samples(), **_damaged()}.items():
        make = partial(_folder, content=content)
        yield Case(f"webdataset/{name}", make, captions_from("webdataset:shard.tar"), expected, name in QUICK)
    for name, (pattern, says) in _patterns().items():
        make = partial(_folder, content=_tar(_good()))
        yield Case(f"webdataset/{name}", make, captions_from(f"webdataset:{pattern}"), error(*says), name in QUICK)


def _folder(folder: Path, content: bytes) -> None:
    put(folder / "shard.tar", content)


def _good() -> Members:
    return [("good.png", encoded(photo())), ("good.txt", b"a ball on a table")]


def _tar(members: Members, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _special(kind: bytes, target: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in _good():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        member = tarfile.TarInfo("bad.png")
        member.type, member.linkname = kind, target
        tar.addfile(member)
    return buffer.getvalue()


def _samples() -> dict[str, tuple[bytes, Expected]]:
    picture, good = encoded(photo()), _good()
    texts = json.dumps({"texts": ["a ball", "a cup"]}).encode()
    odd: dict[str, tuple[Members, Expected]] = {
        "plain": (good, built(good="")),
        "no text": ([("bad.png", picture), *good], built("without a readable text", good="")),
        "no picture": ([("bad.txt", b"a ball"), *good], built(bad="source_unreadable", good="")),
        "a broken picture": (
            [("bad.png", b"x"), ("bad.txt", b"a ball"), *good],
            built(bad="source_unreadable", good=""),
        ),
        "dots in names": ([("a.b.png", picture), ("a.b.txt", b"a ball"), *good], built("a.b", good="")),
        "dots in all names": ([("a.b.png", picture), ("a.b.txt", b"a ball")], error("shard.tar", "a.b")),
        "a doubled ending": ([("a.tar.png", picture), *good], built("a.tar", good="")),
        "texts": ([("good.png", picture), ("good.json", texts)], built(good="")),
        "a JSON list": ([("bad.png", picture), ("bad.json", b"[1]"), *good], built("without a readable text", good="")),
        "a JSON null": (
            [("bad.png", picture), ("bad.json", b'{"caption": null}'), *good],
            built("readable text", good=""),
        ),
        "a JSON number": (
            [("bad.png", picture), ("bad.json", b'{"texts": [1]}'), *good],
            built("readable text", good=""),
        ),
        "100,000 levels": (
            [("bad.png", picture), ("bad.json", b"[" * 100_000), *good],
            built("readable text", good=""),
        ),
        "half a surrogate": (
            [("bad.png", picture), ("bad.json", b'{"caption": "\\ud800"}'), *good],
            built("readable text", good=""),
        ),
        "latin-1": ([("bad.png", picture), ("bad.txt", b"b\xe4ll"), *good], built("readable text", good="")),
        "NUL in a text": ([("good.png", picture), ("good.txt", b"a \0 ball")], built(good="")),
        "an empty text": ([("bad.png", picture), ("bad.txt", b""), *good], built("empty text", good="")),
        "names that are empty": ([(".png", picture), (".txt", b"a ball"), *good], built(good="")),
        "a name twice": ([*good, *good], built(good="")),
        "texts alone": ([("a.txt", b"a ball")], built(a="source_unreadable")),
        "other members alone": ([("a.cls", b"1")], error("shard.tar")),
        "parent folders in names": ([("../good.png", picture), ("../good.txt", b"a ball")], built(**{"../good": ""})),
    }
    return {name: (_tar(members), expected) for name, (members, expected) in odd.items()}


def _damaged() -> dict[str, tuple[bytes, Expected]]:
    plain, named = _tar(_good()), error("shard.tar")
    broken = bytearray(plain)
    broken[150] ^= 0xFF
    sized = bytearray(plain)
    sized[124:136] = b"77777777777\0"
    return {
        "empty file": (b"", named),
        "zeros": (bytes(20_480), named),
        "not a tar": (b"this is no tar" * 100, named),
        "gzip": (_tar(_good(), "w:gz"), named),
        "xz": (_tar(_good(), "w:xz"), named),
        "a ZIP": (b"PK\x03\x04" + bytes(2000), named),
        "cut in a header": (plain[:300], named),
        "cut in a member": (plain[:900], named),
        "a wrong checksum": (bytes(broken), named),
        "a member of 8 GB": (bytes(sized), named),
        "a link": (_special(tarfile.SYMTYPE, "/etc/passwd"), built(good="")),
        "a hard link": (_special(tarfile.LNKTYPE, "good.png"), built(good="")),
        "a FIFO": (_special(tarfile.FIFOTYPE), built(good="")),
        "a device": (_special(tarfile.CHRTYPE), built(good="")),
        "a folder": (_special(tarfile.DIRTYPE), built(good="")),
    }


def _patterns() -> dict[str, tuple[str, tuple[str, ...]]]:
    return {
        "a missing shard": ("none.tar", ("none.tar",)),
        "a pattern without a match": ("none-*.tar", ("none-*.tar",)),
        "braces without a match": ("none-{0..3}.tar", ("none-0.tar",)),
        "braces of 10^8": ("none-{0..99999999}.tar", ("{0..99999999}",)),
        "braces of 10^30": (f"none-{{0..{10**30}}}.tar", ("none",)),
        "braces times braces": ("{0..9999}{0..9999}{0..9999}.tar", ("{0..9999}",)),
        "nested braces": ("{" * 2000 + "}" * 2000, ("{{{",)),
        "braces never closed": ("none-{0..3.tar", ("none-{0..3.tar",)),
        "two stars": ("**/**/none*.tar", ("none*.tar",)),
    }
