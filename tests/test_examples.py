"""The programs of docs/examples, run as they are."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from editmill.manifests.manifest import MANIFEST
from editmill.manifests.reader import open_dataset
from editmill.pipelines.build import build
from tests.flows.conftest import prefect_environment  # noqa: F401 - a fixture.
from tests.flows.tiny import OVERRIDES, RECIPE, tiny_prepared

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs/examples"
CLASSIFIER = ROOT / "packs/tabletop/weights/classifier"


@pytest.mark.slow
def test_a_job_array_builds_what_one_process_builds(tmp_path: Path) -> None:
    build(tiny_prepared(tmp_path / "core"), progress=False)
    command = tmp_path / "bin" / "editmill"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m editmill "$@"\n')
    command.chmod(0o755)
    changes = [word for change in OVERRIDES for word in ("--set", change)]
    out = tmp_path / "array"
    for number in ("0", "1", ""):
        array = {"SLURM_ARRAY_TASK_ID": number, "SLURM_ARRAY_TASK_COUNT": "2"} if number else {}
        environment = {**os.environ, **array, "PATH": f"{command.parent}:{os.environ['PATH']}"}
        words = ["bash", str(EXAMPLES / "slurm.sh"), RECIPE, str(out), "--device", "cpu", *changes]
        subprocess.run(words, env=environment, check=True, capture_output=True)
        tars = len(list(out.glob("test/*.tar")))
        assert (tars, (out / MANIFEST).exists()) == {"0": (1, False), "1": (2, False), "": (2, True)}[number]
    assert (out / MANIFEST).read_bytes() == (tmp_path / "core" / MANIFEST).read_bytes()


@pytest.mark.slow
@pytest.mark.prefect
@pytest.mark.usefixtures("s3")
def test_a_repository_downstream_evaluates_the_new_version_in_an_object_store(
    tmp_path: Path,
    prefect_environment: dict[str, str],  # noqa: F811
) -> None:
    from editmill.flows.builds import refresh_dataset

    def refresh(*changes: str) -> None:
        changed = [*OVERRIDES, "shards=2", "version=1.0.0", *changes]
        refresh_dataset(recipe=RECIPE, root=Path(root), overrides=changed, device="cpu")

    root = "s3://bucket/versions"
    refresh()
    words = [sys.executable, str(EXAMPLES / "downstream/follow.py"), "demo", "--classifier", str(CLASSIFIER)]
    # The harness changes this process's environment only in part.
    environment = {**os.environ, **prefect_environment}
    environment.pop("PYTHONPATH", None)
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "waiting for demo\n"
        refresh("source.count=4")
        said, _ = following.communicate(timeout=300)
        assert following.returncode == 0
    with (tmp_path / "accuracy.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    dataset = open_dataset(root)
    assert said == f"demo 1.1.0 is complete: {len(dataset)} samples in {root}/versions/1.1.0\n"
    assert {row["edit"]: int(row["samples"]) for row in rows} == Counter(
        f"{sample.row['edit']} {sample.row['level']:g}" for sample in dataset
    )
    assert {row["fingerprint"] for row in rows} == {dataset.manifest.fingerprint}
