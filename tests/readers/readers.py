"""What each loader reads from a dataset, compared with what the dataset says that it holds.

A reader takes the dataset and an empty folder and returns what it read in a few words. It raises `Unserved` where the
family has nothing for the loader, with the reason, ModuleNotFoundError where the package is not installed, and anything
else where it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from editmill.evaluators import exporters
from editmill.manifests import Dataset, RequestError, open_dataset
from editmill.manifests.canonical import canonical_json
from editmill.manifests.croissant import croissant_metadata
from editmill.manifests.records import PRIMARY_IMAGES
from editmill.manifests.tarshard import index_tar, read_tar, write_tar
from tests.manifests.builder import encode_png

Reader = Callable[[Dataset, Path, Path], str]


class Unserved(Exception):
    """The family has nothing that the loader could read."""


def primary_of(dataset: Dataset) -> str:
    """The member that holds the picture."""
    return next(member for member in PRIMARY_IMAGES if member in dataset.manifest.members)


def urls(dataset: Dataset, root: Path) -> list[str]:
    """The tars that hold samples."""
    return [str(root / shard.path) for shard in dataset.manifest.shards if shard.nsamples]


def exported(dataset: Dataset, layout: str, scratch: Path) -> list[Path]:
    """The folders of an export."""
    names = dataset.manifest.class_names
    # As --class-names gives those of classes that no sample has.
    every = {label: names.get(label, f"class {label}") for label in range(max(names, default=-1) + 1)}
    dataset.manifest = dataset.manifest.model_copy(update={"class_names": every})
    try:
        exporters()[layout].write(dataset, scratch / layout)
    except RequestError as error:
        raise Unserved(error.what) from error
    return sorted(path for path in (scratch / layout).iterdir() if path.is_dir())


def same(found: Iterable[Any], wanted: Iterable[Any]) -> str:
    """Say how many there are, if they are those."""
    one, two = Counter(found), Counter(wanted)
    assert one == two, f"{(one - two).total()} too many and {(two - one).total()} too few of {two.total()}"
    return f"{one.total()}"


def labelled(dataset: Dataset) -> list[tuple[str, int]]:
    """Key and label of each sample."""
    return [(sample.key, sample.label) for sample in dataset]


def webdataset(dataset: Dataset, root: Path, scratch: Path) -> str:
    """Every member of every sample."""
    import webdataset as wds

    stored = {sample.key: sample.members for sample in dataset}
    for sample in wds.WebDataset(urls(dataset, root), shardshuffle=False):
        assert {name: sample[name] for name in dataset.manifest.members} == stored.pop(sample["__key__"])
    assert not stored
    return f"{len(dataset)}"


def hugging_face(dataset: Dataset, root: Path, scratch: Path, *, streaming: bool) -> str:
    """Keys and labels, through the card."""
    import datasets

    split = next(iter(dataset.manifest.splits))
    read = datasets.load_dataset(str(root), split=split, cache_dir=str(scratch), streaming=streaming)
    return same(((one["__key__"], one["cls"]) for one in read), labelled(dataset))


def wids(dataset: Dataset, root: Path, scratch: Path) -> str:
    """Keys and labels, by position."""
    import wids

    read = wids.ShardListDataset(str(root / "shardindex.json"), cache_dir=str(scratch))
    samples = (read[place] for place in range(len(read)))
    return same(((one["__key__"], one[".cls"]) for one in samples), labelled(dataset))


def timm(dataset: Dataset, root: Path, scratch: Path) -> str:
    """Labels, through _info.json."""
    from timm.data import create_dataset

    split = next(iter(dataset.manifest.splits))
    read = create_dataset("wds/", root=str(root), split=split, is_training=False, batch_size=1)
    return same((label for _, label in read), (label for _, label in labelled(dataset)))


def open_clip(dataset: Dataset, root: Path, scratch: Path, *, mode: str) -> str:
    """Lengths of the texts; in a process of its own, since it needs an older webdataset."""
    older = Path(sys.prefix) / "open_clip"
    if not older.is_dir():
        raise ModuleNotFoundError(name="webdataset<=0.2.86, which open_clip asks for,")
    texts = "txt" in dataset.manifest.members
    if texts:
        groups = [urls(dataset, root)]
    else:
        folders = exported(dataset, "clip-benchmark", scratch)
        groups = [sorted(str(path) for path in folder.glob("*/*.tar")) for folder in folders]
    wanted = [len(members["txt"]) for group in groups for path in group for _, members in read_tar(path)]
    assert len(wanted) == len(dataset)
    command = [sys.executable, "-m", "tests.readers.open_clip", mode, *("::".join(group) for group in groups)]
    path = os.pathsep.join([str(older), *sys.path])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.splitlines()[-1]
    found = same((int(line) for line in done.stdout.split()), wanted)
    return f"{found} of the {'dataset' if texts else 'export'}"


class Colours(torch.nn.Module):
    """Stands in for a CLIP model: colours and letters, in three numbers."""

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean(dim=(2, 3)) + 1

    def encode_text(self, texts: torch.Tensor) -> torch.Tensor:
        return texts.float() + 1


def letters(texts: list[str]) -> torch.Tensor:
    """Three numbers of each text."""
    return torch.tensor([[len(text), len(text.split()), text.count("e")] for text in texts])


def clip_benchmark(dataset: Dataset, root: Path, scratch: Path) -> str:
    """Each folder of the export as a task of its own, evaluated to its end."""
    from clip_benchmark.datasets.builder import build_dataset, image_captions_collate_fn
    from clip_benchmark.metrics import zeroshot_retrieval
    from clip_benchmark.metrics.zeroshot_classification import run_classification, zero_shot_classifier
    from torch.utils.data import DataLoader
    from torchvision.transforms import Compose, Resize, ToTensor

    total, folders = 0, exported(dataset, "clip-benchmark", scratch)
    retrieval = "txt" in dataset.manifest.members
    for folder in folders:
        transform = Compose([Resize((8, 8)), ToTensor()])
        read = build_dataset("wds/ours", root=str(folder), transform=transform, split="test", task=None)
        collate = image_captions_collate_fn if retrieval else None
        # As its command line does.
        loader = DataLoader(
            read.batched(64) if collate is None else read.batched(64, collation_fn=collate), batch_size=None
        )
        if retrieval:
            found = zeroshot_retrieval.evaluate(Colours(), loader, letters, "cpu", amp=False, recall_k_list=[1])
            assert 0 < found["text_retrieval_recall@1"] <= 1
            total += sum(len(images) for images, _ in loader)
        else:
            assert dict(enumerate(read.classes)) == dataset.manifest.class_names
            weights = zero_shot_classifier(Colours(), letters, read.classes, read.templates, "cpu", amp=False)
            # Its own accuracy comes next, which fails with NumPy 2.4 whatever the dataset.
            logits, labels = run_classification(Colours(), weights, loader, "cpu", amp=False)
            assert logits.shape == (len(labels), len(read.classes))
            total += len(labels)
    pictures = {(row["edit"], row["source_sha256"]) for row in dataset.select().table.to_pylist()}
    assert total == (len(pictures) if retrieval else len(dataset))
    return f"{total} in {len(folders)} tasks"


def croissant(dataset: Dataset, root: Path, scratch: Path) -> str:
    """Metadata without a warning, and every record's picture and label."""
    import mlcroissant

    described = mlcroissant.Dataset(str(root / "croissant.json"))
    issues = described.metadata.ctx.issues
    assert not issues.errors, sorted(issues.errors)
    # A date of publication is in the metadata only where the recipe has one.
    dated = dataset.manifest.recipe.get("published")
    unwanted = [line for line in sorted(issues.warnings) if dated or "datePublished" not in line]
    assert not unwanted, unwanted
    # A second pass over the same object yields nothing.
    records = {record["samples/key"].decode(): record for record in described.records("samples")}
    for key, record in records.items():
        assert record["samples/label"] == dataset[key].row["label"]
        assert np.array_equal(np.asarray(record["samples/image"].convert("RGB")), np.asarray(dataset[key].image()))
    for member in set(dataset.manifest.members) - {primary_of(dataset), "cls", "json"}:
        others = described.records(f"{member}-records")
        same([record[f"{member}-records/key"].decode() for record in others], dataset.keys())
    return same(list(records), dataset.keys())


