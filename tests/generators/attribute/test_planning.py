from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from editmill.generators.attribute.planning import AttributePlanner
from editmill.generators.attribute.settings import AttributeSettings, EditSettings
from editmill.generators.base.edits import Edit, make_edit
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord
from tests.generators.pictures import record

PROMPTS = ("green grass", "a brick wall", "a clear sky")
SOURCES = [record(f"s{number}", label=number % 3) for number in range(8)]
EVERY_EDIT = (
    EditSettings(name="original"),
    EditSettings(name="paste-back"),
    EditSettings(name="size"),
    EditSettings(name="full"),
    EditSettings(name="position"),
    EditSettings(name="direction"),
    EditSettings(name="background", count=4),
    EditSettings(name="random-background", count=3),
)
Planned = list[tuple[Edit, int]]


def plan(
    *edits: EditSettings, source: SourceRecord = SOURCES[0], seed: int = 0, sources: list[SourceRecord] = SOURCES
) -> Planned:
    planner = AttributePlanner(AttributeSettings(edits=edits), prompts=PROMPTS, records=sources, seed=seed)
    return [(edit, replica) for edit, replica, _ in planner.plan(source)]


def test_every_edit_is_planned_with_its_levels_and_replicas() -> None:
    assert [(edit.label, replica) for edit, replica in plan(*EVERY_EDIT)] == [
        ("original", 0),
        ("paste-back", 0),
        ("size-01", 0),
        ("size-008", 0),
        ("size-005", 0),
        ("full", 0),
        ("position-005", 0),
        ("direction-005", 0),
        ("background", 0),
        ("background", 1),
        ("background", 2),
        ("background", 3),
        ("random-background", 0),
        ("random-background", 1),
        ("random-background", 2),
    ]


def test_keys_are_unique_over_sources_and_edits() -> None:
    keys = [
        sample_key(one.id, edit.label, replica) for one in SOURCES for edit, replica in plan(*EVERY_EDIT, source=one)
    ]
    assert len(set(keys)) == len(keys) == 15 * len(SOURCES)


def test_only_backgrounds_are_tried_again() -> None:
    assert {edit.name for edit, _ in plan(*EVERY_EDIT) if edit.stochastic} == {"background"}


@given(st.integers(0, 2**63 - 1), st.lists(st.sampled_from(EVERY_EDIT), unique=True), st.sampled_from(SOURCES))
def test_draws_depend_on_seed_source_and_edit_alone(
    seed: int, others: list[EditSettings], source: SourceRecord
) -> None:
    for edit in EVERY_EDIT:
        alone = plan(edit, source=source, seed=seed)
        among = plan(*[other for other in others if other != edit], edit, source=source, seed=seed)
        assert among[-len(alone) :] == alone


@pytest.mark.parametrize("name", ["position", "direction", "background", "random-background"])
def test_draws_differ_between_seeds_and_between_sources(name: str) -> None:
    edit = next(edit for edit in EVERY_EDIT if edit.name == name)
    assert len({str(plan(edit, seed=seed)) for seed in range(12)}) > 1
    assert len({str(plan(edit, source=source)) for source in SOURCES}) > 1


def test_more_replicas_leave_the_first_ones_as_they_are() -> None:
    for name in ("background", "random-background"):
        few, many = (plan(EditSettings(name=name, count=count)) for count in (2, 5))
        assert many[:2] == few


@given(st.integers(0, 2**63 - 1))
def test_draws_stay_in_range(seed: int) -> None:
    edits = (
        EditSettings(name="position"),
        EditSettings(name="direction", angles=(-3, 2)),
        EditSettings(name="background"),
    )
    position, direction, background = (edit for edit, _ in plan(*edits, seed=seed))
    assert 0 <= float(position["x"]) <= 1
    assert 0 <= float(position["y"]) <= 1
    assert -3 <= float(direction["angle"]) <= 2
    assert background["prompt"] in PROMPTS


def test_both_ends_of_the_angles_occur() -> None:
    edit = EditSettings(name="direction", angles=(-2, 2))
    assert {plan(edit, seed=seed)[0][0]["angle"] for seed in range(100)} == {-2, -1, 0, 1, 2}


