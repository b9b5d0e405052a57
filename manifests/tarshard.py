"""Deterministic webdataset tars, and their index.

Equal samples give equal bytes: USTAR headers with mtime 0, uid and gid 0, no names, mode 0644, and members sorted
within a sample.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from editmill.manifests.atomic import atomic_file
from editmill.manifests.errors import CorruptDatasetError, DataError
from editmill.manifests.files import FileProblem, check_regular
from editmill.manifests.keys import validate_key
from editmill.manifests.records import SUFFIX, MemberSpan

# What a USTAR header holds without splitting the name at a folder.
MAX_NAME_LENGTH = 100
_BLOCK = 1 << 20
# How many members a writer reads again at least, where it has as many; at most twice as many.
_READ_BACK = 16
# Fields of a USTAR header: mode, user, group; time; type, link, "ustar", names of user and group, device, prefix.
_BEFORE_SIZE, _NO_TIME = b"0000644\0" + 2 * b"0000000\0", b"00000000000\0"
_AFTER_CHECKSUM = b"0" + bytes(100) + b"ustar\x0000" + bytes(64 + 16 + 155 + 12)
_TEMPLATE_SUM = sum(_BEFORE_SIZE) + sum(_NO_TIME) + 8 * ord(" ") + sum(_AFTER_CHECKSUM)
# Places of the octal digits of size and checksum, and what to shift numbers by for each.
_SIZE, _CHECKSUM = slice(124, 135), slice(148, 154)
_SIZE_SHIFTS, _CHECKSUM_SHIFTS = 3 * np.arange(10, -1, -1), 3 * np.arange(5, -1, -1)


@dataclass(frozen=True)
class TarFile:
    """A tar as a file.

    Attributes:
        path: The file's path as given.
        bytes: Size of the file.
        sha256: Digest of the file, in hex.
        md5: The same for readers that ask for md5.
    """

    path: str
    bytes: int
    sha256: str
    md5: str


@dataclass(frozen=True)
class TarIndex(TarFile):
    """A tar and what it holds; ``members`` leads from key to member suffix to span, in file order."""

    members: dict[str, dict[str, MemberSpan]]


def write_tar(path: str | Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> TarIndex:
    """Write samples in the order given; ``path`` appears only when all went well.

    Args:
        path: The final name. Its folder must exist.
        samples: Key, and encoded bytes by member suffix (``png``, ``mask.png``, ``cls``, ``json``); one in memory at
            a time.

    Raises:
        DataError: See `TarWriter.add`.
        CorruptDatasetError: See `TarWriter.close`.
    """
    with atomic_file(path) as stream, TarWriter(stream, str(path)) as tar:
        spans = {key: tar.add(key, members) for key, members in samples}
        return TarIndex(**vars(tar.close()), members=spans)


class TarWriter:
    """Appends samples to a tar; bytes are digested on their way, so that they need not be read again.

    Of what was written it keeps the keys alone, so that a large shard takes little memory.

    Args:
        stream: Opened for writing and reading, at its beginning.
        name: The tar in messages.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name, self.bytes = name, 0
        self.keys: dict[str, None] = {}
        self._suffixes: frozenset[str] = frozenset()
        # Of every so many members one, to be read again.
        self._every, self._members, self._kept = 1, 0, list[MemberSpan]()
        self._stream, self._digests, self._waiting = stream, _FileDigests(), bytearray()

    def __enter__(self) -> TarWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._digests.end()

    def add(self, key: str, members: Mapping[str, bytes]) -> dict[str, MemberSpan]:
        """Append a sample, its members sorted, and return where they lie.

        Raises:
            DataError: The key or a suffix is malformed, the key repeats, a member name exceeds 100 characters, or the
                sample does not carry the members of the first one.
        """
        _check_sample(key, members, self.keys, self._suffixes)
        self.keys[key], self._suffixes, spans = None, frozenset(members), dict[str, MemberSpan]()
        for suffix in sorted(members):
            data = members[suffix]
            self._write(_header(f"{key}.{suffix}", len(data)))
            digest = hashlib.sha256(data).hexdigest()
            # Built here from what is right, and so not checked again.
            spans[suffix] = MemberSpan.model_construct(offset=self.bytes, size=len(data), sha256=digest)
            self._write(data)
            self._write(bytes(padded(len(data)) - len(data)))
            self._keep(spans[suffix])
        return spans

    def flush(self) -> None:
        """Hand what was added to the system."""
        self._pass_on()
        self._stream.flush()

    def close(self) -> TarFile:
        """Write the end and return the file's size and digests.

        Raises:
            CorruptDatasetError: Some of what was written does not read back as it was.
        """
        ended = self.bytes + 2 * tarfile.BLOCKSIZE
        self._write(bytes(2 * tarfile.BLOCKSIZE + -ended % tarfile.RECORDSIZE))
        self.flush()
        self._check_readback()
        sha256, md5 = self._digests.end()
        return TarFile(self.name, self.bytes, sha256, md5)

    def _keep(self, span: MemberSpan) -> None:
        """Keep evenly spread members, never more than twice as many as are read again."""
        if self._members % self._every == 0:
            self._kept.append(span)
        self._members += 1
        if len(self._kept) == 2 * _READ_BACK:
            self._kept, self._every = self._kept[::2], 2 * self._every

    def _write(self, data: bytes) -> None:
        self._waiting += data
        self.bytes += len(data)
        if len(self._waiting) >= _BLOCK:
            self._pass_on()

    def _pass_on(self) -> None:
        block, self._waiting = self._waiting, bytearray()
        self._digests.update(block)
        self._stream.write(block)

    def _check_readback(self) -> None:
        """Read a few members again: a disk that loses bytes seldom loses few. `verify` reads all."""
        descriptor = self._stream.fileno()
        right = os.fstat(descriptor).st_size == self.bytes
        for span in self._kept:
            data = os.pread(descriptor, span.size, span.offset)
            right = right and hashlib.sha256(data).hexdigest() == span.sha256
        if not right:
            raise CorruptDatasetError("the tar does not read back as written", where=self.name, fix="check the disk")


