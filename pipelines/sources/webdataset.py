"""WebDataset shards of images and texts."""

from __future__ import annotations

import glob
import logging
import math
import re
import sys
import tarfile
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from editmill.generators.base.loaded import CaptionedImage, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.errors import SourceError
from editmill.manifests.files import FileProblem, check_regular, decode_text, open_file, parse_json, read_range
from editmill.manifests.records import SourceRecord
from editmill.manifests.urls import is_url, match_objects
from editmill.pipelines.sources.reading import facts_of, listed_image, listed_record
from editmill.pipelines.sources.table import distinct
from editmill.pipelines.sources.texts import caption_records, is_unicode, warn_of_empty, with_captions

IMAGES = ("png", "jpg", "jpeg", "webp")
TEXTS = ("txt", "json")
FIX = "name shards, as in --source webdataset:shards/{00000..00003}.tar or webdataset:'shards/*.tar'"
BLOCK = 512
MOST_SHARDS = 100_000
# Bytes of a text member; a caption has some hundred.
MOST_TEXT = 2**24
# What the tar reader raises for damaged headers.
TAR_ERRORS = (
    tarfile.TarError,
    OSError,
    EOFError,
    ValueError,
    ArithmeticError,
    LookupError,
    RecursionError,
    MemoryError,
)
LETTERS = re.compile(r"[A-Za-z]\.\.[A-Za-z](?:\.\.-?\d+)?")
RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.-?(\d+))?")

# Where the members of one sample lie in its tar: offset and size in bytes by suffix.
Members = dict[str, tuple[int, int]]

logger = logging.getLogger("editmill.sources")


class _Shard(NamedTuple):
    """The samples of a tar by key, and the names that have dots before the suffix of an image or a text."""

    samples: dict[str, Members]
    dotted: list[str]


class WebDatasetSpec(Spec):
    """Shards, here or in an object store.

    Attributes:
        shards: Path of a tar, with * or {00000..00009} for several. Samples have an image (png, jpg, jpeg or webp) and
            ``txt``, or a ``json`` with ``texts`` or ``caption``.
        licence: Terms of the images, recorded with every sample.
    """

    stores: ClassVar[bool] = True
    kind: Literal["webdataset"] = "webdataset"
    shards: Path
    licence: str = ""


