"""The flows on finished datasets: evaluate models on one, and publish one to those who wait for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from editmill.evaluators import Options, render, report
from editmill.evaluators import evaluate as measure
from editmill.evaluators.extras import check_drawing
from editmill.flows.artifacts import artifact_key
from editmill.flows.building import BatchSize, Device
from editmill.flows.commands.dataset import load_asked
from editmill.flows.commands.outputs import write_output
from editmill.flows.events import announce
from editmill.flows.tasks import log_core_messages
from editmill.manifests.errors import DataError
from editmill.manifests.manifest import read_manifest
from editmill.manifests.reader import open_dataset
from editmill.manifests.verify import verify_dataset
from editmill.manifests.versions import dataset_folder, make_current, version_folder

# By format, what a report's file is called.
REPORTS = {"html": "report.html", "json": "report.json", "csv": "report.csv"}


@flow(name="evaluate-dataset", flow_run_name="evaluate {dataset}")  # type: ignore[untyped-decorator]
def evaluate_dataset(
    dataset: Path,
    models: list[str] = [],  # noqa: B006 - Prefect shows the default; nothing changes it.
    reports: Path = Path("out") / "reports",
    batch_size: BatchSize = 32,
    device: Device = "auto",
) -> dict[str, Any]:
    """Measure models on a finished dataset, and write the report.

    Args:
        dataset: Its folder, or a folder of versions.
        models: As --model of `editmill evaluate`; watermarks need none.
        reports: Folder in which the dataset gets a folder with report.html, report.json and report.csv.
        batch_size: Pictures in one call of a model.
        device: auto, cpu, mps, cuda or cuda:0.

    Returns:
        Name, version and fingerprint of the dataset, and the folder of the report.

    Raises:
        RequestError: A model is missing or does not fit, or there is no evaluator for the dataset.
    """
    log_core_messages()
    check_drawing()
    opened = open_dataset(dataset)
    loaded = load_asked(opened, models, device=device)
    found = report(measure(opened, loaded, options=Options(batch_size=batch_size)))
    manifest = opened.manifest
    folder = reports / f"{manifest.name}-{manifest.version}"
    for form, name in REPORTS.items():
        write_output(folder / name, render(found, form).encode())
    table = f"```\n{render(found, 'text').strip()}\n```\n\n`{folder.resolve()}`"
    create_markdown_artifact(table, key=artifact_key(manifest.name, "evaluation"), description="What edits cost")
    facts = {"name": manifest.name, "version": manifest.version, "fingerprint": manifest.fingerprint}
    return {**facts, "report": str(folder.resolve())}


@flow(name="publish-dataset", flow_run_name="publish {dataset}")  # type: ignore[untyped-decorator]
def publish_dataset(dataset: Path, version: str = "", webhook: str = "") -> dict[str, Any]:
    """Check every byte of a finished dataset, and tell those who wait for it.

    Args:
        dataset: Its folder, or a folder of versions.
        version: Of a folder of versions: the one that becomes current, such as 1.1.0; empty for the current one.
        webhook: Address to which the same facts are posted as JSON; empty for the event alone.

    Returns:
        What the event says: name, version, fingerprint, folder, shards, samples, and the manifest's digest.

    Raises:
        DataError: The dataset is damaged; nobody is told.
        RequestError: There is no such version.
    """
    log_core_messages()
    folder = version_folder(dataset, version) if version else dataset_folder(dataset)
    checked = verify_dataset(folder)
    if not checked.ok:
        fix = "run `editmill build` again, which mends it, or publish another version"
        raise DataError(f"the dataset is damaged: {checked.problems[0]}", where=str(folder), fix=fix)
    if version:
        make_current(dataset, version)
    return announce(read_manifest(folder), folder, webhook=webhook)
