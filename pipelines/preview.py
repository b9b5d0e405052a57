"""Previews: a few sources rendered in memory, or the sheet of a finished dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from generators.base import Array
from generators.models.loading import Placement
from manifests.reader import open_dataset
from pipelines.contact_sheet import contact_sheet
from pipelines.encode import decode_image
from pipelines.fingerprint import identify
from pipelines.plan import Plan
from pipelines.shard import ShardTask, configure_process, sample_builder


def preview_plan(plan: Plan, placement: Placement, *, sources: int, cell: int = 160) -> Image.Image:
    """Render the first ``sources`` usable sources of a plan without writing a dataset; rejected samples stay blank.

    Raises:
        ModelError: a checkpoint is missing.
    """
    identity = identify(plan, placement)
    configure_process(placement)
    samples = [sample for shard in plan.shards for sample in shard if not sample.source.problem]
    chosen = list(dict.fromkeys(sample.source.id for sample in samples))[:sources]
    task = ShardTask.for_plan(plan, 0, identity=identity, out=None, placement=placement)
    builder = sample_builder(task)
    rows = []
    for identifier in tqdm(chosen, desc="preview", unit="source"):
        mine = [sample for sample in samples if sample.source.id == identifier]
        built = builder.build(mine, shard=0)
        pictures = [(sample.edit.label, members.get(plan.recipe.output.image)) for sample, (_, members) in zip(mine, built, strict=True)]
        rows.append({label: decode_image(data) for label, data in pictures if data is not None})
    return contact_sheet(rows, list(plan.counts()), cell=cell)


def preview_dataset(root: Path | str, *, sources: int, cell: int = 128) -> Image.Image:
    """The contact sheet of a finished dataset's first ``sources`` sources."""
    rows: dict[str, dict[str, Array]] = {}
    dataset = open_dataset(root)
    columns = dict.fromkeys(map(_title, dataset.table.column("edit").to_pylist(), dataset.table.column("level").to_pylist()))
    wanted = list(dict.fromkeys(dataset.table.column("source_id").to_pylist()))[:sources]
    for sample in dataset.select(source_id=wanted):
        title = _title(sample.row["edit"], sample.row["level"])
        rows.setdefault(sample.row["source_id"], {}).setdefault(title, np.asarray(sample.image()))
    return contact_sheet([rows[identifier] for identifier in wanted if identifier in rows], list(columns), cell=cell)


def _title(edit: str, level: float) -> str:
    return f"{edit} {level:g}" if level else edit