class WebDatasetSource(Source[CaptionedImage]):
    """One source per sample, in the order of shards and samples; members are read in place, by their offsets."""

    name = "webdataset"
    spec_type = WebDatasetSpec
    shorthand = "webdataset:SHARDS.tar"
    provides = "captions"

    def __init__(self, spec: WebDatasetSpec) -> None:
        self.spec, self.licence = spec, spec.licence
        self._indexes: dict[str, _Shard] = {}

    @cached_property
    def shards(self) -> dict[str, Path]:
        """The shards' paths by name; a record's image is shard#key."""
        paths = _expand(str(self.spec.shards))
        for path in paths:
            try:
                check_regular(path, most=sys.maxsize)
            except FileProblem as problem:
                raise SourceError(f"there is no such shard: {problem}", where=str(path), fix=FIX) from problem
        # The first # of a record's image parts shard and key.
        return dict(zip(distinct(path.name.replace("#", "-") for path in paths), paths, strict=True))

    def records(self) -> Iterator[SourceRecord]:
        places = [(shard, key) for shard in self.shards for key in self._index(shard)]
        self._warn_of_dots()
        texts = self._texts(places)
        warn_of_empty((text for mine in texts for text in mine), str(self.spec.shards))
        names = distinct(key for _, key in places)
        yield from with_captions(
            (self._record(name, *place, mine) for name, place, mine in zip(names, places, texts, strict=True)),
            str(self.spec.shards),
        )

    def _record(self, name: str, shard: str, key: str, texts: list[str]) -> SourceRecord:
        captions = caption_records(texts)
        return listed_record(
            partial(self._facts, shard, key), id=name, image=f"{shard}#{key}", captions=captions, licence=self.licence
        )

    def _facts(self, shard: str, key: str) -> tuple[int, int, str]:
        return facts_of(self._image(shard, key), f"{shard}#{key}")

    def _warn_of_dots(self) -> None:
        """Say how many names belong to no sample: as in webdataset itself, a key ends at the first dot."""
        dotted = [f"{shard}#{name}" for shard in self.shards for name in self._indexes[shard].dotted]
        if dotted:
            logger.warning(
                "%s: %d %s dots before the suffix and %s left out, the first %s; a key ends at the first dot, so a "
                "sample is called photo-v1.jpg, not photo.v1.jpg",
                self.spec.shards,
                len(dotted),
                *(("name has", "is") if len(dotted) == 1 else ("names have", "are")),
                dotted[0],
            )

    def _texts(self, places: list[tuple[str, str]]) -> list[list[str]]:
        """Return the texts of each sample; none where they can't be told, which one warning counts."""
        texts: list[list[str]] = []
        problems: list[str] = []
        for shard, key in places:
            try:
                texts.append(self._texts_of(shard, self._index(shard)[key]))
            except (ValueError, FileProblem) as error:
                texts.append([])
                problems.append(f"{shard}#{key}: {error}")
        if problems:
            logger.warning(
                "%s: %d samples without a readable text are left out, the first %s",
                self.spec.shards,
                len(problems),
                problems[0],
            )
        return texts

    def _texts_of(self, shard: str, members: Members) -> list[str]:
        """Return the text of ``txt``, else those of ``json``.

        Raises:
            ValueError, FileProblem: There is none, or it can't be read.
        """
        member = members.get("txt") or members.get("json", (0, 0))
        if member[1] > MOST_TEXT:
            raise ValueError(f"the text has {member[1]:,} bytes; at most {MOST_TEXT:,} are read")
        text = decode_text(self._bytes(shard, member))
        if "txt" in members:
            return [_without_line_break(text)]
        document = parse_json(text) if "json" in members else {}
        texts = document.get("texts", [document.get("caption")]) if isinstance(document, dict) else [None]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError('there is no txt, and no json with "texts", a list of strings, or "caption", a string')
        if not is_unicode(texts):
            raise ValueError("the text holds half of a surrogate pair")
        return texts

    def _index(self, shard: str) -> dict[str, Members]:
        """Return the samples of the shard with this name by key, read once."""
        if shard not in self._indexes:
            try:
                self._indexes[shard] = _scan(self.shards[shard])
            except TAR_ERRORS as error:
                fix = "fetch it again; a compressed tar has to be unpacked to .tar first"
                raise SourceError(
                    f"the shard can't be read: {str(error) or type(error).__name__}",
                    where=str(self.shards[shard]),
                    fix=fix,
                ) from error
        return self._indexes[shard].samples

    def _image(self, shard: str, key: str) -> bytes:
        members = self._index(shard)[key]
        suffix = next((suffix for suffix in IMAGES if suffix in members), None)
        if suffix is None:
            raise Unusable(Reason.SOURCE_UNREADABLE, f"{shard}#{key}: the sample has no image ({', '.join(IMAGES)})")
        return self._bytes(shard, members[suffix])

    def _bytes(self, shard: str, place: tuple[int, int]) -> bytes:
        return read_range(self.shards[shard], *place)

    def load(self, record: SourceRecord) -> CaptionedImage:
        shard, _, key = record.image.partition("#")
        if shard not in self.shards or key not in self._index(shard):
            raise Unusable(Reason.SOURCE_CHANGED, f"{record.image}: no longer in the shards")
        return CaptionedImage(record, listed_image(self._image(shard, key), record))


