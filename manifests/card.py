"""The dataset card: README.md, whose header tells Hugging Face to load the tars and not the parquet sidecars."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import yaml

from editmill.manifests.indexes import listed_shards
from editmill.manifests.licences import hub_licence
from editmill.manifests.records import Manifest, ModelRecord
from editmill.manifests.wording import markdown_text

# Of the Hub's own list.
_TASKS = {"text": ["text-retrieval", "image-to-text"]}
_SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}

_READING = """\
## Reading

Plain webdataset:

```python
import webdataset as wds
samples = wds.WebDataset({urls}, shardshuffle=False).decode()
```

Hugging Face datasets, from the folder that holds this card (rows of rejected samples included through parquet):

```python
from datasets import load_dataset
samples = load_dataset(".", split="{split}")
rows = load_dataset("parquet", data_files="samples.parquet")
```

With selection, random access by key and verification, without torch:

```python
from editmill.manifests import open_dataset
dataset = open_dataset(".")
for sample in dataset.select(edit="{edit}"):
    sample.image(), sample.label, sample.row["level"]
```

Decode masks yourself (`sample.mask()`): webdataset's `decode("pil")` turns a grey mask into RGB.
"""


def dataset_card(manifest: Manifest) -> str:
    """Return the card's text: YAML header, what the dataset holds, and how to read it."""
    header = yaml.safe_dump(card_header(manifest), sort_keys=False, allow_unicode=True)
    return f"---\n{header}---\n\n{_summary(manifest)}\n{_counts_table(manifest)}\n{_usage(manifest)}"


def card_header(manifest: Manifest) -> dict[str, Any]:
    """Return the header's fields. Only tars are declared: a second format in one repository fails to load."""
    header: dict[str, Any] = {
        "pretty_name": manifest.name,
        **hub_licence(manifest.sources.licence),
        "task_categories": _TASKS.get(manifest.generator, ["image-classification"]),
        "size_categories": [next((name for most, name in _SIZES.items() if manifest.samples < most), "10M<n<100M")],
        "tags": ["webdataset", "robustness", "editmill"],
    }
    data_files = []
    for split, shards in listed_shards(manifest).items():
        if not shards:
            continue
        # The pattern would also take tars without samples, on which the loader fails when one comes first.
        whole = len(shards) == len(manifest.splits[split])
        paths: str | list[str] = f"{split}/*.tar" if whole else [shard.path for shard in shards]
        data_files.append({"split": split, "path": paths})
    if data_files:
        header["configs"] = [{"config_name": "default", "data_files": data_files}]
    return header


def names_shards(card: bytes, manifest: Manifest) -> bool:
    """Tell whether a card's header, however it was edited, lets readers load the files that the dataset's own names."""
    try:
        _, header, _ = card.decode().split("---\n", 2)
        found = yaml.safe_load(header)
        return bool(found.get("configs") == card_header(manifest).get("configs"))
    except (ValueError, AttributeError, yaml.YAMLError, RecursionError):
        return False


def _summary(manifest: Manifest) -> str:
    lines = [
        f"# {manifest.name} {manifest.version}",
        "",
        f"{manifest.samples} samples in {len(manifest.shards)} shards, made by editmill {manifest.code_version}.",
        f"Generator `{manifest.generator}`, {manifest.sources.count} images of {markdown_text(manifest.sources.name)}.",
        "",
        f"- Licence of the sources: {markdown_text(manifest.sources.licence) or 'not stated'}",
        f"- Members of every sample: {', '.join(f'`{member}`' for member in manifest.members)}",
        f"- Fingerprint: `{manifest.fingerprint}`",
    ]
    lines += [
        f"- Model `{model.role}`: "
        + markdown_text(f"{_named(model)} ({model.cls}, {model.licence or 'licence not stated'})")
        for model in manifest.models
    ]
    return "\n".join(lines) + "\n"


def _counts_table(manifest: Manifest) -> str:
    lines = ["| edit | ok | rejected | failed |", "| --- | ---: | ---: | ---: |"]
    for edit in manifest.edits:
        statuses = manifest.counts.get(edit, {})
        numbers = [str(sum(statuses.get(status, {}).values())) for status in ("ok", "rejected", "failed")]
        lines.append(f"| {markdown_text(edit)} | {' | '.join(numbers)} |")
    return "\n".join(lines) + "\n"


def _usage(manifest: Manifest) -> str:
    listed = [(split, shard) for split, shards in listed_shards(manifest).items() for shard in shards]
    split = listed[0][0] if listed else next(iter(manifest.splits), "test")
    urls = [shard.path for name, shard in listed if name == split]
    return _READING.format(urls=_url_expression(urls), split=split, edit=next(iter(manifest.edits), ""))


def _url_expression(urls: list[str]) -> str:
    if not urls:
        return "[]"
    stem, _, first = PurePosixPath(urls[0]).stem.rpartition("-")
    last = PurePosixPath(urls[-1]).stem.rpartition("-")[2]
    # A range in braces would name the empty shards in between, which are left out.
    if len(urls) < 2 or int(last) - int(first) + 1 != len(urls):
        return repr(urls)
    return repr(f"{PurePosixPath(urls[0]).parent}/{stem}-{{{first}..{last}}}.tar")


def _named(model: ModelRecord) -> str:
    """Return a model's id, with its revision where it has one: embedded weights have none."""
    return f"{model.id} @ {model.revision}" if model.revision else model.id
