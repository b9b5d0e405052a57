"""Deterministic webdataset tars, and their index.

Equal samples give equal bytes: USTAR headers with mtime 0, uid and gid 0, no names, mode 0644, and members sorted
within a sample. The index is taken from the written file, not from what was meant to be written.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from editmill.manifests.atomic import atomic_file
from editmill.manifests.errors import CorruptDatasetError, DataError
from editmill.manifests.files import FileProblem, check_regular
from editmill.manifests.keys import validate_key
from editmill.manifests.records import SUFFIX, MemberSpan

# What a USTAR header holds without splitting the name at a folder.
MAX_NAME_LENGTH = 100
_BLOCK = 1 << 20


@dataclass(frozen=True)
class TarIndex:
    """What a tar holds.

    Attributes:
        path: The file's path as given.
        bytes: Size of the file.
        sha256: Digest of the file, in hex.
        md5: The same for readers that ask for md5.
        members: Key to member suffix to span, in file order.
    """

    path: str
    bytes: int
    sha256: str
    md5: str
    members: dict[str, dict[str, MemberSpan]]


def write_tar(path: str | Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> TarIndex:
    """Write samples in the order given and index the result; ``path`` appears only when all went well.

    Args:
        path: The final name. Its folder must exist.
        samples: Key, and encoded bytes by member suffix (``png``, ``mask.png``, ``cls``, ``json``); one in memory at
            a time.

    Returns:
        The index, from re-reading the file.

    Raises:
        DataError: A key or suffix is malformed, a key repeats, a member name exceeds 100 characters, or the samples do
            not all carry the same members.
        CorruptDatasetError: What was read back is not what was written.
    """
    digests: dict[str, dict[str, bytes]] = {}
    with atomic_file(path) as stream:
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for key, members in samples:
                _check_sample(key, members, digests)
                digests[key] = {}
                for suffix in sorted(members):
                    _add(tar, f"{key}.{suffix}", members[suffix])
                    digests[key][suffix] = hashlib.sha256(members[suffix]).digest()
        # Only closing the tar has written its end, so the index is taken after that.
        stream.flush()
        stream.seek(0)
        index = index_tar_stream(stream, str(path))
        _check_readback(index, digests)
    return index


def index_tar(path: str | Path) -> TarIndex:
    """Index a tar and digest it and its members in one pass, holding one block in memory.

    Raises:
        CorruptDatasetError: The file is missing or not a readable tar, a sample's members are not adjacent, or a
            member repeats.
    """
    try:
        check_regular(Path(path), most=sys.maxsize)
    except FileProblem as error:
        raise CorruptDatasetError(f"not a readable tar: {error}", where=str(path)) from error
    with open(path, "rb") as stream:
        return index_tar_stream(stream, str(path))


def index_tar_stream(stream: BinaryIO, name: str) -> TarIndex:
    """Index a tar from a stream of bytes, which need not seek; see `index_tar`."""
    reader = _HashingReader(stream)
    members: dict[str, dict[str, MemberSpan]] = {}
    last = ""
    try:
        # As a stream: all bytes pass the digests in order, and object stores can be read too.
        with tarfile.open(fileobj=cast(BinaryIO, reader), mode="r|") as tar:
            for info in tar:
                key, _, suffix = info.name.rpartition("/")[2].partition(".")
                # Readers group members by adjacency, so a sample that goes on later would be read as two.
                # A sparse member may claim any size.
                if (
                    not info.isreg()
                    or info.issparse()
                    or suffix in members.get(key, {})
                    or (key != last and key in members)
                ):
                    raise CorruptDatasetError(f"unexpected tar member {info.name!r}: repeated, or apart", where=name)
                members.setdefault(key, {})[suffix] = _span(tar, info)
                last = key
        # tarfile stops at the end mark; the padding behind it counts in the digests of the file.
        reader.drain()
    except CorruptDatasetError:
        raise
    # Damaged headers raise whatever the field that is read raises.
    except Exception as error:
        raise CorruptDatasetError(f"not a readable tar: {error}", where=name) from error
    return TarIndex(name, reader.count, reader.sha256.hexdigest(), reader.md5.hexdigest(), members)


def read_tar(path: str | Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield key and members of each sample in file order, one sample in memory at a time."""
    index = index_tar(path)
    with open(path, "rb") as stream:
        for key, spans in index.members.items():
            yield key, {suffix: _slice(stream, span) for suffix, span in spans.items()}


def _slice(stream: BinaryIO, span: MemberSpan) -> bytes:
    stream.seek(span.offset)
    return stream.read(span.size)


def _check_sample(key: str, members: Mapping[str, bytes], written: Mapping[str, Mapping[str, bytes]]) -> None:
    validate_key(key)
    if key in written:
        raise DataError(f"key {key!r} repeats; readers would merge the two samples or fail")
    if not members:
        raise DataError(f"sample {key!r} has no members")
    first = next(iter(written.values()), members)
    if first.keys() != members.keys():
        raise DataError(
            f"sample {key!r} has members {sorted(members)}, the first sample has {sorted(first)}",
            fix="give every sample every member; readers drop or misread members that come and go",
        )
    for suffix in members:
        _check_suffix(suffix)
        if len(key) + 1 + len(suffix) > MAX_NAME_LENGTH:
            raise DataError(f"member name {key}.{suffix} exceeds {MAX_NAME_LENGTH} characters")


def _check_suffix(suffix: str) -> None:
    if not SUFFIX.fullmatch(suffix):
        raise DataError(
            f"bad member suffix {suffix!r}",
            fix="use lower-case letters and digits between dots, as in png, mask.png, cls, json",
        )


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    tar.addfile(info, io.BytesIO(data))


def _span(tar: tarfile.TarFile, info: tarfile.TarInfo) -> MemberSpan:
    content = tar.extractfile(info)
    digest = hashlib.sha256()
    while content is not None and (block := content.read(_BLOCK)):
        digest.update(block)
    return MemberSpan(offset=info.offset_data, size=info.size, sha256=digest.hexdigest())


def _check_readback(index: TarIndex, digests: dict[str, dict[str, bytes]]) -> None:
    found = {key: {s: bytes.fromhex(span.sha256) for s, span in spans.items()} for key, spans in index.members.items()}
    if found != digests:
        raise CorruptDatasetError("the tar does not read back as written", where=index.path, fix="check the disk")


class _HashingReader:
    """Digests what tarfile reads, so that one pass serves the index and the file's digests."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()
        # For wids, whose index names it; systems in FIPS mode refuse md5 that is not declared harmless.
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.count = 0

    def read(self, size: int) -> bytes:
        block = self._stream.read(size)
        self.sha256.update(block)
        self.md5.update(block)
        self.count += len(block)
        return block

    def drain(self) -> None:
        while self.read(_BLOCK):
            pass
