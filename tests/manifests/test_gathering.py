"""A shard that is put together of another one's samples and of new ones is the one that is written at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.manifests.errors import CorruptDatasetError
from editmill.manifests.gathering import Part
from editmill.manifests.growing import Built, GrowingTar
from editmill.manifests.rows import read_rows
from editmill.manifests.shard import Kept, ShardFacts, grow_shard, write_shard
from tests.manifests.builder import SCORE_NAMES
from tests.manifests.test_growing import FACTS, files, make_groups

# Of a dataset that knows a score more.
NEW = ShardFacts(**{**FACTS, "fingerprint": "g", "score_names": (*SCORE_NAMES, "another")})  # type: ignore[typeddict-item]
SAMPLES: list[Built] = [sample for group in make_groups(4) for sample in group]


def gathered(root: Path, missing: set[int], *, damage: int | None = None) -> None:
    """Write a shard whose samples an older one holds, but for some."""
    stats = write_shard(root / "old", SAMPLES, **FACTS)
    data = bytearray((root / "old" / stats.tar.path).read_bytes())
    if damage is not None:
        data[damage] ^= 1
    part = Part(read_rows(root / "old" / stats.rows.path), lambda start, end: bytes(data[start:end]), "old")
    order = [None if number in missing else (0, number) for number in range(len(SAMPLES))]

    def fill(tar: GrowingTar) -> None:
        tar.add([SAMPLES[number] for number in sorted(missing)], {})

    grow_shard(root / "new", fill, resume=True, kept=Kept([part], order), **NEW)


@pytest.mark.parametrize("missing", [set(), {1, 5}, {*range(1, len(SAMPLES))}])
def test_the_shard_is_that_which_is_written_at_once(tmp_path: Path, missing: set[int]) -> None:
    gathered(tmp_path, missing)
    write_shard(tmp_path / "fresh", SAMPLES, **NEW)
    assert files(tmp_path / "new") == files(tmp_path / "fresh")


def test_damage_is_told_where_it_would_be_copied_and_never_copied(tmp_path: Path) -> None:
    # The first byte of the first member; headers are written anew.
    with pytest.raises(CorruptDatasetError, match="is damaged"):
        gathered(tmp_path / "member", {1}, damage=512)
    gathered(tmp_path / "header", {1}, damage=0)
    write_shard(tmp_path / "fresh", SAMPLES, **NEW)
    assert files(tmp_path / "header/new") == files(tmp_path / "fresh")
