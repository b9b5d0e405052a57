from __future__ import annotations

import os
from pathlib import Path

import pytest

from editmill.manifests import count_rows, finished_shard, merge_counts, read_stats
from editmill.manifests.canonical import digest
from editmill.manifests.errors import CorruptDatasetError
from editmill.manifests.stats import shard_identity
from tests.manifests.builder import make_row, make_sources

FINGERPRINT = digest({"name": "tiny"})
STEM = "tiny-000000"


def flip(path: Path, position: int = 700) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_a_whole_shard_is_finished(built: Path) -> None:
    for deep in (False, True):
        stats = finished_shard(built / "test", STEM, fingerprint=FINGERPRINT, deep=deep)
        assert stats is not None
        assert stats.record().path == f"test/{STEM}.tar"


@pytest.mark.parametrize("suffix", [".tar", ".parquet", "_stats.json"])
def test_a_missing_file_means_not_finished(spoilable: Path, suffix: str) -> None:
    (spoilable / "test" / f"{STEM}{suffix}").unlink()
    assert finished_shard(spoilable / "test", STEM, fingerprint=FINGERPRINT, deep=False) is None


def test_another_fingerprint_means_not_finished(built: Path) -> None:
    assert finished_shard(built / "test", STEM, fingerprint="other", deep=False) is None


@pytest.mark.parametrize("suffix", [".tar", ".parquet"])
def test_another_size_means_not_finished(spoilable: Path, suffix: str) -> None:
    path = spoilable / "test" / f"{STEM}{suffix}"
    path.write_bytes(path.read_bytes()[:-1])
    assert finished_shard(spoilable / "test", STEM, fingerprint=FINGERPRINT, deep=False) is None


@pytest.mark.parametrize("suffix", [".tar", ".parquet"])
def test_only_a_deep_check_sees_a_flipped_bit(spoilable: Path, suffix: str) -> None:
    flip(spoilable / "test" / f"{STEM}{suffix}")
    assert finished_shard(spoilable / "test", STEM, fingerprint=FINGERPRINT, deep=False) is not None
    assert finished_shard(spoilable / "test", STEM, fingerprint=FINGERPRINT, deep=True) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"{", b'{"schema_version": 1, "success": 10}'])
def test_an_unreadable_stats_file_is_its_own_error_and_as_good_as_none(
    spoilable: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = spoilable / "test" / f"{STEM}_stats.json"
    path.write_bytes(content)
    with pytest.raises(CorruptDatasetError, match="damaged stats file"):
        read_stats(path)
    assert finished_shard(spoilable / "test", STEM, fingerprint=FINGERPRINT, deep=False) is None
    assert "damaged stats file" in caplog.text


def test_a_fifo_is_no_stats_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"{STEM}_stats.json")
    with pytest.raises(CorruptDatasetError, match="not a regular file, but a FIFO"):
        read_stats(tmp_path / f"{STEM}_stats.json")


def test_counts_go_by_the_first_reason_and_add_up() -> None:
    source = make_sources(1)[0]
    two_reasons = make_row(source, "size", reason="mask_iou").model_copy(update={"reasons": ("mask_iou", "quality")})
    counts = count_rows([make_row(source, "size"), two_reasons, make_row(source, "full")])
    assert counts == {"size": {"ok": {"": 1}, "rejected": {"mask_iou": 1}}, "full": {"ok": {"": 1}}}
    assert merge_counts([counts, counts, {}])["size"] == {"ok": {"": 2}, "rejected": {"mask_iou": 2}}


def test_shards_are_equal_whatever_the_order_of_names_but_not_of_inputs() -> None:
    one = shard_identity(["a", "b"], ["png", "cls"], ["x", "y"])
    assert one == shard_identity(["a", "b"], ["cls", "png"], ["y", "x"])
    others = {shard_identity(*facts) for facts in ((["b", "a"], ["cls", "png"], ["x", "y"]), (["a", "b"], ["cls"], []))}
    assert len({one, *others}) == 3
