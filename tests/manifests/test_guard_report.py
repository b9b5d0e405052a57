"""The guard report: canonical bytes, limits that fail, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import CorruptDatasetError, DataError
from editmill.manifests.guard_report import (
    ENSEMBLE,
    ClassQuality,
    ErrorRate,
    GateThreshold,
    GuardReport,
    cautions,
    check_limits,
    read_guard_report,
    write_guard_report,
)

SHA = "0" * 64


def rate(errors: int, pictures: int, upper: float) -> ErrorRate:
    return ErrorRate(
        member=ENSEMBLE,
        kind="overall",
        sources=pictures,
        pictures=pictures,
        effective=pictures,
        errors=errors,
        rate=errors / pictures,
        low=0.0,
        high=upper,
        upper=upper,
    )


def make_report(**changed: Any) -> GuardReport:
    fields: dict[str, Any] = {
        "pack": "tabletop",
        "models": {"zero_shot": SHA},
        "verifiers": {"classifier": SHA},
        "settings": SHA,
        "source": "tabletop",
        "sources_digest": SHA,
        "sourced": True,
        "rule": "all",
        "k": 4,
        "gates": ("label_clip",),
        "alpha": 0.05,
        "r_min": 0.5,
        "thresholds": (
            GateThreshold(
                gate="label_clip", class_name="", sources=100, rank=5, own=-0.25, threshold=-0.25, origin="pooled"
            ),
        ),
        "curves": (),
        "judges": (),
        "false_rejections": (rate(4, 100, 0.09),),
        "false_accepts": (rate(1, 500, 0.0095),),
        "classes": (
            ClassQuality(class_name="ball", sources=50, recall={"label_clip": 1.0}, passed=0.96, guardable=True),
            ClassQuality(class_name="mug", sources=50, recall={"label_clip": 0.3}, passed=0.9, guardable=False),
        ),
    }
    return GuardReport(**(fields | changed))


def test_written_and_read_again(tmp_path: Path) -> None:
    report = make_report()
    path = write_guard_report(tmp_path, report)
    assert path.name == "guard_report.json"
    assert path.read_bytes() == canonical_json(report)
    again = read_guard_report(tmp_path)
    assert again == report
    assert again.digest == report.digest
    assert again.digest != make_report(alpha=0.1).digest


def test_unguardable_classes_are_listed() -> None:
    assert make_report().unguardable == ("mug",)


@pytest.mark.parametrize("limits", [{}, {"far_upper_limit": 0.01, "frr_limit": 0.04}])
def test_kept_limits_pass(limits: dict[str, float]) -> None:
    check_limits(make_report(**limits))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"far_upper_limit": 0.009}, r"false accepts may reach 0\.95% \(1 of 500\), above the limit of 0\.90%"),
        ({"frr_limit": 0.03}, r"4\.00% of the clean pictures are rejected \(4 of 100\), above the limit of 3\.00%"),
        ({"blind": ("identity",)}, "'identity' accepts label-destroying pictures"),
    ],
)
def test_passed_limits_are_errors_of_data(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        check_limits(make_report(**changed))
    assert raised.value.exit_code == 1


BROKEN = tuple(
    ClassQuality(
        class_name=name, sources=50, recall={"label_clip": 0.0, "label_siglip": 1.0}, passed=0, guardable=False
    )
    for name in ("ball", "mug")
)
NOTHING = ErrorRate(
    member=ENSEMBLE, kind="overall", sources=0, pictures=0, effective=0, errors=0, rate=0, low=0, high=1, upper=1
)


def test_a_judge_that_knows_no_class_is_named_instead_of_a_limit() -> None:
    report = make_report(
        classes=BROKEN,
        false_rejections=(NOTHING,),
        false_accepts=(NOTHING,),
        unmeasured=(ENSEMBLE,),
        far_upper_limit=0.05,
    )
    with pytest.raises(
        DataError, match=r"all 2 classes are unguardable.*label_clip on 0%, label_siglip on 100%"
    ) as raised:
        check_limits(report)
    assert "false accepts" not in str(raised.value)
    assert any("label_clip prefers the label on 0%" in one and "2 of 2 classes" in one for one in cautions(report))


def test_a_calibration_that_measured_nothing_is_refused() -> None:
    report = make_report(false_accepts=(NOTHING,), unmeasured=(ENSEMBLE, "identity"))
    with pytest.raises(DataError, match="says nothing of the ensemble, which judged 100 clean and 0 label-destroying"):
        check_limits(report)
    assert "too few pictures to say anything of identity" in cautions(report)


def limit(gate: str, rank: int, sources: int) -> GateThreshold:
    value = 0.5 if rank else None
    origin = "pooled" if rank else "none"
    return GateThreshold.model_validate(
        {"gate": gate, "class_name": "", "sources": sources, "rank": rank, "own": value, "threshold": value}
        | {"origin": origin}
    )


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("all", ["not calibrated, so that their own limits bind: identity", "label_clip (k = 4 of 160)"]),
        ("calibrated", ["joint (k = 1 of 20)"]),
    ],
)
def test_limits_that_rest_on_few_sources_or_none_are_told(rule: str, told: list[str]) -> None:
    thresholds = (limit("label_clip", 4, 160), limit("identity", 0, 8), limit("joint", 1, 20))
    found = cautions(make_report(rule=rule, gates=("label_clip", "identity"), thresholds=thresholds))
    assert len(found) == len(told)
    assert all(part in one for part, one in zip(told, found, strict=True))
    # floor(0.05 / gates * (n + 1)) has to reach 5.
    assert all(f"k = 5 takes {199 if rule == 'all' else 99} clean sources" in one for one in found)


def test_limits_of_enough_sources_are_not_warned_of() -> None:
    assert cautions(make_report()) == []


def test_verifiers_may_not_gate() -> None:
    with pytest.raises(ValidationError, match="verifiers may not gate: zero_shot"):
        make_report(verifiers={"zero_shot": SHA})


def test_missing_figures_and_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no figure of 'identity'"):
        make_report().accepts("identity")
    with pytest.raises(DataError, match="missing"):
        read_guard_report(tmp_path)
    (tmp_path / "guard_report.json").write_text("{}")
    with pytest.raises(CorruptDatasetError, match="not a guard report"):
        read_guard_report(tmp_path)