def padded(size: int) -> int:
    """Return the bytes that content of this size takes in a tar."""
    return size + -size % tarfile.BLOCKSIZE


class _FileDigests:
    """Sha256 and md5 of a file, computed beside its writer."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        # For wids, whose index names it; systems in FIPS mode refuse md5 that is not declared harmless.
        self._md5 = hashlib.md5(usedforsecurity=False)
        # One thread each; hashlib lets other threads run meanwhile.
        self._pools = [ThreadPoolExecutor(1) for _ in range(2)]
        self._running: list[Future[None]] = []

    def update(self, block: bytes | bytearray) -> None:
        """Take the next bytes; those before the last block are done then, which bounds what waits."""
        wait(self._running)
        digests = (self._sha256, self._md5)
        self._running = [pool.submit(one.update, block) for pool, one in zip(self._pools, digests, strict=True)]

    def end(self) -> tuple[str, str]:
        """Return both digests in hex."""
        for pool in self._pools:
            pool.shutdown()
        return self._sha256.hexdigest(), self._md5.hexdigest()


def _header(name: str, size: int) -> bytes:
    """Return the USTAR header of a regular file with mode 0644, and no time, user or group; ``name`` is ASCII."""
    number = b"%011o\0" % size
    # Without the checksum, which counts as eight spaces.
    total = _TEMPLATE_SUM + sum(name.encode()) + sum(number)
    return b"".join(
        (name.encode().ljust(100, b"\0"), _BEFORE_SIZE, number, _NO_TIME, b"%06o\0 " % total, _AFTER_CHECKSUM)
    )


def write_headers(names: npt.NDArray[np.bytes_], sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the headers that the writer gives members of these names and sizes, uint8 [N, 512]."""
    headers = np.empty((len(names), tarfile.BLOCKSIZE), np.uint8)
    headers[:] = np.frombuffer(_header("", 0), np.uint8)
    letters = names.view(np.uint8).reshape(len(names), names.itemsize)
    headers[:, : names.itemsize] = letters
    headers[:, _SIZE] = digits = (sizes[:, None] >> _SIZE_SHIFTS & 7) + ord("0")
    total = _TEMPLATE_SUM + letters.sum(axis=1, dtype=np.int64) + digits.sum(axis=1)
    headers[:, _CHECKSUM] = (total[:, None] >> _CHECKSUM_SHIFTS & 7) + ord("0")
    return headers


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


def index_tar_stream(stream: BinaryIO, name: str, advance: Callable[[int], object] = lambda size: None) -> TarIndex:
    """Index a tar from a stream of bytes, which need not seek; see `index_tar`.

    ``advance`` is called with the number of bytes read since the last call.
    """
    members: dict[str, dict[str, MemberSpan]] = {}
    last = ""
    with _DigestingReader(stream, advance) as reader:
        try:
            while header := reader.header():
                member, size = _parse_header(header)
                key, _, suffix = member.rpartition("/")[2].partition(".")
                # Readers group members by adjacency, so a sample that goes on later would be read as two.
                if size is None or suffix in members.get(key, {}) or (key != last and key in members):
                    raise CorruptDatasetError(f"unexpected tar member {member!r}: repeated, or apart", where=name)
                members.setdefault(key, {})[suffix] = reader.span(size)
                last = key
            count, sha256, md5 = reader.drain()
        except CorruptDatasetError:
            raise
        # Damaged headers raise whatever the field that is read raises.
        except Exception as error:
            raise CorruptDatasetError(f"not a readable tar: {error}", where=name) from error
    return TarIndex(name, count, sha256, md5, members)


