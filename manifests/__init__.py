"""The data contract: records, keys, seeds, deterministic shards, indexes, reader, verification. Never imports torch."""

from __future__ import annotations

from editmill.manifests.atomic import atomic_file, atomic_write, remove_stale_temporaries
from editmill.manifests.canonical import canonical_json, digest, file_digest
from editmill.manifests.errors import (
    CorruptDatasetError,
    DataError,
    EditmillError,
    ModelError,
    OccupiedError,
    RecipeError,
    RequestError,
    SourceError,
)
from editmill.manifests.keys import sample_key, shard_of, validate_key
from editmill.manifests.manifest import read_manifest, sources_digest, write_dataset_files
from editmill.manifests.reader import Dataset, Sample, open_dataset
from editmill.manifests.records import (
    CandidateRecord,
    FileRecord,
    Manifest,
    MemberSpan,
    ModelRecord,
    SampleRow,
    ShardRecord,
    SourceRecord,
    SourcesRecord,
)
from editmill.manifests.rows import iter_rows, merge_rows, read_rows, row_schema, write_rows
from editmill.manifests.seeds import derive_seed
from editmill.manifests.shard import write_shard
from editmill.manifests.stats import (
    ShardStats,
    count_rows,
    finished_shard,
    merge_counts,
    read_stats,
    shard_stem,
    write_stats,
)
from editmill.manifests.tarshard import TarIndex, index_tar, read_tar, write_tar
from editmill.manifests.verify import Problem, VerifyReport, verify_dataset

__all__ = [
    "CandidateRecord",
    "CorruptDatasetError",
    "DataError",
    "Dataset",
    "EditmillError",
    "FileRecord",
    "Manifest",
    "MemberSpan",
    "ModelError",
    "ModelRecord",
    "OccupiedError",
    "Problem",
    "RecipeError",
    "RequestError",
    "Sample",
    "SampleRow",
    "ShardRecord",
    "ShardStats",
    "SourceError",
    "SourceRecord",
    "SourcesRecord",
    "TarIndex",
    "VerifyReport",
    "atomic_file",
    "atomic_write",
    "canonical_json",
    "count_rows",
    "derive_seed",
    "digest",
    "file_digest",
    "finished_shard",
    "index_tar",
    "iter_rows",
    "merge_counts",
    "merge_rows",
    "open_dataset",
    "read_manifest",
    "read_rows",
    "read_stats",
    "read_tar",
    "remove_stale_temporaries",
    "row_schema",
    "sample_key",
    "shard_of",
    "shard_stem",
    "sources_digest",
    "validate_key",
    "verify_dataset",
    "write_dataset_files",
    "write_rows",
    "write_shard",
    "write_stats",
    "write_tar",
]
