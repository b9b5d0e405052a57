"""The flow ``build-xmai``: the same bytes as the core gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from editmill.flows.builds import build_xmai
from editmill.generators.models.placement import Placement
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_environment")]

CHANGES = ["source.count=4", "generator.edits=[{name: original}, {name: grounded}]"]


def test_the_flow_gives_the_bytes_that_the_core_gives(tmp_path: Path) -> None:
    placed: Any = {"device": "cpu", "dtype": "bfloat16", "batch": 2}
    built = build_xmai(overrides=CHANGES, out=tmp_path / "flow", **placed)
    assert verify_dataset(tmp_path / "flow").ok
    assert built["samples"] >= 4
    build(
        prepare(make_plan(load_recipe("xmai", overrides=CHANGES)), tmp_path / "core", Placement(**placed)),
        progress=False,
    )
    assert (tmp_path / "core" / MANIFEST).read_bytes() == (tmp_path / "flow" / MANIFEST).read_bytes()
