"""Wait for the event that a dataset is complete, then write the accuracy of a classifier on it, edit by edit."""

from __future__ import annotations

import argparse
import asyncio
import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import fsspec
import torch
import webdataset
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from transformers import AutoImageProcessor, AutoModelForImageClassification
from webdataset.gopen import gopen_schemes

COMPLETE = "editmill.dataset.complete"
# Webdataset itself opens no addresses of S3.
gopen_schemes["s3"] = lambda url, *others: fsspec.open(url, "rb").open()


async def wait_for(name: str, known: set[str]) -> dict[str, Any]:
    """Return what an event says of a dataset whose fingerprint is not known: version, fingerprint, folder and so on.

    The server first tells events of the last minutes, so that none is missed between two runs of this program.
    """
    wanted = EventFilter(
        event=EventNameFilter(name=[COMPLETE]), resource=EventResourceFilter(id=[f"editmill.dataset.{name}"])
    )
    async with get_events_subscriber(filter=wanted) as events:
        print(f"waiting for {name}", flush=True)
        async for event in events:
            if event.payload["fingerprint"] not in known:
                return dict(event.payload)
    raise ConnectionError("the server closed the stream of events")


def shards_of(folder: str) -> list[str]:
    """Return the addresses of the shards of a dataset, whose folder may be in an object store."""
    store, path = fsspec.url_to_fs(folder)
    return [store.unstrip_protocol(shard) for shard in sorted(store.glob(f"{path}/*/*.tar"))]


@torch.inference_mode()
def accuracy(folder: str, classifier: str) -> dict[str, tuple[int, int]]:
    """Return how many samples of each edit there are, and how many of them the classifier gets right."""
    model = AutoModelForImageClassification.from_pretrained(classifier, dtype=torch.float32).eval()
    processor = AutoImageProcessor.from_pretrained(classifier)
    found: dict[str, list[bool]] = defaultdict(list)
    for sample in webdataset.WebDataset(shards_of(folder), shardshuffle=False, empty_check=False).decode("pil"):
        logits = model(**processor(sample["png"].convert("RGB"), return_tensors="pt")).logits
        edit = f"{sample['json']['edit']} {sample['json']['level']:g}"
        found[edit].append(int(logits.argmax()) == int(sample["cls"]))
    return {edit: (len(right), sum(right)) for edit, right in found.items()}


def known_in(table: Path) -> set[str]:
    """Return the fingerprints of the datasets that a table has."""
    if not table.exists():
        return set()
    with table.open(newline="") as stream:
        return {row["fingerprint"] for row in csv.DictReader(stream)}


def main() -> None:
    """Wait, evaluate, add to the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--classifier", required=True)
    parser.add_argument("--table", type=Path, default=Path("accuracy.csv"))
    asked = parser.parse_args()
    known = known_in(asked.table)
    told = asyncio.run(wait_for(asked.dataset, known))
    print(f"{told['name']} {told['version']} is complete: {told['samples']} samples in {told['folder']}")
    found = accuracy(told["folder"], asked.classifier)
    with asked.table.open("a", newline="") as stream:
        table = csv.writer(stream)
        if not known:
            table.writerow(["edit", "samples", "right", "accuracy", "dataset", "fingerprint"])
        for edit, (samples, right) in found.items():
            share = f"{right / samples:.4f}"
            table.writerow([edit, samples, right, share, f"{told['name']} {told['version']}", told["fingerprint"]])


if __name__ == "__main__":
    main()
