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
def test_a_repository_downstream_evaluates_what_it_is_told_of(
    tmp_path: Path,
    prefect_environment: dict[str, str],  # noqa: F811
) -> None:
    from editmill.flows.finished_datasets import publish_dataset

    build(tiny_prepared(tmp_path / "core"), progress=False)
    words = [sys.executable, str(EXAMPLES / "downstream/follow.py"), "demo", "--classifier", str(CLASSIFIER)]
    environment = {name: value for name, value in prefect_environment.items() if name != "PYTHONPATH"}
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as following:
        # Told again until it listens.
        while following.poll() is None:
            publish_dataset(tmp_path / "core")
            try:
                following.wait(10)
            except subprocess.TimeoutExpired:
                continue
        assert following.returncode == 0
        assert following.stdout is not None
        said = following.stdout.read()
    with (tmp_path / "accuracy.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    dataset = open_dataset(tmp_path / "core")
    assert f"demo {dataset.manifest.version} is complete: {len(dataset)} samples" in said
    assert {row["edit"]: int(row["samples"]) for row in rows} == Counter(
        f"{sample.row['edit']} {sample.row['level']:g}" for sample in dataset
    )
    assert {row["fingerprint"] for row in rows} == {dataset.manifest.fingerprint}
