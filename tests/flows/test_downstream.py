"""The program of docs/examples/downstream, run as it is: it waits for a version, and evaluates its shards."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from editmill.flows.builds import refresh_dataset
from editmill.manifests.reader import open_dataset
from tests.flows.conftest import ROOT
from tests.flows.tiny import OVERRIDES, RECIPE

FOLLOW = ROOT / "docs/examples/downstream/follow.py"
CLASSIFIER = ROOT / "packs/tabletop/weights/classifier"


@pytest.mark.slow
@pytest.mark.prefect
@pytest.mark.usefixtures("s3")
def test_each_version_in_an_object_store_is_evaluated_once(tmp_path: Path, prefect_environment: dict[str, str]) -> None:
    def refresh(*changes: str) -> None:
        changed = [*OVERRIDES, "shards=2", "version=1.0.0", *changes]
        refresh_dataset(recipe=RECIPE, root=Path(root), overrides=changed, device="cpu")

    root, words = "s3://bucket/versions", [sys.executable, str(FOLLOW), "demo", "--classifier", str(CLASSIFIER)]
    environment = {**os.environ, **prefect_environment}
    environment.pop("PYTHONPATH", None)
    rows = []
    for version, changes in (("1.0.0", ()), ("1.1.0", ("source.count=4",))):
        with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout is not None
            assert following.stdout.readline() == "waiting for demo\n"
            refresh(*changes)
            said, _ = following.communicate(timeout=300)
            assert following.returncode == 0
        dataset = open_dataset(root)
        assert said == f"demo {version} is complete: {len(dataset)} samples in {root}/versions/{version}\n"
        edits = Counter(f"{sample.row['edit']} {sample.row['level']:g}" for sample in dataset)
        rows += [(edit, str(count), dataset.manifest.fingerprint) for edit, count in sorted(edits.items())]
    with (tmp_path / "accuracy.csv").open(newline="") as stream:
        found = [(row["edit"], row["samples"], row["fingerprint"]) for row in csv.DictReader(stream)]
    assert sorted(found) == sorted(rows)
