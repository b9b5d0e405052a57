"""The command that shows a dataset on one page; it needs the light installation and the extra ``report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from editmill.flows.commands.dataset import write_tables
from editmill.flows.commands.options import LocalPath
from editmill.flows.commands.outputs import check_output, write_output

if TYPE_CHECKING:
    from editmill.manifests.guard_report import GuardReport
    from editmill.manifests.reader import Dataset


@click.command()
@click.argument("dataset")
@click.option(
    "--evaluation",
    "evaluations",
    multiple=True,
    type=LocalPath(),
    metavar="E.json",
    help="What `editmill evaluate --format json --output E.json` wrote; repeat for several. With --predictions "
    "E.parquet beside it, the page shows the samples that cost models most.",
)
@click.option("--out", type=LocalPath(), default="dataset.html", show_default=True, help="File to write.")
@click.option("--tables", type=LocalPath(folder=True), help="Folder to write every table to, in every form.")
def report(dataset: str, evaluations: tuple[Path, ...], out: Path, tables: Path | None) -> None:
    """Show a dataset on one page: counts, pictures or captions, guards, cost, evaluations and provenance.

    The page is one file that needs nothing beside it, at most some 10 MB large.

    \b
    Examples:
      editmill report out/demo/scenes --out scenes.html
      editmill evaluate out/demo/scenes --model pack:tabletop/classifier --format json --output e.json \\
        --predictions e.parquet
      editmill report out/demo/scenes --evaluation e.json --out scenes.html
    """
    from editmill.evaluators.dataset_page.choosing import Limit
    from editmill.evaluators.dataset_page.page import dataset_page, page_tables
    from editmill.evaluators.extras import check_drawing
    from editmill.evaluators.stored import read_evaluation
    from editmill.manifests.reader import open_dataset
    from editmill.pipelines.limits import limits_of

    check_output(out, "--out", suffixes=(".html", ".htm"))
    check_drawing()
    opened = open_dataset(dataset)
    run, guards = _run(dataset), _guards(opened)
    limits = [Limit(*limit) for limit in limits_of(opened.manifest, guards)]
    stored = [read_evaluation(path, opened.manifest) for path in evaluations]
    page = dataset_page(opened, limits=limits, guards=guards, run=run, evaluations=stored)
    write_output(out, page.encode())
    if tables is not None:
        shown = [table for one in stored for table in one.shown.tables]
        write_tables(tables, [*page_tables(opened, guards, run), *shown])
    click.echo(str(out))


def _run(dataset: str) -> dict[str, Any]:
    """Return what run.json says, nothing where there is none or it is damaged."""
    from editmill.manifests.errors import DataError
    from editmill.manifests.manifest import RUN
    from editmill.manifests.seals import check_seal, parse_object
    from editmill.manifests.store import Store

    try:
        data = Store(dataset).read(RUN)
        check_seal(data, where=RUN)
        return parse_object(data, where=RUN)
    except (OSError, DataError):
        return {}


def _guards(opened: Dataset) -> GuardReport | None:
    """Return the dataset's calibration, None without one."""
    from editmill.manifests.errors import CorruptDatasetError
    from editmill.manifests.guard_report import GUARD_REPORT, find_guard_report

    if all(one.path != GUARD_REPORT for one in opened.manifest.files):
        return None
    found = find_guard_report(opened.store)
    if found is None:
        raise CorruptDatasetError(f"{GUARD_REPORT} is absent", where=opened.store.root)
    return found
