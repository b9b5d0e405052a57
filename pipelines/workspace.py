"""The output folder: whose it is, and what a run leaves in it besides the dataset."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import yaml

from editmill.manifests.atomic import atomic_write, remove_stale_temporaries
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import CorruptDatasetError, OccupiedError
from editmill.manifests.manifest import MANIFEST
from editmill.pipelines.plan import Plan

RUN = "run.json"
RECIPE = "recipe.yaml"


def claim(out: Path, plan: Plan, fingerprint: str) -> bool:
    """Take ``out`` for a build.

    Returns:
        Whether the dataset there is already complete.

    Raises:
        OccupiedError: The folder holds another dataset, or files that belong to no dataset.
        CorruptDatasetError: Its run file can't be read.
    """
    run, found = out / RUN, None
    if out.is_dir():
        remove_stale_temporaries(out)
    if run.exists():
        found = _read_run(run).get("fingerprint")
        # A build that was refused before it made anything leaves nothing worth keeping.
        if found != fingerprint and {path.name for path in out.rglob("*") if path.is_file()} - {RUN, RECIPE}:
            raise OccupiedError(
                "the output folder holds a dataset with another fingerprint (another recipe, source, model or device)",
                where=f"{out} (there: {str(found)[:12]}, asked for: {fingerprint[:12]})",
                fix="choose another --out, or delete the folder",
            )
    elif out.exists() and any(out.iterdir()):
        raise OccupiedError(
            "the output folder is not empty and holds no dataset of editmill",
            where=str(out),
            fix="choose another --out",
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OccupiedError(
            f"the output folder can't be made: {error.strerror}", where=str(out), fix="choose another --out"
        ) from error
    # First of all files: without it a build that is stopped here would find the folder occupied.
    if found != fingerprint:
        write_run(out, {"fingerprint": fingerprint})
    atomic_write(
        out / RECIPE,
        yaml.safe_dump(plan.recipe.portable(plan.pack.name), sort_keys=False, allow_unicode=True).encode(),
    )
    return (out / MANIFEST).exists()


def write_run(out: Path, facts: dict[str, Any]) -> None:
    """Write what differs between two identical builds: times, host, workers."""
    atomic_write(out / RUN, canonical_json({"host": platform.node(), "system": platform.platform(), **facts}) + b"\n")


def _read_run(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise CorruptDatasetError(
            "the run file is damaged", where=str(path), fix="delete the folder and build again"
        ) from error
    return document if isinstance(document, dict) else {}
