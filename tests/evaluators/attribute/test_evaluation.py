from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editmill.evaluators import Estimate, mcnemar_exact, proportion_interval
from editmill.evaluators.attribute.columns import Column
from editmill.evaluators.attribute.evaluation import ModelDrops
from editmill.evaluators.attribute.outcomes import read_outcomes
from editmill.evaluators.attribute.pairing import ColumnResult, Uncertainty, compare_columns
from editmill.evaluators.attribute.rows import columns_of
from editmill.evaluators.predictions import SCHEMA
from editmill.manifests import Dataset, open_dataset
from tests.evaluators.builder import IMAGENET_E, PixelClassifier, build, drops
from tests.manifests.builder import build_dataset


def measure(dataset: Dataset, classifier: object) -> ModelDrops:
    return drops(dataset, classifier).models[0]


def result(evaluation: ModelDrops, name: str) -> ColumnResult:
    return next(column for column in evaluation.columns if column.column.name == name)


def test_columns_are_edits_and_levels_in_the_datasets_order(dataset: Dataset) -> None:
    names = [column.name for column in columns_of(dataset)]
    assert names == ["original", "paste-back", "size 0.1", "size 0.05", "background", "full"]
    assert [column.control for column in columns_of(dataset)] == [True, True, False, False, False, False]


def test_an_oracle_is_right_everywhere_and_loses_nothing(dataset: Dataset) -> None:
    evaluation = measure(dataset, PixelClassifier())
    assert all(column.accuracy.value == 1 for column in evaluation.columns)
    assert evaluation.mean_drop is not None
    assert (evaluation.mean_drop.value, evaluation.mean_drop.n) == (0, 8)
    for column in evaluation.columns[1:]:
        assert column.comparison is not None
        assert (column.comparison.drop.value, column.comparison.lost, column.comparison.gained) == (0, 0, 0)
        assert column.comparison.p_value == 1
    assert evaluation.columns[0].comparison is None


def test_failing_on_one_edit_is_exactly_its_drop(dataset: Dataset) -> None:
    classifier = PixelClassifier(lambda number, edit, replica: edit == "full" and number < 6)
    evaluation = measure(dataset, classifier)
    full = result(evaluation, "full")
    assert (full.correct, full.accuracy.n) == (2, 8)
    assert (full.accuracy.low, full.accuracy.high) == proportion_interval(2, 8)
    assert full.comparison is not None
    assert full.comparison.drop.value == pytest.approx(0.75)
    assert (full.comparison.lost, full.comparison.gained, full.comparison.original_accuracy) == (6, 0, 1.0)
    assert full.comparison.p_value == mcnemar_exact(6, 0)
    # Four columns are under study, and the other three have p = 1.
    assert full.comparison.p_holm == pytest.approx(4 * mcnemar_exact(6, 0))
    assert evaluation.mean_drop is not None
    assert evaluation.mean_drop.value == pytest.approx(0.75 / 4)
    assert all(
        column.comparison.drop.value == 0 for column in evaluation.columns if column.comparison and column is not full
    )


def test_what_is_wrong_unedited_and_right_edited_counts_as_gained(dataset: Dataset) -> None:
    wrong = {("original", 0), ("original", 1), ("original", 2), ("full", 2), ("full", 3)}
    evaluation = measure(dataset, PixelClassifier(lambda number, edit, _: (edit, number) in wrong))
    comparison = result(evaluation, "full").comparison
    assert comparison is not None
    assert (comparison.lost, comparison.gained) == (1, 2)
    assert comparison.drop.value == pytest.approx(-1 / 8)


def test_net_drop_is_measured_against_paste_back(dataset: Dataset) -> None:
    wrong = {"paste-back": 3, "full": 5}
    evaluation = measure(dataset, PixelClassifier(lambda number, edit, _: number < wrong.get(edit, 0)))
    full, paste_back = result(evaluation, "full"), result(evaluation, "paste-back")
    assert full.comparison is not None
    assert full.net is not None
    assert full.comparison.drop.value == pytest.approx(5 / 8)
    assert full.net.value == pytest.approx(2 / 8)
    assert paste_back.net is None
    assert paste_back.comparison is not None
    assert paste_back.comparison.drop.value == pytest.approx(3 / 8)
    assert paste_back.comparison.p_holm is None
    assert evaluation.mean_drop is not None
    assert evaluation.mean_drop.value == pytest.approx(5 / 8 / 4)


