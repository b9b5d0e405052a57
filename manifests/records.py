"""The records of the data contract: sources, rows, models, shards and the manifest."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

SCHEMA_VERSION = 3
PRIMARY_IMAGES = ("png", "webp", "jpg")
# No part but the last ends in a digit, so that "*[0-9].png" finds primary images alone.
SUFFIX = re.compile(r"([a-z0-9]*[a-z]\.)*[a-z0-9]+", re.ASCII)
REASON = re.compile(r"[a-z0-9_]+")
_SHARD = re.compile(r"[a-z][a-z0-9_]*/[a-z0-9_-]+-[0-9]{1,9}\.tar", re.ASCII)

Status = Literal["ok", "rejected", "failed"]
STATUSES = get_args(Status)
Counts = dict[str, dict[str, dict[str, Annotated[int, Field(ge=0)]]]]


def _check_score(value: float) -> float:
    if math.isnan(value):
        raise ValueError("a score that was not measured is left out, not NaN")
    return value


def _check_path(value: str) -> str:
    path = PurePosixPath(value)
    odd = "\\" in value or not value.isprintable() or str(path) != value or value == "."
    if path.is_absolute() or ".." in path.parts or odd:
        raise ValueError(f"{value!r} is not a plain path relative to the dataset's root")
    return value


def _check_split(value: str) -> str:
    # timm parses a split whose name contains "tar" as a file pattern.
    if "tar" in value:
        raise ValueError(f"split name {value!r} contains 'tar', which timm takes for a file pattern")
    return value


def check_members(members: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse member suffixes that break the sample contract: cls and json, one picture or a text, each once.

    Raises:
        ValueError: It says which they are and which are needed.
    """
    primary = [member for member in members if member in PRIMARY_IMAGES]
    # Captions may leave their images where they are.
    enough = len(primary) == 1 or (not primary and "txt" in members)
    if not enough or not {"cls", "json"} <= set(members) or len(set(members)) != len(members):
        needed = f"exactly one of {', '.join(PRIMARY_IMAGES)}, then cls and json; other images are named as in mask.png"
        raise ValueError(f"members {sorted(members)} break the sample contract: {needed}")
    for member in members:
        if not SUFFIX.fullmatch(member):
            raise ValueError(f"bad member suffix {member!r}: use lower-case letters and digits between dots")
    return members


Score = Annotated[float, AfterValidator(_check_score)]
RelativePath = Annotated[str, AfterValidator(_check_path)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Sha256OrNone = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
Reason = Annotated[str, StringConstraints(pattern=f"^{REASON.pattern}$")]
# Hugging Face takes only word characters in a split name.
SplitName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$"), AfterValidator(_check_split)]
DatasetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=60)]
VERSION = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$"
Version = Annotated[str, StringConstraints(pattern=VERSION)]
Count = Annotated[int, Field(ge=0)]
# What int64 columns and the generators of torch hold.
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Record(BaseModel):
    """Base of all records: frozen, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CaptionRecord(Record):
    """One caption of an image. ``label`` is 0 where the image entails it, 1 neutral, 2 where it contradicts it, -1
    unlabelled.
    """

    id: Annotated[str, StringConstraints(min_length=1)]
    text: Annotated[str, StringConstraints(min_length=1)]
    label: Annotated[int, Field(ge=-1, le=2)] = -1


class SourceRecord(Record):
    """One labelled or captioned source image.

    Attributes:
        id: Unique id within the source.
        image: Reference that the source can open (a path or URL).
        mask: Reference to the object mask, empty if there is none.
        label: Class index, -1 where there is none.
        captions: The captions that text edits start from; ``caption`` is a description that no edit changes.
        sha256: Digest of the image file's bytes, empty only when the image cannot be read.
        mask_sha256: Digest of the mask's file or pixels.
        objects_sha256: Digest of the objects that the source names beside the captions, empty if it names none.
        problem: Why the source cannot be used (a reason from the closed list), empty if it can.
        detail: What exactly is wrong, without paths of this machine; it becomes part of rows.
    """

    id: Annotated[str, StringConstraints(min_length=1)]
    image: str
    mask: str = ""
    label: int
    class_name: str
    wnid: str = ""
    caption: str = ""
    captions: tuple[CaptionRecord, ...] = ()
    width: Count
    height: Count
    sha256: Sha256OrNone
    mask_sha256: Sha256OrNone = ""
    objects_sha256: Sha256OrNone = ""
    licence: str = ""
    # pydantic copies defaults, so that mutable ones are safe in records.
    attributes: dict[str, str] = {}
    problem: str = ""
    detail: str = ""

    @property
    def image_name(self) -> str:
        """The image as rows and messages name it."""
        return released_name(self.image)

    @property
    def mask_name(self) -> str:
        """The same of the mask."""
        return released_name(self.mask)

    def released(self) -> dict[str, Any]:
        """Return the record as JSON values, without the folders of this machine."""
        return {**self.model_dump(mode="json"), "image": self.image_name, "mask": self.mask_name}


def released_name(reference: str) -> str:
    """Return a file's reference as datasets hold it: an absolute path is cut to its last part."""
    return PurePosixPath(reference).name if reference.startswith("/") else reference


class MemberSpan(Record):
    """Where one member's bytes lie in its tar: offset and size in bytes, sha256 in hex."""

    offset: Count
    size: Count
    sha256: Sha256


