"""Previews: a few sources rendered in memory, or the sheet of a finished dataset."""

from __future__ import annotations

from itertools import groupby, islice
from pathlib import Path

from PIL import Image

from editmill.generators.base.edits import edit_title
from editmill.generators.base.samples import Sheet
from editmill.generators.models.placement import Placement
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.progress import Progress
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.rows import iter_rows
from editmill.pipelines.calibrate import make_report
from editmill.pipelines.fingerprint import identify
from editmill.pipelines.plan import Plan
from editmill.pipelines.registry import family_of
from editmill.pipelines.shard import ShardTask, configure_process, sample_builder


def preview_plan(
    plan: Plan, placement: Placement, *, sources: int, cell: int = 160, report: GuardReport | None = None
) -> Image.Image:
    """Render the first ``sources`` usable sources of a plan without writing a dataset; rejected samples stay blank.

    Args:
        plan: What would be built.
        placement: Where models run.
        sources: How many are shown.
        cell: Side of a picture in pixels.
        report: Of the recipe's calibration; without one, guards that the recipe calibrates are calibrated first.

    Raises:
        ModelError: A checkpoint is missing.
    """
    identity = identify(plan, placement)
    if report is None and plan.recipe.calibration is not None:
        report = make_report(plan, placement, identity.calibration)
    configure_process(placement)
    usable = (sample for sample in plan.samples() if not sample.source.problem)
    chosen = [list(mine) for _, mine in islice(groupby(usable, key=lambda sample: sample.source.id), sources)]
    # Any shard will do: what its task says beside the samples holds for the whole plan.
    builder = sample_builder(
        ShardTask.for_plan(plan, 0, identity=identity, out=None, placement=placement, report=report)
    )
    shown = []
    for mine in Progress(chosen, desc="preview", unit="source"):
        built = list(builder.build(mine, shard=0))
        shown.append(Sheet([row for row, _ in built], [members for _, members in built]))
    columns = dict.fromkeys(edit_title(sample.edit.name, sample.edit.level) for mine in chosen for sample in mine)
    return plan.recipe.family.sheet(shown, list(columns), cell=cell)


def preview_dataset(root: Path | str, *, sources: int, cell: int = 128) -> Image.Image:
    """Return the sheet of a finished dataset's first ``sources`` sources."""
    dataset = open_dataset(root)
    table = dataset.table
    wanted = list(dict.fromkeys(table.column("source_id").to_pylist()))[:sources]
    titles = map(edit_title, table.column("edit").to_pylist(), table.column("level").to_pylist())
    columns = list(dict.fromkeys(titles))
    shown = [_stored(dataset, identifier) for identifier in wanted]
    return family_of(dataset.manifest.generator).sheet(shown, columns, cell=cell)


def _stored(dataset: Dataset, source: str) -> Sheet:
    """Return the rows and members of one source."""
    mine, manifest = dataset.select(source_id=source, status=None), dataset.manifest
    rows = list(iter_rows(mine.table, members=manifest.members, score_names=manifest.score_names))
    members = {sample.key: sample.members for sample in mine}
    return Sheet(rows, [members.get(row.key, {}) for row in rows])