def test_net_drop_is_measured_against_the_control_that_fits_the_edit(imagenet_e: Dataset) -> None:
    wrong = {"paste-back": 1, "round-trip": 3, "complexity": 6, "position": 6}
    classifier = PixelClassifier(lambda number, edit, _: number < wrong.get(edit, 0), plan=IMAGENET_E)
    evaluation = measure(imagenet_e, classifier)
    controls = {column.column.name: column.net_control for column in evaluation.columns}
    assert controls["complexity -20"] == controls["adversarial +20"] == controls["background"] == "round-trip"
    assert controls["size 0.1"] == controls["random-background"] == controls["full"] == "paste-back"
    assert controls["original"] is controls["round-trip"] is controls["resample"] is None
    complexity, position = result(evaluation, "complexity +20"), result(evaluation, "position 0.05")
    assert complexity.net is not None
    assert position.net is not None
    assert (complexity.net.value, position.net.value) == (pytest.approx(3 / 12), pytest.approx(5 / 12))
    # Eleven columns are under study: the ten published ones and the prompted background.
    assert evaluation.mean_drop is not None
    assert evaluation.mean_drop.value == pytest.approx((6 + 6 + 6) / 12 / 11)


def test_without_a_round_trip_paste_back_is_the_control(imagenet_e: Dataset) -> None:
    part = imagenet_e.select(edit=["original", "paste-back", "complexity"])
    evaluation = measure(part, PixelClassifier(plan=IMAGENET_E))
    assert result(evaluation, "complexity +20").net_control == "paste-back"
    alone = measure(imagenet_e.select(edit=["original", "complexity"]), PixelClassifier(plan=IMAGENET_E))
    assert result(alone, "complexity +20").net is result(alone, "complexity +20").net_control is None


def test_acceptance_counts_rejected_samples_and_is_unknown_in_part_of_an_edit(tmp_path: Path) -> None:
    dataset = build(tmp_path, rejected={(0, "full"), (1, "full"), (1, "size")})
    evaluation = drops(dataset, PixelClassifier())
    assert evaluation.acceptance(result(evaluation.models[0], "full")) == 6 / 8
    assert evaluation.acceptance(result(evaluation.models[0], "size 0.05")) == 7 / 8
    assert evaluation.acceptance(result(evaluation.models[0], "background")) == 1
    part = drops(dataset.select(edit=["original", "full"]), PixelClassifier())
    assert part.acceptance(result(part.models[0], "full")) is None
    assert part.acceptance(result(part.models[0], "original")) == 1


def test_replicas_are_averaged_by_source_and_only_the_lowest_is_tested(dataset: Dataset) -> None:
    def wrong(number: int, edit: str, replica: int) -> bool:
        return edit == "background" and (number < 4 if replica == 0 else number < 2)

    background = result(measure(dataset, PixelClassifier(wrong)), "background")
    assert (background.accuracy.n, background.sources, background.correct) == (16, 8, 10)
    assert background.comparison is not None
    assert background.comparison.drop.value == pytest.approx((2 * 1 + 2 * 0.5) / 8)
    assert background.comparison.drop.n == 8
    assert (background.comparison.lost, background.comparison.gained) == (4, 0)


def test_pairs_are_complete_by_source(tmp_path: Path) -> None:
    dataset = build(tmp_path, rejected={(0, "original"), (1, "full"), (2, "paste-back")})
    # Wrong on the source that has no unedited sample: that must not count as a drop.
    evaluation = measure(dataset, PixelClassifier(lambda number, edit, _: edit == "full" and number == 0))
    full = result(evaluation, "full")
    assert full.accuracy.n == 7
    assert full.comparison is not None
    assert (full.comparison.drop.n, full.comparison.drop.value) == (6, 0)
    assert full.net is not None
    assert full.net.n == 6
    assert full.net.value == pytest.approx(1 / 6)