class CandidateRecord(Record):
    """One rendered attempt and its guard scores; infinite scores (a PSNR) are allowed, NaN is not."""

    attempt: Count
    seed: Seed
    accepted: bool
    reasons: tuple[Reason, ...] = ()
    scores: dict[str, Score] = {}


class SampleRow(Record):
    """One planned sample, accepted or not.

    Attributes:
        reasons: All failing reasons, the decisive one first; empty exactly when ``status`` is ``ok``.
        seed: Seed of the kept or the last attempt.
        parameters: Resolved parameters of the edit, JSON values only.
        scores: Guard scores of the kept or the last candidate; a score that was not measured is absent.
        attempts: Candidates rendered.
        cost: Network evaluations over all attempts, a deterministic count.
        inputs: Digest of everything that the sample was made from; equal inputs are equal bytes.
        members: Spans in the shard's tar by member suffix; empty unless ``status`` is ``ok``.
    """

    key: str
    split: SplitName
    shard: Count
    status: Status
    reasons: tuple[Reason, ...] = ()
    source_id: str
    source_sha256: Sha256OrNone
    label: int
    class_name: str
    wnid: str = ""
    generator: str
    edit: str
    level: FiniteFloat
    replica: Count = 0
    seed: Seed
    parameters: dict[str, Any] = {}
    scores: dict[str, Score] = {}
    attempts: Count = 0
    cost: Count = 0
    inputs: Sha256OrNone = ""
    candidates: tuple[CandidateRecord, ...] = ()
    members: dict[str, MemberSpan] = {}

    @model_validator(mode="after")
    def _check_status(self) -> SampleRow:
        if (self.status == "ok") == bool(self.reasons):
            raise ValueError(f"{self.key}: a sample has reasons exactly when it is not ok, got {self.reasons}")
        if self.status != "ok" and self.members:
            raise ValueError(f"{self.key}: a {self.status} sample has no members in the tar")
        return self


class ModelRecord(Record):
    """One model that took part in a build; ``digest`` is the sha256 over its weight files."""

    role: str
    cls: str
    id: str
    revision: str
    digest: str
    dtype: str
    licence: str


class FileRecord(Record):
    """A file of the dataset: path relative to the root, size in bytes, sha256."""

    path: RelativePath
    bytes: Count
    sha256: Sha256


class TarRecord(FileRecord):
    """A shard's tar. ``first_key`` and ``last_key`` are empty for a shard without accepted samples."""

    md5: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    first_key: str
    last_key: str


class ShardRecord(TarRecord):
    """One shard as the manifest lists it: the tar, its accepted samples, and its rows."""

    nsamples: Count
    rows: FileRecord

    @model_validator(mode="after")
    def _check_paths(self) -> ShardRecord:
        if not _SHARD.fullmatch(self.path):
            raise ValueError(f"{self.path!r} is not the path of a shard, as in test/NAME-000000.tar")
        if self.rows.path != self.path.removesuffix(".tar") + ".parquet":
            raise ValueError(f"the rows of {self.path} can't be in {self.rows.path!r}")
        return self

    @property
    def split(self) -> str:
        """The folder the shard lies in."""
        return self.path.partition("/")[0]

    @property
    def number(self) -> int:
        """The shard's number, as its rows name it."""
        return int(self.path.removesuffix(".tar").rpartition("-")[2])


class SourcesRecord(Record):
    """The sources as a whole; ``digest`` covers the sorted (id, sha256) pairs."""

    name: str
    count: Count
    licence: str
    digest: Sha256


class Manifest(Record):
    """What a dataset is. It exists only when the dataset is complete, and equal builds give equal manifests.

    Attributes:
        recipe: The resolved recipe, as JSON values.
        environment: Package name to version.
        earlier_environments: The same of datasets of which samples were copied, where it was another.
        members: Member suffixes that every sample carries, sorted.
        reasons: Reasons that rows may give; empty where guards of installed packages may give others.
        class_names: Class index to class name.
        counts: Planned samples by edit, status and first reason (``""`` for ``ok``).
        shards: In reading order.
        files: Every other file of the dataset, sorted by path, but for this one and ``run.json``.
    """

    schema_version: Literal[3] = 3
    name: DatasetName
    version: Version
    generator: str
    fingerprint: str
    recipe: dict[str, Any]
    code_version: str
    code_commit: str
    environment: dict[str, str]
    earlier_environments: tuple[dict[str, str], ...] = ()
    models: tuple[ModelRecord, ...] = ()
    sources: SourcesRecord
    members: Annotated[tuple[str, ...], AfterValidator(check_members)]
    score_names: tuple[str, ...]
    edits: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()
    class_names: dict[int, str]
    counts: Counts
    shards: tuple[ShardRecord, ...]
    files: tuple[FileRecord, ...] = ()
    complete: Literal[True] = True

    @model_validator(mode="after")
    def _check_listed(self) -> Manifest:
        shards = [path for shard in self.shards for path in (shard.path, shard.rows.path)]
        paths = Counter([*shards, *(record.path for record in self.files)])
        if repeated := [path for path, count in paths.items() if count > 1]:
            raise ValueError(f"{repeated[0]} is listed more than once")
        return self

    @property
    def samples(self) -> int:
        """Number of accepted samples."""
        return sum(shard.nsamples for shard in self.shards)

    @property
    def splits(self) -> dict[str, list[ShardRecord]]:
        """Shards by split, in reading order; shards without a sample included."""
        groups: dict[str, list[ShardRecord]] = {}
        for shard in self.shards:
            groups.setdefault(shard.split, []).append(shard)
        return groups
