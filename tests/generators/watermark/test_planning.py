"""Plans: every scheme and a shared negative under every attack; shares nest; seeds are shared, keys are not."""

from __future__ import annotations

from typing import Any

from editmill.generators.base import edit_seed
from editmill.generators.watermark.planning import WatermarkPlanner
from editmill.generators.watermark.settings import WatermarkSettings
from editmill.manifests.records import SourceRecord

ATTACKS = [
    {"name": "pipeline", "start": "none"},
    {"name": "vae", "start": "vae"},
    {"name": "clean", "start": "clean", "share": 0.5},
    {"name": "arm", "start": "clean", "share": 0.2, "control": 0},
]
SCHEMES = [{"name": "dwtDctSvd"}, {"name": "dwtDct", "regenerate": False}]


def settings(**changes: Any) -> WatermarkSettings:
    return WatermarkSettings.model_validate({"schemes": SCHEMES, "attacks": ATTACKS, **changes})


def source(number: int) -> SourceRecord:
    return SourceRecord(id=f"s{number}", image="", label=-1, class_name="", width=1, height=1, sha256="")


def test_what_one_source_gets() -> None:
    planned = [
        (label, edit["scheme"], replica)
        for label, edit, replica in WatermarkPlanner(settings(attacks=ATTACKS[:2]), seed=0).plan(source(0))
    ]
    assert planned == [
        ("pipeline-dwtdctsvd", "dwtDctSvd", 0),
        ("pipeline-dwtdct", "dwtDct", 0),
        ("pipeline-unmarked", "", 0),
        ("vae-dwtdctsvd", "dwtDctSvd", 0),
        ("vae-unmarked", "", 0),
    ]


def test_shares_nest_and_come_out() -> None:
    planner = WatermarkPlanner(settings(), seed=0)
    attacked = {number: {edit.name for _, edit, _ in planner.plan(source(number))} for number in range(1000)}
    assert all("clean" in names for names in attacked.values() if "arm" in names)
    assert 450 < sum("clean" in names for names in attacked.values()) < 550
    assert 160 < sum("arm" in names for names in attacked.values()) < 240


def test_negatives_share_the_seed_of_their_positives_and_keys_differ_by_scheme_and_source() -> None:
    planner = WatermarkPlanner(settings(schemes=[{"name": "dwtDctSvd"}, {"name": "rivaGan"}]), seed=5)
    edits = [edit for _, edit, _ in planner.plan(source(0)) if edit.name == "pipeline"]
    assert len({edit_seed(5, source(0), edit) for edit in edits}) == 1
    assert len({edit["key_id"] for edit in edits}) == 3
    assert edits[0]["key_id"] != next(edit for _, edit, _ in planner.plan(source(1)))["key_id"]
    assert (
        edits[0]["key_id"]
        != next(edit for _, edit, _ in WatermarkPlanner(settings(), seed=6).plan(source(0)))["key_id"]
    )


def test_a_second_seed_is_a_replica_of_what_is_random_only() -> None:
    planner = WatermarkPlanner(
        settings(second_seed=1.0, attacks=[{**attack, "share": 1} for attack in ATTACKS]), seed=0
    )
    planned = {(edit.name, replica) for _, edit, replica in planner.plan(source(0))}
    assert planned == {("pipeline", 0), ("vae", 0), ("clean", 0), ("clean", 1), ("arm", 0), ("arm", 1)}
