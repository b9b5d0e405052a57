from __future__ import annotations

import io
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from editmill.manifests import Dataset, Sample, open_dataset, read_tar
from editmill.manifests.errors import CorruptDatasetError, DataError, RequestError
from tests.manifests.builder import EDITS, build_dataset, encode_png, make_members, make_row, make_sources


@pytest.fixture
def dataset(built: Path) -> Dataset:
    return open_dataset(built)


def test_length_counts_accepted_samples_and_the_table_all_rows(dataset: Dataset) -> None:
    assert len(dataset) == dataset.manifest.samples == 17
    assert dataset.table.num_rows == 18
    assert dataset.edits() == list(EDITS)


def test_iteration_is_in_tar_order(built: Path, dataset: Dataset) -> None:
    expected = [sample for shard in dataset.manifest.shards for sample in read_tar(built / shard.path)]
    assert [(sample.key, sample.members) for sample in dataset] == expected


def test_a_sample_decodes(dataset: Dataset) -> None:
    source = make_sources(6)[4]
    row = make_row(source, "size")
    sample = dataset[row.key]
    assert sample.members == make_members(row)
    image = sample.image()
    assert (image.mode, image.size) == ("RGB", (16, 16))
    assert image.getpixel((0, 0)) == (100, 68, row.seed % 251)
    mask = sample.mask()
    assert (mask.dtype, mask.shape, int(mask.sum())) == (np.uint8, (16, 16), 64 * 255)
    assert (sample.label, sample.row["label"]) == (1, 1)
    assert sample.json()["level"] == 0.08


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"edit": "size"}, 6),
        ({"edit": ["size", "original"]}, 12),
        ({"level": 0.08}, 6),
        ({"level": [0.08, 1]}, 11),
        ({"label": 1}, 5),
        ({"source_id": "img001"}, 2),
        ({"edit": "full", "source_id": ["img001"]}, 0),
        ({"edit": []}, 0),
        ({"status": None}, 17),
    ],
)
def test_selection(dataset: Dataset, wanted: dict[str, object], count: int) -> None:
    selected = dataset.select(**wanted)  # type: ignore[arg-type]
    assert len(selected) == len(list(selected)) == count


def test_rejected_rows_can_be_selected_but_have_no_sample(dataset: Dataset) -> None:
    rejected = dataset.select(status="rejected")
    assert rejected.table["reasons"].to_pylist() == [["geometry_off"]]
    assert (len(rejected), list(rejected)) == (0, [])


def test_selections_chain_and_keep_random_access(dataset: Dataset) -> None:
    selected = dataset.select(edit="size").select(label=2)
    assert [sample.row["edit"] for sample in selected] == ["size", "size"]
    assert selected.edits() == ["size"]
    assert all(selected[key].key == key for key in selected.keys())  # noqa: SIM118 - not a mapping
    other = make_row(make_sources(1)[0], "full").key
    assert other in dataset
    assert other not in selected


def test_unknown_edits_and_statuses_name_the_choices(dataset: Dataset) -> None:
    with pytest.raises(RequestError, match=r"no edit 'sise'[\s\S]*original, size, full"):
        dataset.select(edit="sise")
    with pytest.raises(RequestError, match="no status"):
        dataset.select(status="good")


def test_an_unknown_or_rejected_key_is_named(dataset: Dataset) -> None:
    for key in ("nothing-0", make_row(make_sources(2)[1], "full").key):
        with pytest.raises(KeyError, match=key):
            dataset[key]


def test_reads_from_an_object_store(built: Path) -> None:
    filesystem = fsspec.filesystem("memory")
    for path in built.rglob("*"):
        if path.is_file():
            filesystem.pipe_file(f"/reader-test/{path.relative_to(built)}", path.read_bytes())
    remote, local = open_dataset("memory://reader-test", verify=True), open_dataset(built)
    assert [sample.members for sample in remote] == [sample.members for sample in local]
    key = local.keys()[-1]
    assert remote[key].members == local[key].members


def test_damaged_bytes_are_noticed_on_reading(spoilable: Path) -> None:
    dataset = open_dataset(spoilable)
    key = dataset.keys()[0]
    path = spoilable / "test/tiny-000000.tar"
    data = bytearray(path.read_bytes())
    data[dataset.table["png_offset"][0].as_py() + 20] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptDatasetError, match=f"png of sample '{key}' is damaged"):
        dataset[key]
    with pytest.raises(CorruptDatasetError, match="is damaged"):
        list(dataset)
    with pytest.raises(CorruptDatasetError, match="more problems"):
        open_dataset(spoilable, verify=True)


def test_missing_pieces(spoilable: Path) -> None:
    (spoilable / "samples.parquet").unlink()
    with pytest.raises(CorruptDatasetError, match=r"samples\.parquet is absent"):
        open_dataset(spoilable)
    (spoilable / "manifest.json").unlink()
    with pytest.raises(DataError, match="incomplete"):
        open_dataset(spoilable)


def test_several_shards_some_empty(tmp_path: Path) -> None:
    build_dataset(tmp_path, sources=3, shards=16, rejected=frozenset())
    assert len(list(open_dataset(tmp_path))) == 9


def with_mask(data: bytes) -> Sample:
    return Sample("a0", {}, {"mask.png": data})


def test_masks_keep_their_values() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(with_mask(encode_png(values)).mask(), values)
    palette = Image.fromarray(values % 4).convert("P")
    palette.putpalette([9, 9, 9] * 256)
    buffer = io.BytesIO()
    palette.save(buffer, format="PNG")
    assert np.array_equal(with_mask(buffer.getvalue()).mask(), values % 4)


def test_masks_that_would_lose_values_are_refused() -> None:
    with pytest.raises(DataError, match="mode RGB"):
        with_mask(encode_png(np.zeros((4, 4, 3), np.uint8))).mask()
    with pytest.raises(DataError, match="mode I"):
        with_mask(encode_png(np.zeros((4, 4), np.uint16))).mask()  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"no member 'alpha\.png'"):
        with_mask(b"").mask("alpha.png")


@pytest.mark.parametrize("path", ["a\0b", "n" * 300, "a\udcffb" * 200], ids=["NUL", "long", "long and odd"])
def test_paths_that_no_folder_can_have_are_request_errors(path: str) -> None:
    with pytest.raises(RequestError, match="cannot open a dataset"):
        open_dataset(path)