def test_prompts_repeat_only_when_all_are_used() -> None:
    prompts = [edit["prompt"] for edit, _ in plan(EditSettings(name="background", count=7))]
    assert set(prompts[:3]) == set(PROMPTS)
    assert prompts[3:6] == prompts[:3]


def test_prompts_of_the_recipe_go_before_those_of_the_pack() -> None:
    assert plan(EditSettings(name="background", prompts=("a snowy field",)))[0][0]["prompt"] == "a snowy field"


def test_partners_are_of_other_classes_and_may_be_missing() -> None:
    labels = {one.id: one.label for one in SOURCES}
    for edit, _ in plan(EditSettings(name="random-background", count=5)):
        assert labels[str(edit["partner"])] != SOURCES[0].label
    assert plan(EditSettings(name="random-background"), sources=SOURCES[:1])[0][0]["partner"] == ""


def test_added_source_leaves_all_other_draws_alone() -> None:
    before, after = plan(*EVERY_EDIT), plan(*EVERY_EDIT, sources=[*SOURCES, record("new", label=2)])
    for (old, _), (new, _) in zip(before, after, strict=True):
        assert new == old or new["partner"] == "new"


@pytest.mark.parametrize(
    "edits",
    [
        (EditSettings(name="size", levels=(0.1, 0.1)),),
        (
            EditSettings(name="background", prompts=("green grass",)),
            EditSettings(name="background", prompts=("a clear sky",)),
        ),
        (EditSettings(name="size", levels=(0.1234567, 0.1234568)),),
    ],
)
def test_edits_that_would_share_a_key_are_refused(edits: tuple[EditSettings, ...]) -> None:
    # Otherwise the build renders everything and fails when the shard is written.
    with pytest.raises(ValidationError):
        AttributeSettings(edits=edits)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "size", "levels": (0.0,)},
        {"name": "size", "levels": (1.0,)},
        {"name": "position", "size": 0.0},
        {"name": "background", "count": 0},
        {"name": "blur"},
        {"name": "size", "level": 0.1},
    ],
)
def test_settings_out_of_range_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EditSettings.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"name": "original", "size": 0.3},
            "the edit original does not read size, which is for resample, position, direction",
        ),
        ({"name": "size", "size": 0.3}, "the edit size does not read size, .* levels"),
        ({"name": "position", "angles": (-10, 10)}, "the edit position does not read angles, which is for direction"),
        (
            {"name": "random-background", "prompts": ("grass",)},
            "the edit random-background does not read prompts, which is for background",
        ),
        ({"name": "full", "levels": (0.1,)}, "the edit full has no levels"),
        ({"name": "full", "count": 2}, "the edit full draws nothing"),
        ({"name": "direction", "angles": (-181, 0)}, "angles of direction lie between -180 and 180"),
        ({"name": "direction", "angles": (0, 360)}, "angles of direction lie between -180 and 180"),
    ],
)
def test_settings_that_an_edit_ignores_are_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EditSettings.model_validate(fields)


@pytest.mark.parametrize("edit", EVERY_EDIT)
def test_a_resolved_edit_reads_back_as_itself(edit: EditSettings) -> None:
    assert EditSettings.model_validate(edit.model_dump(mode="json")) == edit


def test_reversed_angles_are_refused() -> None:
    with pytest.raises(ValidationError):
        EditSettings(name="direction", angles=(10, -10))


LABELS = {
    0.0: "size",
    0.1: "size-01",
    0.05: "size-005",
    0.5: "size-05",
    0.125: "size-0125",
    1.5: "size-1p5",
    15: "size-15",
    -20: "size-minus20",
    1e-9: "size-1em09",
}


@pytest.mark.parametrize(("level", "label"), LABELS.items())
def test_labels_name_the_level(level: float, label: str) -> None:
    assert make_edit("attribute", "size", level=level).label == label


def test_parameters_do_not_depend_on_the_order_they_are_given_in() -> None:
    one, two = make_edit("attribute", "position", x=0.1, y=0.2), make_edit("attribute", "position", y=0.2, x=0.1)
    assert one == two
    assert hash(one) == hash(two)
    assert (one["x"], one.get("z", 7)) == (0.1, 7)