def test_without_unedited_samples_there_is_accuracy_and_no_drop(dataset: Dataset) -> None:
    evaluation = measure(dataset.select(edit=["size", "full"]), PixelClassifier())
    assert [column.column.name for column in evaluation.columns] == ["size 0.1", "size 0.05", "full"]
    assert evaluation.mean_drop is None
    assert all(column.comparison is None and column.net is None for column in evaluation.columns)


def test_a_column_without_an_accepted_sample_is_left_out(tmp_path: Path) -> None:
    dataset = build(tmp_path, sources=3, rejected={(number, "full") for number in range(3)})
    evaluation = measure(dataset, PixelClassifier())
    assert "full" not in [column.column.name for column in evaluation.columns]
    assert len(evaluation.columns) == 5


def test_evaluates_the_tiny_dataset_of_manifests(tmp_path: Path) -> None:
    build_dataset(tmp_path)

    class ByColour:
        name = "by-colour"

        def predict(self, images: list[np.ndarray]) -> np.ndarray:
            return np.array([(int(image[0, 0, 0]) - 40) // 60 for image in images])

    evaluation = measure(open_dataset(tmp_path), ByColour())
    assert [(column.column.name, column.accuracy.n, column.accuracy.value) for column in evaluation.columns] == [
        ("original", 6, 1.0),
        ("size 0.08", 6, 1.0),
        ("full 1", 5, 1.0),
    ]
    assert [column.comparison.drop.n for column in evaluation.columns if column.comparison] == [6, 5]


def synthetic(cells: list[tuple[int, int, int, bool]]) -> pa.Table:
    """Predictions from (source, column, replica, right); of repeated ones the first stays."""
    unique = {cell[:3]: cell[3] for cell in reversed(cells)}
    rows = [
        {
            "key": f"{s}-{c}-{r}",
            "source_id": f"s{s}",
            "edit": COLUMNS[c].edit,
            "level": COLUMNS[c].level,
            "replica": r,
            "label": 1,
        }
        | {"predicted": int(right)}
        for (s, c, r), right in unique.items()
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


COLUMNS = [Column("original"), Column("paste-back"), Column("size", 0.1), Column("background")]


def compared(table: pa.Table, options: Uncertainty) -> tuple[tuple[ColumnResult, ...], Estimate | None]:
    return compare_columns(read_outcomes(table, COLUMNS), options)


cells = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 2), st.booleans()).filter(
        lambda cell: cell[1] == 3 or cell[2] == 0
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None)
@given(found=cells, shuffle=st.randoms(use_true_random=False))
def test_the_order_of_samples_changes_nothing(found: list[tuple[int, int, int, bool]], shuffle: object) -> None:
    table, options = synthetic(found), Uncertainty(resamples=50)
    order = list(range(table.num_rows))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    assert compared(table.take(order), options) == compared(table, options)


@settings(deadline=None)
@given(found=cells)
def test_every_number_agrees_with_counting_by_hand(found: list[tuple[int, int, int, bool]]) -> None:
    table = synthetic(found)
    right = {(row["source_id"], row["edit"], row["replica"]): row["predicted"] == 1 for row in table.to_pylist()}
    columns, _ = compared(table, Uncertainty(resamples=10))
    for column in columns:
        mine = {key: value for key, value in right.items() if key[1] == column.column.edit}
        assert column.correct == sum(mine.values())
        assert column.accuracy.low <= column.accuracy.value + 1e-12
        assert column.accuracy.value <= column.accuracy.high + 1e-12
        if column.comparison is None:
            continue
        pairs, drops, lost = 0, 0.0, 0
        for source in {key[0] for key in mine}:
            before = right.get((source, "original", 0))
            replicas = [value for (name, _, _), value in sorted(mine.items()) if name == source]
            if before is not None:
                pairs, drops, lost = (
                    pairs + 1,
                    drops + before - sum(replicas) / len(replicas),
                    lost + (before and not replicas[0]),
                )
        assert column.comparison.drop.n == pairs
        assert column.comparison.drop.value == pytest.approx(drops / pairs)
        assert column.comparison.lost == lost
