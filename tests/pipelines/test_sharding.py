"""Numbers of shards by cost: from the plan alone, so that bytes do not depend on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.generators.base.family import Estimate
from editmill.manifests.manifest import read_manifest
from editmill.pipelines.build import build, prepare
from editmill.pipelines.fingerprint import identify
from editmill.pipelines.sharding import choose_shards
from tests.pipelines.conftest import PLACEMENT, MakePlan


@pytest.mark.parametrize(
    ("minutes", "evaluations", "sources", "shards"),
    [
        (1500.0, 5, 10_000, 100),  # a quarter of an hour each
        (0.0, 900_000, 10_000, 100),  # the same, at a tenth of a second for each evaluation
        (5.0, 5, 64, 4),  # little work is shared, by shards of sixteen sources
        (5.0, 5, 10_000, 16),
        (5.0, 5, 10, 2),
        (1500.0, 5, 3, 3),  # a source is not split
        (0.0, 0, 1, 1),
        (1e9, 5, 10_000_000, 100_000),
    ],
)
def test_a_shard_is_a_quarter_of_an_hour(minutes: float, evaluations: int, sources: int, shards: int) -> None:
    assert choose_shards(Estimate(evaluations, 1.0, minutes), sources) == shards


def test_the_number_is_the_identity_and_stays_in_its_folder(tiny_plan: MakePlan, tmp_path: Path) -> None:
    edits = "generator.edits=[{name: original}]"
    chosen, named = tiny_plan(edits), tiny_plan(edits, "shards=2")
    assert chosen.recipe == named.recipe
    assert identify(chosen, PLACEMENT) == identify(named, PLACEMENT)
    # As if another version had begun it.
    build(prepare(tiny_plan(edits, "shards=3"), tmp_path, PLACEMENT), shards=[1], progress=False)
    prepared = prepare(chosen, tmp_path, PLACEMENT)
    assert len(prepared.plan.shards) == 3
    build(prepared, progress=False)
    assert len(read_manifest(tmp_path).shards) == 3
    assert prepare(chosen, tmp_path, PLACEMENT).complete
