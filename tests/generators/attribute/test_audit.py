"""The audit: every gate rejects its faults and passes clean pictures, and broken limits are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from editmill.flows.commands.audit import audit as command
from editmill.generators.attribute.audit import GATES
from editmill.generators.attribute.guards.all import GUARDS, make_guards
from editmill.generators.attribute.guards.scores import SCORE_NAMES
from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.base.auditing import AuditRow
from editmill.generators.models.loading import Models
from editmill.manifests.errors import RecipeError
from editmill.pipelines.packs import find_pack
from editmill.pipelines.recipe import Recipe, load_recipe
from editmill.pipelines.shard import configure_process, make_build
from tests.generators.attribute.scenes import meadow, with_ball
from tests.pipelines.conftest import PLACEMENT

pytestmark = pytest.mark.filterwarnings("ignore:IProgress:Warning")


# The gates of guards that bind on photographs.
PHOTOGRAPHS = {"incomplete mask", "fill", "remnant"}


def rows_of(*overrides: str, sources: int = 3) -> tuple[AuditRow, ...]:
    return audited(load_recipe("imagenet-e", overrides=overrides), sources=sources)


def audited(recipe: Recipe, *, sources: int) -> tuple[AuditRow, ...]:
    configure_process(PLACEMENT)
    return tuple(
        recipe.family.audit(make_build(recipe, find_pack(recipe.models), PLACEMENT, class_names=()), sources=sources)
    )


@pytest.fixture(scope="module")
def rows() -> tuple[AuditRow, ...]:
    return rows_of()


def test_every_gate_has_a_fault_that_it_rejects(rows: tuple[AuditRow, ...]) -> None:
    assert {row.gate for row in rows if not row.clean and row.judged and row.rejected == row.judged} == set(
        GATES
    ) - PHOTOGRAPHS


def test_clean_pictures_pass_every_gate(rows: tuple[AuditRow, ...]) -> None:
    assert [row for row in rows if row.clean and row.rejected] == []
    assert {row.gate for row in rows if row.clean and row.judged} == set(GATES) - PHOTOGRAPHS


def test_gates_of_photographs_reject_their_faults(tmp_path: Path) -> None:
    lines = ["file,mask,label_index,class_name"]
    for number, x in enumerate((70, 100, 130)):
        for name, layer in zip(("image", "mask"), with_ball(meadow(), x=x), strict=True):
            Image.fromarray(layer).save(tmp_path / f"{name}{number}.png")
        lines.append(f"image{number}.png,mask{number}.png,{number % 2},{'ball' if number % 2 else 'cup'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    found = audited(load_recipe("imagenet-e", source=f"folder:{tmp_path}/labels.csv"), sources=3)
    seen = {(row.gate, row.clean): row for row in found if row.gate in PHOTOGRAPHS and row.judged}
    assert all(row.rejected == (0 if row.clean else row.judged) for row in seen.values())
    assert {gate for gate, clean in seen if not clean} == PHOTOGRAPHS


def test_counts(rows: tuple[AuditRow, ...]) -> None:
    for row in rows:
        assert 0 <= row.rejected <= row.judged <= row.pictures <= 3
    assert len({(row.gate, row.kind) for row in rows}) == len(rows)


@pytest.mark.parametrize("role", ["classifier", "classifier_vit", "evaluation_encoder"])
def test_what_is_evaluated_may_not_judge(role: str) -> None:
    with pytest.raises(RecipeError, match="judges"):
        load_recipe("imagenet-e", overrides=(f"guard.judges=[{role}]",))


def test_guards_come_in_the_order_of_their_scores() -> None:
    made = make_guards(GuardSettings(), Models(find_pack("tabletop"), PLACEMENT), class_names=(), photographs=True)
    assert tuple(map(type, made)) == GUARDS


def test_gates_are_told_apart_by_scores_that_guards_have() -> None:
    assert {gate.say for gate in GATES.values()} <= set(SCORE_NAMES)
    assert tuple(name for guard in GUARDS for name in guard.score_names) == SCORE_NAMES
    assert all(gate.say in gate.guard.score_names for gate in GATES.values())


@pytest.mark.parametrize(
    ("change", "gate", "clean"),
    [
        ("guard.halo=255", "halo", False),
        ("guard.area_tolerance=0.5", "area", False),
        ("guard.object_difference=1", "object pixels", False),
    ],
)
def test_a_limit_that_is_off_breaks_its_gate_alone(change: str, gate: str, clean: bool) -> None:
    broken = [row for row in rows_of(change, sources=2) if not row.holds(least=0.9, most=0.05)]
    assert {(row.gate, row.clean) for row in broken} == {(gate, clean)}


def test_gates_without_their_model_are_not_there(tiny_pack: Path, photos: Path) -> None:
    found = audited(load_recipe("imagenet-e", source=f"folder:{photos}", models=str(tiny_pack)), sources=2)
    assert {row.gate for row in found} == set(GATES) - PHOTOGRAPHS - {"expansion", "mask", "duplicates"}
    assert "on its bare ground" not in {row.kind for row in found}
    assert all(
        row.rejected == row.judged
        for row in found
        if row.gate in ("object pixels", "centroid", "angle", "sanity") and not row.clean
    )


@given(st.integers(0, 200), st.integers(0, 200))
def test_intervals_hold_their_rate(rejected: int, rest: int) -> None:
    row = AuditRow("halo", "a", False, rejected + rest, rejected + rest, rejected)
    low, high = row.interval()
    assert 0 <= low <= high <= 1
    if row.judged:
        assert low <= row.rate <= high


def test_exact_interval_and_limits() -> None:
    row = AuditRow("halo", "a", False, 100, 100, 100)
    assert row.interval() == (pytest.approx(0.9638, abs=1e-4), 1.0)
    assert row.holds(least=1.0, most=0.0)
    assert not AuditRow("halo", "a", True, 100, 100, 6).holds(least=0.9, most=0.05)
    assert AuditRow("halo", "a", True, 100, 0, 0).holds(least=0.9, most=0.05)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["imagenet-e", "--device", "cpu", "-n", "1", *arguments])


def test_command_prints_a_table() -> None:
    result = run()
    assert result.exit_code == 0, result.output
    assert "one grey level" in result.output
    assert "limits hold" in result.output


def test_command_exits_with_1_when_a_limit_is_broken() -> None:
    result = run("--set", "guard.halo=255", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert not document["ok"]
    assert [row["gate"] for row in document["rows"] if not row["holds"]] == ["halo"]


def test_command_has_help_with_examples() -> None:
    assert "editmill audit imagenet-e -n 20" in CliRunner().invoke(command, ["--help"]).output