def croissant_twice(dataset: Dataset, root: Path, scratch: Path) -> str:
    """A second set of the same name, keys and files, whose pictures are negatives, in the same cache."""
    import mlcroissant

    croissant(dataset, root, scratch)
    negatives = inverted(dataset, root, scratch / "second")
    for record in mlcroissant.Dataset(str(scratch / "second/croissant.json")).records("samples"):
        found = np.asarray(record["samples/image"].convert("RGB"))
        assert np.array_equal(found, negatives.pop(record["samples/key"].decode())), "a picture of the first set"
    assert not negatives
    return f"2 × {len(dataset)}"


def croissant_flipped(dataset: Dataset, root: Path, scratch: Path) -> str:
    """A tar of which one bit is another is refused."""
    import mlcroissant

    shutil.copytree(root, scratch / "copy")
    tar = Path(urls(dataset, scratch / "copy")[-1])
    data = bytearray(tar.read_bytes())
    data[600] ^= 1
    tar.write_bytes(data)
    with pytest.raises(mlcroissant.GenerationError) as caught:
        list(mlcroissant.Dataset(str(scratch / "copy/croissant.json")).records("samples"))
    assert "Hash of downloaded file" in str(caught.value.__cause__)
    return "refused"


def inverted(dataset: Dataset, root: Path, target: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Copy the files that Croissant names, with every picture as its negative; return the negatives."""
    suffix, shards, negatives = primary_of(dataset), [], {}
    for shard in dataset.manifest.shards:
        samples = []
        for key, members in read_tar(root / shard.path):
            negatives[key] = 255 - np.asarray(dataset[key].image())
            samples.append((key, {**members, suffix: encode_png(negatives[key])}))
        (target / shard.path).parent.mkdir(parents=True, exist_ok=True)
        write_tar(target / shard.path, samples)
        index = index_tar(target / shard.path)
        shards.append(shard.model_copy(update={"bytes": index.bytes, "sha256": index.sha256}))
    rows = next(record for record in dataset.manifest.files if record.path == "samples.parquet")
    shutil.copyfile(root / rows.path, target / rows.path)
    metadata = croissant_metadata(dataset.manifest.model_copy(update={"shards": tuple(shards)}), rows)
    (target / "croissant.json").write_bytes(canonical_json(metadata))
    return negatives


def dali(dataset: Dataset, root: Path, scratch: Path) -> str:
    """Pictures and labels on the CPU, through the export's indexes."""
    from nvidia.dali import fn, pipeline_def, types

    exported(dataset, "dali", scratch)
    tars = sorted(str(path) for path in (scratch / "dali").glob("*/*.tar"))

    @pipeline_def(batch_size=1, num_threads=1, device_id=None)
    def reading() -> Any:
        pictures, labels = fn.readers.webdataset(
            paths=tars,
            index_paths=[path.removesuffix(".tar") + ".idx" for path in tars],
            ext=[primary_of(dataset), "cls"],
            missing_component_behavior="error",
        )
        return fn.decoders.image(pictures, device="cpu", output_type=types.RGB), labels

    pipe, found = reading(), []
    pipe.build()
    for _ in range(len(dataset)):
        pictures, labels = pipe.run()
        found.append((pictures.at(0).tobytes(), int(labels.at(0).tobytes())))
    return same(found, ((np.asarray(sample.image()).tobytes(), sample.label) for sample in dataset))


def pandas(dataset: Dataset, root: Path, scratch: Path) -> str:
    """The merged rows."""
    import pandas as pd

    rows = pd.read_parquet(root / "samples.parquet")
    return same(rows["key"][rows["status"] == "ok"], dataset.keys())


def polars(dataset: Dataset, root: Path, scratch: Path) -> str:
    """The merged rows."""
    import polars as pl

    rows = pl.scan_parquet(root / "samples.parquet").filter(pl.col("status") == "ok").select("key").collect()
    return same(rows["key"].to_list(), dataset.keys())


def duckdb(dataset: Dataset, root: Path, scratch: Path) -> str:
    """The merged rows."""
    import duckdb

    query = f"select key from '{root}/samples.parquet' where status = 'ok'"
    return same((key for (key,) in duckdb.sql(query).fetchall()), dataset.keys())


def pycocotools(dataset: Dataset, root: Path, scratch: Path) -> str:
    """Masks and boxes of the export."""
    from pycocotools.coco import COCO

    found = []
    for folder in exported(dataset, "coco", scratch):
        read = COCO(str(folder / "labels.json"))
        for image in read.loadImgs(read.getImgIds()):
            key = Path(image["file_name"]).stem
            (annotation,) = read.loadAnns(read.getAnnIds(imgIds=image["id"]))
            mask = dataset[key].mask() > 0
            assert np.array_equal(read.annToMask(annotation) > 0, mask)
            left, top, width, height = annotation["bbox"]
            assert mask[top : top + height, left : left + width].sum() == mask.sum() == annotation["area"]
            assert (folder / "data" / image["file_name"]).is_file()
            found.append((key, annotation["category_id"]))
    return same(found, labelled(dataset))


def image_folder(dataset: Dataset, root: Path, scratch: Path) -> str:
    """Pictures and classes of the export."""
    from torchvision.datasets import ImageFolder

    found = []
    for folder in exported(dataset, "imagefolder", scratch):
        read = ImageFolder(str(folder / "test"), allow_empty=True)
        labels = {place: int(name) for name, place in read.class_to_idx.items()}
        assert all(picture.mode == "RGB" for picture, _ in read)
        found += [(Path(path).stem, labels[place]) for path, place in read.samples]
    return same(found, labelled(dataset))


def imagenet_e(dataset: Dataset, root: Path, scratch: Path) -> str:
    """All twelve folders, as classification/inference.py of HashmatShadab/MambaRobustness loads them."""
    from tests.evaluators.attribute.test_export import FOLDERS, load_as_published

    exported(dataset, "imagenet-e", scratch)
    loaded = {kind: load_as_published(scratch / "imagenet-e", kind) for kind in FOLDERS}
    return f"{sum(len(images) for images in loaded.values())} in {len(loaded)} folders"


def fiftyone(dataset: Dataset, root: Path, scratch: Path) -> str:
    """The export's boxes and masks."""
    folders = exported(dataset, "coco", scratch)
    os.environ |= {"FIFTYONE_DO_NOT_TRACK": "true", "FIFTYONE_DATABASE_DIR": str(scratch / "database")}
    import fiftyone as fo

    total = 0
    for folder in folders:
        read = fo.Dataset.from_dir(
            dataset_dir=str(folder),
            dataset_type=fo.types.COCODetectionDataset,
            label_types=["detections", "segmentations"],
        )
        total += len(read)
    assert total == len(dataset)
    return f"{total}"


READERS: dict[str, Reader] = {
    "webdataset": webdataset,
    "datasets": partial(hugging_face, streaming=False),
    "datasets, streaming": partial(hugging_face, streaming=True),
    "wids": wids,
    "timm": timm,
    "open_clip, train": partial(open_clip, mode="train"),
    "open_clip, val": partial(open_clip, mode="val"),
    "CLIP_benchmark": clip_benchmark,
    "mlcroissant": croissant,
    "mlcroissant, two sets in a cache": croissant_twice,
    "mlcroissant, flipped bit": croissant_flipped,
    "DALI": dali,
    "pandas": pandas,
    "polars": polars,
    "duckdb": duckdb,
    "pycocotools": pycocotools,
    "ImageFolder": image_folder,
    "ImageNet-E's loader": imagenet_e,
    "FiftyOne": fiftyone,
}


# Families that a layout has no place for; every other pair is expected to work.
UNSERVED = {
    "pycocotools": ("text", "watermark", "fmr", "synthesis"),
    "FiftyOne": ("text", "watermark", "fmr", "synthesis"),
    "ImageFolder": ("text",),
    "ImageNet-E's loader": ("text", "watermark", "fmr", "synthesis"),
}


def attempt(name: str, root: Path, scratch: Path) -> tuple[str, str]:
    """Try a reader; return what the matrix shows and, where that is no success, why."""
    try:
        return READERS[name](open_dataset(root), root, scratch), ""
    except Unserved as error:
        return "–", str(error)
    except ModuleNotFoundError as error:
        return "–", f"{error.name} is not installed"
    except Exception as error:
        return "fails", f"{type(error).__name__}: {error}".splitlines()[0]
