"""Previews: a few sources rendered in memory, or the sheet of a finished dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from editmill.generators.base import Array
from editmill.generators.models.loading import Placement
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.records import PRIMARY_IMAGES
from editmill.pipelines.caption_sheet import CaptionLine, caption_sheet
from editmill.pipelines.contact_sheet import contact_sheet
from editmill.pipelines.encode import decode_image
from editmill.pipelines.fingerprint import identify
from editmill.pipelines.plan import Plan
from editmill.pipelines.shard import ShardTask, configure_process, sample_builder


def preview_plan(plan: Plan, placement: Placement, *, sources: int, cell: int = 160) -> Image.Image:
    """Render the first ``sources`` usable sources of a plan without writing a dataset; rejected samples stay blank.

    Raises:
        ModelError: A checkpoint is missing.
    """
    identity = identify(plan, placement)
    configure_process(placement)
    samples = [sample for shard in plan.shards for sample in shard if not sample.source.problem]
    chosen = list(dict.fromkeys(sample.source.id for sample in samples))[:sources]
    captions = plan.recipe.generator.kind == "text"
    task = ShardTask.for_plan(plan, 0, identity=identity, out=None, placement=placement)
    builder = sample_builder(task)
    rows, texts = [], []
    for identifier in tqdm(chosen, desc="preview", unit="source"):
        mine = [sample for sample in samples if sample.source.id == identifier]
        built = list(builder.build(mine, shard=0))
        if captions:
            texts.append((_picture([members for _, members in built]), [_line(row.model_dump()) for row, _ in built]))
            continue
        row: dict[str, Array] = {}
        for sample, (_, members) in zip(mine, built, strict=True):
            # Of several samples of one edit, such as one per watermark, the first is shown.
            if plan.recipe.output.image in members:
                row.setdefault(sample.edit.label, decode_image(members[plan.recipe.output.image]))
        rows.append(row)
    return caption_sheet(texts) if captions else contact_sheet(rows, list(plan.counts()), cell=cell)


def _picture(built: Sequence[dict[str, bytes]]) -> Array | None:
    """Return the first stored picture; a dataset by reference has none."""
    stored = (members[kind] for members in built for kind in PRIMARY_IMAGES if kind in members)
    data = next(stored, None)
    return None if data is None else decode_image(data)


def _line(row: dict[str, Any]) -> CaptionLine:
    parameters = row["parameters"] if isinstance(row["parameters"], dict) else json.loads(row["parameters"])
    if row["status"] != "ok":
        return CaptionLine(row["edit"], "", reason=", ".join(row["reasons"]))
    return CaptionLine(
        row["edit"], parameters["text"], tuple((one["start"], one["end"]) for one in parameters["insertions"])
    )


def preview_dataset(root: Path | str, *, sources: int, cell: int = 128) -> Image.Image:
    """Return the contact sheet of a finished dataset's first ``sources`` sources."""
    rows: dict[str, dict[str, Array]] = {}
    dataset = open_dataset(root)
    if dataset.manifest.generator == "text":
        return _preview_captions(dataset, sources, cell)
    columns = dict.fromkeys(
        map(_title, dataset.table.column("edit").to_pylist(), dataset.table.column("level").to_pylist())
    )
    wanted = list(dict.fromkeys(dataset.table.column("source_id").to_pylist()))[:sources]
    for sample in dataset.select(source_id=wanted):
        title = _title(sample.row["edit"], sample.row["level"])
        rows.setdefault(sample.row["source_id"], {}).setdefault(title, np.asarray(sample.image()))
    return contact_sheet([rows[identifier] for identifier in wanted if identifier in rows], list(columns), cell=cell)


def _preview_captions(dataset: Dataset, sources: int, cell: int) -> Image.Image:
    table = dataset.table.select(["key", "source_id", "edit", "status", "reasons", "parameters", "replica"]).to_pylist()
    wanted = list(dict.fromkeys(row["source_id"] for row in table))[:sources]
    rows = []
    for identifier in wanted:
        mine = [row for row in table if row["source_id"] == identifier and row["replica"] == 0]
        accepted = next((row["key"] for row in mine if row["status"] == "ok"), None)
        picture = _picture([dataset[accepted].members]) if accepted else None
        rows.append((picture, [_line(row) for row in mine]))
    return caption_sheet(rows, cell=cell)


def _title(edit: str, level: float) -> str:
    return f"{edit} {level:g}" if level else edit
