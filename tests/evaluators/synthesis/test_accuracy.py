from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from editmill.evaluators.predictions import SCHEMA
from editmill.evaluators.synthesis.accuracy import Comparison, compare


def predictions(rows: list[tuple[str, str, int, bool]]) -> pa.Table:
    """Rows of source, conditioning, label, and whether the model is right."""
    return pa.Table.from_pylist(
        [
            {
                "key": f"{number}",
                "source_id": source,
                "edit": edit,
                "level": 0.0,
                "replica": number,
                "label": label,
                "predicted": label if right else label + 1,
            }
            for number, (source, edit, label, right) in enumerate(rows)
        ],
        schema=SCHEMA,
    )


def pairs(lost: int, gained: int, both: int, edit: str = "image") -> list[tuple[str, str, int, bool]]:
    """Controls and pictures made from them: right in the control alone, in the picture alone, in both."""
    sides = [(True, False)] * lost + [(False, True)] * gained + [(True, True)] * both
    return [
        row
        for number, (before, after) in enumerate(sides)
        for row in ((f"s{number}", "original", 0, before), (f"s{number}", edit, 0, after))
    ]


def test_single_pictures_have_the_exact_mcnemar_test() -> None:
    found = compare(predictions(pairs(9, 2, 20)))["image"]
    assert (found.by, found.lost, found.gained, found.drop.n) == ("picture", 9, 2, 31)
    assert found.drop.value == pytest.approx(7 / 31)
    assert found.p_value == pytest.approx(binomtest(2, 11).pvalue)


def test_what_has_no_control_of_its_own_is_left_out_of_its_pairs() -> None:
    rows = pairs(3, 0, 5)
    found = compare(predictions([*rows, ("lonely", "image", 0, False), ("unused", "original", 0, False)]))["image"]
    assert found.drop.n == 8
    assert found.lost == 3


def test_several_pictures_of_one_control_are_one_pair() -> None:
    rows = [("s0", "original", 0, True), *[("s0", "image", 0, right) for right in (True, False, False, False)]]
    rows += [("s1", "original", 0, True), ("s1", "image", 0, True)]
    found = compare(predictions(rows))["image"]
    assert (found.by, found.lost, found.gained, found.drop.n) == ("picture", None, None, 2)
    assert found.drop.value == pytest.approx(0.75 / 2)
    # A single difference has either sign with one half.
    assert found.p_value == 1


def test_pictures_from_text_are_paired_by_class() -> None:
    drops = [0.5, 0.25, 0.25, 0.0, 0.75, 0.5, -0.25, 0.5]
    rows = []
    for label, drop in enumerate(drops):
        rows += [(f"r{label}-{at}", "original", label, at < 3) for at in range(4)]
        rows += [(f"class-{label}", "text", label, at < round(4 * (0.75 - drop))) for at in range(4)]
    found = compare(predictions(rows), resamples=20_000)["text"]
    assert (found.by, found.lost, found.drop.n) == ("class", None, 8)
    assert found.drop.value == pytest.approx(np.mean(drops))
    sums = [abs(np.dot(signs, drops)) for signs in product((-1, 1), repeat=8)]
    assert found.p_value == pytest.approx(np.mean(np.array(sums) >= sum(drops) - 1e-9), abs=0.01)


def test_holm_counts_the_conditionings() -> None:
    rows = pairs(8, 0, 10) + [row for row in pairs(6, 1, 11, "image-text") if row[1] != "original"]
    # Each conditioning has its own controls; those of one set serve both here.
    found: dict[str, Comparison] = compare(predictions(rows))
    first, second = found["image"], found["image-text"]
    assert first.p_holm == pytest.approx(min(1, 2 * first.p_value))
    assert second.p_holm == pytest.approx(max(2 * first.p_value, second.p_value))


def test_without_a_control_nothing_is_compared() -> None:
    assert compare(predictions([("s0", "image", 0, True)])) == {}
    assert compare(predictions([("s0", "original", 0, True)])) == {}