def _expand(pattern: str) -> list[Path]:
    """Return the paths that a pattern with braces and wildcards names, each once.

    A part that matches no file stands for itself.

    Raises:
        SourceError: There are too many.
    """
    import braceexpand

    if _most_paths(pattern) > MOST_SHARDS:
        what = f"the braces name more than {MOST_SHARDS:,} shards"
        raise SourceError(what, where=pattern, fix="name the shards that are there, or use * instead of braces")
    try:
        parts = list(braceexpand.braceexpand(pattern, escape=False))
    except (ValueError, RecursionError):
        # Unbalanced braces can only be part of a name.
        parts = [pattern]
    return [Path(path) for path in dict.fromkeys(path for part in parts for path in _matching(part) or [part])]


def _matching(pattern: str) -> list[str]:
    return match_objects(pattern) if is_url(pattern) else sorted(glob.glob(pattern))


def _most_paths(pattern: str) -> int:
    """Return a number that the paths of a pattern with braces do not exceed; none of them is made."""
    # For every group that is open: paths of its parts so far, and of the part that is read.
    done, part = [0], [1]
    for token in re.findall(r"\{[^{},]*\}|[{},]", pattern):
        if token == "{":
            done.append(0)
            part.append(1)
        elif token == "," and len(done) > 1:
            done[-1] += part[-1]
            part[-1] = 1
        elif token == "}" and len(done) > 1:
            last = done.pop() + part.pop()
            part[-1] *= last
        elif len(token) > 1:
            part[-1] *= _range_length(token[1:-1])
    # What is not closed may still be expanded in part.
    return math.prod(map(sum, zip(done, part, strict=True)))


def _range_length(text: str) -> int:
    """Return how many numbers or letters ``text`` names, as in 00..09; 1 where it is no range."""
    if ends := RANGE.fullmatch(text):
        # Python reads no numbers of some thousand digits.
        if len(text) > 60:
            return MOST_SHARDS + 1
        first, last, step = (int(part or 1) for part in ends.groups())
        return abs(last - first) // max(step, 1) + 1
    return 52 if LETTERS.fullmatch(text) else 1


def _without_line_break(text: str) -> str:
    """Return the text without one line break at the end, which belongs to the file."""
    return text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")


def _scan(path: Path) -> _Shard:
    """Return the samples of a tar: members whose names agree up to the first dot behind the folder, in the order of
    their first members.

    Raises:
        TarError: The tar is damaged, cut off or compressed.
    """
    samples: list[tuple[str, Members]] = []
    current: dict[str, Members] = {}
    dotted: dict[str, None] = {}
    # Members are read in place by their offsets, which a compressed tar does not have. Names that are not UTF-8 are
    # escaped, since records could not hold their surrogates.
    with open_file(path) as stream, tarfile.open(fileobj=stream, mode="r:", errors="backslashreplace") as tar:
        for member in _members(tar):
            folder, slash, name = member.name.rpartition("/")
            stem, _, suffix = name.partition(".")
            # As webdataset itself does.
            suffix = suffix.lower()
            if not member.isfile() or not stem or suffix.rpartition(".")[2] not in (*IMAGES, *TEXTS):
                continue
            if "." in suffix:
                dotted.setdefault(member.name.rpartition(".")[0])
                continue
            key = f"{folder}{slash}{stem}"
            # A second member of one suffix begins another sample of the same key.
            if suffix in current.get(key, {suffix: ()}):
                current[key] = {}
                samples.append((key, current[key]))
            current[key][suffix] = (member.offset_data, member.size)
        # tarfile takes a damaged header for the end.
        stream.seek(tar.offset)
        if stream.read(BLOCK).strip(b"\0"):
            raise tarfile.ReadError(f"the header at byte {tar.offset} is damaged")
    keys = distinct(key for key, _ in samples)
    return _Shard(dict(zip(keys, (members for _, members in samples), strict=True)), list(dotted))


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members of a tar.

    Raises:
        TarError: One has a size below 0, which leads the reader back to where it was.
    """
    for member in tar:
        if member.size < 0 or tar.offset <= member.offset:
            raise tarfile.ReadError(f"the header at byte {member.offset} is damaged")
        yield member
