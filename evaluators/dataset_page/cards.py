"""The samples that a page shows, edit by edit, with their pictures and texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.dataset_page.choosing import Chosen, Limit, choose, set_by_edits
from editmill.evaluators.dataset_page.pictures import Picture, originals_of, pictures_of
from editmill.manifests import Dataset
from editmill.manifests.reader import Sample

# Of all pictures together, as they are embedded, and how many a sample has at most.
BUDGET, MOST_PICTURES = 6_000_000, 4
# Edits beyond them are named only.
MOST_EDITS = 40
KINDS = {"typical": "Typical", "near": "Nearest to a threshold", "rejected": "Rejected", "worst": "Worst for a model"}

# A part of a text: "" for what both have, "ins" for what is new, "del" for what is gone.
Part = tuple[str, str]


@dataclass(frozen=True)
class Card:
    """One sample.

    Attributes:
        kind: Why it is shown, for one or several reasons, as a title.
        key: Its key.
        facts: What is said of it, a line each.
        pictures: It and what it was made from; only the source of a sample that was refused.
        text: Parts of its caption, with what the edit changed; nothing without one.
    """

    kind: str
    key: str
    facts: Sequence[str]
    pictures: Sequence[Picture]
    text: Sequence[Part]


@dataclass(frozen=True)
class Shelf:
    """The samples of one edit."""

    edit: str
    cards: Sequence[Card]


def shelves(dataset: Dataset, limits: Sequence[Limit], predictions: pa.Table | None) -> list[Shelf]:
    """Return samples of every edit; pictures are read one by one, for these samples alone."""
    telling = set_by_edits(dataset.table, limits)
    chosen = {edit: choose(dataset, edit, telling, predictions) for edit in dataset.edits()[:MOST_EDITS]}
    shown = [one for mine in chosen.values() for one in mine]
    originals = originals_of(dataset, {one.row["source_id"] for one in shown})
    # Addresses have four letters for three bytes.
    most = BUDGET * 3 // 4 // max(1, MOST_PICTURES * len(shown))
    return [
        Shelf(edit, [_card(dataset, same, originals, most) for same in _by_sample(mine)])
        for edit, mine in chosen.items()
    ]


def _by_sample(chosen: Sequence[Chosen]) -> list[list[Chosen]]:
    """Return what was chosen, together where it is the same sample."""
    found: dict[str, list[Chosen]] = {}
    for one in chosen:
        found.setdefault(one.row["key"], []).append(one)
    return list(found.values())


def _card(dataset: Dataset, same: Sequence[Chosen], originals: Mapping[str, str], most: int) -> Card:
    row = same[0].row
    parameters = json.loads(row["parameters"])
    key = originals.get(row["source_id"], "")
    pictures = _pictures(dataset, row, dataset[key] if key else None, most)
    unseen = f"no picture of its source {row['source_id']} is in this dataset"
    said = (*(one.why for one in same), _described(row, parameters), "" if pictures else unseen)
    title = ", ".join(dict.fromkeys(KINDS[one.kind] for one in same)).capitalize()
    facts = [line for line in said if line]
    return Card(title, row["key"], facts, pictures, changes(parameters, made=row["status"] == "ok"))


def _pictures(dataset: Dataset, row: Mapping[str, Any], original: Sample | None, most: int) -> list[Picture]:
    if row["status"] == "ok":
        return pictures_of(dataset[row["key"]], original, most=most)
    if original is None:
        return []
    # Pictures of refused samples are not kept; what they were to be made from is.
    return [replace(one, label="source") for one in pictures_of(original, None, most=most)[:1]]


def _described(row: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """Return what was planned: class, level, and the prompt where there is one."""
    said = [row["class_name"], f"level {row['level']:g}" if row["level"] else "", f"attempts {row['attempts']}"]
    prompt = parameters.get("prompt")
    return ", ".join(part for part in (*said, f"prompt: {prompt}" if prompt else "") if part)


def changes(parameters: Mapping[str, Any], *, made: bool) -> list[Part]:
    """Return the parts of an edited caption, word by word; the source's caption where no edit was made."""
    before = str(parameters.get("caption") or "")
    after = str(parameters.get("text") or "") if made else before
    old, new = (re.findall(r"\s+|[^\s\w]|\w+", text) for text in (before, after))
    parts: list[Part] = []
    for kind, first, last, start, end in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(("", "".join(new[start:end])))
            continue
        parts += [*_marked("del", "".join(old[first:last])), *_marked("ins", "".join(new[start:end]))]
    return parts


def _marked(kind: str, text: str) -> list[Part]:
    """Return a text as marked words between spaces that are not."""
    words = text.strip()
    before, _, after = text.partition(words) if words else (text, "", "")
    return [part for part in (("", before), (kind, words), ("", after)) if part[1]]
