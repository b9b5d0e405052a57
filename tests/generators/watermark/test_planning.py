"""Plans: every scheme and a shared negative under every attack; shares nest; seeds are shared, keys are not."""

from __future__ import annotations

from typing import Any

import pytest

from editmill.generators.base.edits import edit_seed
from editmill.generators.base.samples import PlannedSample
from editmill.generators.watermark import planning
from editmill.generators.watermark.planning import plan_source
from editmill.generators.watermark.settings import WatermarkSettings
from editmill.manifests.records import SourceRecord

ATTACKS: list[dict[str, Any]] = [
    {"name": "pipeline", "start": "none"},
    {"name": "vae", "start": "vae"},
    {"name": "clean", "start": "clean", "share": 0.5},
    {"name": "arm", "start": "clean", "share": 0.2, "control": 0},
]
SCHEMES = [{"name": "dwtDctSvd"}, {"name": "dwtDct", "regenerate": False}]


def source(number: int) -> SourceRecord:
    return SourceRecord(id=f"s{number}", image="", label=-1, class_name="", width=1, height=1, sha256="")


def plan(number: int, *, seed: int = 0, **changes: Any) -> list[PlannedSample]:
    settings = WatermarkSettings.model_validate({"schemes": SCHEMES, "attacks": ATTACKS, **changes})
    return list(plan_source(settings, source(number), secret=settings.secret(seed)))


def test_what_one_source_gets() -> None:
    planned = [(one.key, one.edit.name, one.edit["scheme"], one.replica) for one in plan(0, attacks=ATTACKS[:2])]
    assert planned == [
        ("s0__pipeline-dwtdctsvd__0", "pipeline", "dwtDctSvd", 0),
        ("s0__pipeline-dwtdct__0", "pipeline", "dwtDct", 0),
        ("s0__pipeline-unmarked__0", "pipeline", "", 0),
        ("s0__vae-dwtdctsvd__0", "vae", "dwtDctSvd", 0),
        ("s0__vae-unmarked__0", "vae", "", 0),
    ]


def test_shares_nest_and_come_out() -> None:
    attacked = {number: {one.edit.name for one in plan(number)} for number in range(1000)}
    assert all("clean" in names for names in attacked.values() if "arm" in names)
    assert 450 < sum("clean" in names for names in attacked.values()) < 550
    assert 160 < sum("arm" in names for names in attacked.values()) < 240


def test_negatives_share_the_seed_of_their_positives_and_keys_differ_by_scheme_source_and_seed() -> None:
    changes: dict[str, Any] = {"schemes": [{"name": "dwtDctSvd"}, {"name": "rivaGan"}]}
    edits = [one.edit for one in plan(0, seed=5, **changes) if one.edit.name == "pipeline"]
    assert len({edit_seed(5, source(0), edit) for edit in edits}) == 1
    assert len({edit["key_id"] for edit in edits}) == 3
    assert edits[0]["key_id"] != plan(1, seed=5, **changes)[0].edit["key_id"]
    assert edits[0]["key_id"] != plan(0, seed=6)[0].edit["key_id"]


def test_a_second_seed_is_a_replica_of_what_is_random_only() -> None:
    attacks = [{**attack, "share": 1} for attack in ATTACKS]
    planned = {(one.edit.name, one.replica) for one in plan(0, second_seed=1.0, attacks=attacks)}
    assert planned == {("pipeline", 0), ("vae", 0), ("clean", 0), ("clean", 1), ("arm", 0), ("arm", 1)}


def test_a_draw_at_the_share_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    attacks = [{"name": "clean", "start": "clean", "share": 0.5}]
    monkeypatch.setattr(planning, "_draw", lambda identifier, what: 0.5)
    assert plan(0, attacks=attacks) == []
    monkeypatch.setattr(planning, "_draw", lambda identifier, what: 0.25)
    assert {one.replica for one in plan(0, attacks=attacks, second_seed=0.25)} == {0}
    assert {one.replica for one in plan(0, attacks=attacks, second_seed=0.26)} == {0, 1}
