"""docs/guards.md names every field of the report, every gate, and every threshold."""

from __future__ import annotations

import re
from pathlib import Path

from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.regating import LIMITED
from editmill.generators.guards.ensemble.gates import GATES
from editmill.generators.guards.ensemble.regating import EnsembleRegating
from editmill.manifests.guard_report import ClassQuality, ErrorRate, GateCurve, GateThreshold, GuardReport, JudgeQuality

PAGE = (Path(__file__).parents[2] / "docs/guards.md").read_text()
NAMED = set(re.findall(r"`([a-z0-9_]+)`", PAGE))


def test_every_field_of_the_report_is_named() -> None:
    for record in (GuardReport, GateThreshold, GateCurve, ErrorRate, ClassQuality, JudgeQuality):
        assert set(record.model_fields) - NAMED == set(), record.__name__


def test_every_gate_and_threshold_is_named() -> None:
    assert set(GATES) - NAMED == set()
    assert {*LIMITED, *EnsembleRegating.limited} - NAMED == set()
    assert set(GuardSettings.model_fields) - {"kind"} - NAMED == set()
