from __future__ import annotations

from pathlib import Path

import pytest

from editmill.evaluators import Estimate, paired_drop
from editmill.evaluators.attribute.columns import Column
from editmill.evaluators.attribute.orders import Order, Step
from editmill.evaluators.attribute.sections import describe_order
from editmill.manifests import Dataset
from tests.evaluators.builder import IMAGENET_E, PixelClassifier, build, drops

# Of forty sources, how many fail in each column.
PUBLISHED = {4: 4, 5: 16, 6: 30, 10: 2, 11: 12, 12: 24, 13: 38}


@pytest.fixture(scope="module")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return build(tmp_path_factory.mktemp("forty"), sources=40, plan=IMAGENET_E)


def failing(dataset: Dataset, counts: dict[int, int]) -> tuple[Order, ...]:
    classifier = PixelClassifier(plan=IMAGENET_E, wrong_at=lambda number, step: number < counts.get(step, 0))
    return drops(dataset, classifier).models[0].orders


def test_the_published_orders_are_found(forty: Dataset) -> None:
    backgrounds, geometry = failing(forty, PUBLISHED)
    assert backgrounds.name == "complexity -20 < complexity +20 < adversarial +20"
    assert geometry.name == "size 0.1 < size 0.08 < size 0.05 < position 0.05"
    assert (backgrounds.verdict, geometry.verdict) == ("yes", "yes")
    step = backgrounds.steps[0]
    # The sources that fail at the lower level fail at the higher one too.
    assert step.difference == paired_drop([0.0] * 4 + [1.0] * 36, [0.0] * 16 + [1.0] * 24, resamples=200)
    assert step.difference.value == pytest.approx(12 / 40)


def test_a_step_backwards_is_no_and_no_step_is_unclear(forty: Dataset) -> None:
    backgrounds, geometry = failing(forty, PUBLISHED | {6: 2, 12: 12})
    assert [step.verdict for step in backgrounds.steps] == ["yes", "no"]
    assert [step.verdict for step in geometry.steps] == ["yes", "unclear", "yes"]
    assert (backgrounds.verdict, geometry.verdict) == ("no", "unclear")


def test_columns_that_are_absent_are_left_out(forty: Dataset) -> None:
    part = forty.select(edit=["original", "complexity", "size"]).select(level=[0.0, 20.0, 0.1, 0.05])
    (geometry,) = failing(part, {})
    assert geometry.name == "size 0.1 < size 0.05"
    assert failing(forty.select(edit=["original", "full"]), {}) == ()


def test_an_object_is_moved_at_its_own_size(tmp_path: Path) -> None:
    plan = (("size", 0.1, 0), ("size", 0.08, 0), ("position", 0.05, 0))
    dataset = build(tmp_path, sources=3, plan=plan)
    (geometry,) = drops(dataset, PixelClassifier(plan=plan)).models[0].orders
    assert geometry.name == "size 0.1 < size 0.08"


def test_columns_without_a_common_source_are_unclear(tmp_path: Path) -> None:
    plan = (("size", 0.05, 0), ("position", 0.05, 0))
    dataset = build(tmp_path, sources=2, plan=plan, rejected={(0, "size"), (1, "position")})
    (order,) = drops(dataset, PixelClassifier(plan=plan)).models[0].orders
    assert (order.steps[0].difference, order.verdict) == (None, "unclear")
    assert describe_order(order).endswith("ordered as published: unclear (position 0.05: no common source)")


def test_a_line_says_what_was_found() -> None:
    step = Step(Column("size", 0.1), Column("size", 0.05), Estimate(0.1, 0.02, 0.18, 50))
    assert describe_order(Order((step,))) == (
        "size 0.1 < size 0.05: ordered as published: yes (size 0.05: +10.0 [+2.0, +18.0] yes)"
    )
