"""Previews: a sheet from a plan without files, and its layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from editmill.generators.base.edits import edit_title
from editmill.generators.base.images import encode_image
from editmill.generators.base.samples import Sheet
from editmill.generators.base.sheet import BACKGROUND, GAP, LINE, contact_sheet, sample_sheet
from editmill.manifests.errors import RequestError
from editmill.pipelines.plan import make_plan
from editmill.pipelines.plan_file import PlanFile, PlannedShard, StoredRecords
from editmill.pipelines.preview import preview_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.shard import ShardTask
from tests.manifests.builder import make_row, make_sources
from tests.manifests.test_guard_report import make_report
from tests.pipelines.conftest import PLACEMENT, MakePlan

# Of a title in one line.
HEADER = 8 + LINE


def test_a_sheet_has_a_cell_per_picture_and_blanks_where_there_is_none() -> None:
    picture = np.full((10, 20, 3), (10, 200, 30), np.uint8)
    sheet = np.asarray(contact_sheet([{"a": picture}, {"b": picture}], ["a", "b"], cell=40))
    assert sheet.shape == (HEADER + GAP + 2 * (20 + GAP), GAP + 2 * (40 + GAP), 3)
    centre = [
        (HEADER + GAP + row * (20 + GAP) + 10, GAP + column * (40 + GAP) + 20) for row in (0, 1) for column in (0, 1)
    ]
    colours = [tuple(int(v) for v in sheet[place]) for place in centre]
    assert colours == [(10, 200, 30), BACKGROUND, BACKGROUND, (10, 200, 30)]


@pytest.mark.filterwarnings("ignore:IProgress:Warning")
def test_a_plan_is_previewed_without_writing(
    tiny_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sheet = preview_plan(
        tiny_plan("generator.edits=[{name: original}, {name: background}]"), PLACEMENT, sources=2, cell=32
    )
    assert sheet.width == GAP + 2 * (32 + GAP)
    assert HEADER + 2 * GAP < sheet.height < HEADER + 3 * LINE + GAP + 2 * (32 + GAP)
    assert list(tmp_path.iterdir()) == []


def test_columns_are_titled_as_people_read_them() -> None:
    assert edit_title("size", 0.05) == "size 0.05"
    assert edit_title("complexity", -20.0) == "complexity -20"
    assert edit_title("full", 0.0) == "full"


def test_the_first_sample_of_each_edit_is_shown_under_its_title(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr("editmill.generators.base.sheet.contact_sheet", lambda rows, *rest, **named: shown.append(rows))
    first, second = (np.full((4, 4, 3), value, np.uint8) for value in (1, 2))
    row = make_row(make_sources(1)[0], "size").model_copy(update={"level": 0.05})
    members = [{"png": encode_image(picture, "png")} for picture in (first, second)]
    sample_sheet([Sheet([row, row, row], [*members, {}])], ["size 0.05"], cell=8)
    assert shown
    assert np.array_equal(shown[0][0]["size 0.05"], first)  # type: ignore[index]


@pytest.mark.filterwarnings("ignore:IProgress:Warning")
def test_sources_that_can_not_be_used_take_no_row(tiny_plan: MakePlan) -> None:
    plan = tiny_plan("generator.edits=[{name: original}]", "shards=1")
    first, *others = plan.samples()
    bad = replace(first, source=first.source.model_copy(update={"problem": "mask_empty"}))
    file = PlanFile.write([[bad], others], StoredRecords(()))
    file.assign((0, 0))
    shown = preview_plan(replace(plan, shards=(PlannedShard(file, 0, 1 + len(others)),)), PLACEMENT, sources=1, cell=32)
    colours = np.unique(np.asarray(shown).reshape(-1, 3), axis=0)
    assert len(colours) > 256, "letters alone are grey"


def test_a_calibrated_recipe_is_previewed_with_its_report(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ("source.count=1", "source.size=32", "calibration.source.count=1", "calibration.source.size=32")
    plan = make_plan(load_recipe("imagenet-g", overrides=small))
    made, given, seen = make_report(), make_report(alpha=0.1), []

    def builder(task: ShardTask) -> None:
        seen.append(task.report)
        raise RequestError("seen")

    monkeypatch.setattr("editmill.pipelines.preview.make_report", lambda plan, placement, inputs: made)
    monkeypatch.setattr("editmill.pipelines.preview.sample_builder", builder)
    for report in (None, given):
        with pytest.raises(RequestError, match="seen"):
            preview_plan(plan, PLACEMENT, sources=1, report=report)
    assert seen == [made, given]