def _parse_header(header: bytes) -> tuple[str, int | None]:
    """Return the name and size of a member; no size where it is not a plain file."""
    name, size = header[:100].rstrip(b"\0"), header[124:135]
    if size.isdigit() and _header(name.decode(), int(size, 8)) == header:
        return name.decode(), int(size, 8)
    # Not of our making, and right all the same unless it says otherwise.
    info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
    # A sparse member may claim any size, and headers of extensions change what comes after them.
    return info.name, info.size if info.isreg() and not info.issparse() else None


def read_tar(path: str | Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield key and members of each sample in file order, one sample in memory at a time."""
    index = index_tar(path)
    with open(path, "rb") as stream:
        for key, spans in index.members.items():
            yield key, {suffix: _slice(stream, span) for suffix, span in spans.items()}


def read_members(
    spans: Mapping[str, MemberSpan], read: Callable[[int, int], bytes], *, key: str, where: str, fix: str = ""
) -> dict[str, bytes]:
    """Return the bytes of a sample's members, which lie side by side in its tar, by one read.

    Args:
        spans: Where they are, by suffix.
        read: Returns the tar's bytes from an offset up to another one.
        key: The sample's.
        where: The tar, for the message.
        fix: What helps, for the message.

    Raises:
        CorruptDatasetError: A member's bytes do not have the recorded digest.
    """
    start = min(span.offset for span in spans.values())
    data = read(start, max(span.offset + span.size for span in spans.values()))
    members = {suffix: data[one.offset - start : one.offset - start + one.size] for suffix, one in spans.items()}
    for suffix, span in spans.items():
        if hashlib.sha256(members[suffix]).hexdigest() != span.sha256:
            raise CorruptDatasetError(f"{suffix} of sample {key!r} is damaged", where=where, fix=fix)
    return members


def _slice(stream: BinaryIO, span: MemberSpan) -> bytes:
    stream.seek(span.offset)
    return stream.read(span.size)


def _check_sample(key: str, members: Mapping[str, bytes], written: Collection[str], suffixes: Set[str]) -> None:
    validate_key(key)
    if key in written:
        raise DataError(f"key {key!r} repeats; readers would merge the two samples or fail")
    if not members:
        raise DataError(f"sample {key!r} has no members")
    if written and suffixes != members.keys():
        raise DataError(
            f"sample {key!r} has members {sorted(members)}, the first sample has {sorted(suffixes)}",
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


class _DigestingReader:
    """Reads a tar's headers and members in order; all bytes pass the digests of the file, large blocks at a time.

    tarfile's own reader takes longer for a member than its digest does.
    """

    def __init__(self, stream: BinaryIO, advance: Callable[[int], object]) -> None:
        self._stream, self._digests, self._advance = stream, _FileDigests(), advance
        self._block, self._at, self._read = memoryview(b""), 0, 0

    def __enter__(self) -> _DigestingReader:
        return self

    def __exit__(self, *error: object) -> None:
        self._digests.end()

    def header(self) -> bytes:
        """Return the next member's header; empty at the end, which zeros mark, or the end of the file."""
        data = b"".join(self._pieces(tarfile.BLOCKSIZE))
        return data if any(data) else b""

    def span(self, size: int) -> MemberSpan:
        """Return the place and the digest of the next ``size`` bytes, those of a member, and go on behind its padding.

        Raises:
            EOFError: The tar ends within them.
        """
        offset, digest, padding = self._place, hashlib.sha256(), -size % tarfile.BLOCKSIZE
        for piece in self._pieces(size):
            digest.update(piece)
        for _ in self._pieces(padding):
            pass
        if self._place < offset + size + padding:
            raise EOFError("unexpected end of data")
        return MemberSpan.model_construct(offset=offset, size=size, sha256=digest.hexdigest())

    def drain(self) -> tuple[int, str, str]:
        """Read to the end, whose padding counts too; return the bytes, and sha256 and md5 of all of them."""
        while self._fill():
            pass
        return self._read, *self._digests.end()

    @property
    def _place(self) -> int:
        return self._read - len(self._block) + self._at

    def _pieces(self, size: int) -> Iterator[memoryview]:
        while size and (self._at < len(self._block) or self._fill()):
            piece = self._block[self._at : self._at + size]
            self._at, size = self._at + len(piece), size - len(piece)
            yield piece

    def _fill(self) -> bool:
        block = self._stream.read(_BLOCK)
        self._block, self._at, self._read = memoryview(block), 0, self._read + len(block)
        if block:
            self._digests.update(block)
            self._advance(len(block))
        return bool(block)
