"""The calibration passes with fresh keys whatever the decoder does, and fails with fixed keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from editmill.evaluators.significance import holm
from editmill.evaluators.watermark.null import (
    calibrate,
    decided_bits,
    fresh_matches,
    null_test,
    sign_flip_p,
    signed_sum,
    soft_false_alarms,
)
from editmill.evaluators.watermark.rows import Detection, read_rows
from tests.evaluators.watermark.builder import tabulate


@pytest.mark.parametrize("bits", [32, 256])
@pytest.mark.parametrize("decoder", ["ones", "zeros", "mixed"])
def test_fresh_keys_fit_any_decoder(decoder: str, bits: int) -> None:
    share = {"ones": 1.0, "zeros": 0.0, "mixed": 0.7}[decoder]
    read = np.random.default_rng(0).random((10, bits)) < share
    rng = np.random.default_rng(1)
    test = null_test(fresh_matches(read, 20_000, rng), bits, rng)
    assert test.passed
    assert test.fpr.n == 20_000
    assert test.band_low <= test.true_level <= test.band_high


def test_fixed_keys_fail_with_decoders_that_say_the_same_of_every_picture() -> None:
    rng = np.random.default_rng(2)
    key = rng.random(32) < 0.5
    always = np.full(20_000, float(key.sum()))
    assert not null_test(always, 32, rng).passed
    biased = np.array([float(((rng.random(32) < 0.9) == key).sum()) for _ in range(2000)])
    assert not null_test(biased, 32, rng).passed


def test_the_calibration_holds_its_level() -> None:
    """Three checks together fail once in 100."""
    rng = np.random.default_rng(3)
    passed = sum(null_test(rng.binomial(64, 0.5, 2000).astype(np.float64), 64, rng).passed for _ in range(200))
    assert passed >= 190


def test_undecided_bits_are_drawn() -> None:
    one = Detection("a", 2000, (0.0,) * 2000, 1000, 1.0, "")
    read = decided_bits([one, one], np.random.default_rng(4))
    assert 0.45 < read.mean() < 0.55
    signed = Detection("a", 3, (0.1, -0.1, 5.0), 2, 1.0, "")
    assert decided_bits([signed], np.random.default_rng(4)).tolist() == [[True, False, True]]


def test_a_dataset_with_fair_keys(tmp_path: Path) -> None:
    results = calibrate(read_rows(tabulate(tmp_path, sources=40)), pairs=20_000)
    assert [(one.group, one.keys) for one in results] == [
        ("clean", "fresh"),
        ("clean", "run"),
        ("regenerated", "fresh"),
        ("regenerated", "run"),
    ]
    assert all(one.test is not None and one.test.passed for one in results)
    assert [one.pairs for one in results] == [20_000, 40, 20_000, 40]
    assert results == calibrate(read_rows(tabulate(tmp_path, sources=40)), pairs=20_000)


def test_p_values_are_adjusted_over_the_table(tmp_path: Path) -> None:
    dataset = tabulate(tmp_path, sources=40, schemes=(("alpha", 32), ("beta", 48)))
    tests = [one.test for one in calibrate(read_rows(dataset), pairs=2000)]
    plain = [p for test in tests if test for p in (test.chi_square_p, test.ks_p, test.fpr_p)]
    assert len(plain) == 24
    assert [p for test in tests if test for p in test.holm] == holm(plain)
    # By itself this test passes; beside 23 others, its p-value counts 24 times.
    rng = np.random.default_rng(7)
    alone = null_test(fresh_matches(np.ones((4, 32), bool), 2000, rng), 32, rng)
    assert alone.judged((0.0101, 1.0, 1.0)).passed
    assert not alone.judged((1.0, 1.0, 0.01)).passed


def test_a_rate_beyond_its_level_fails_by_itself() -> None:
    rng = np.random.default_rng(8)
    counts = rng.binomial(32, 0.5, 20_000).astype(np.float64)
    # 70 more false alarms at the 1 % threshold of 24, which Binomial(32, 1/2) reaches in 0.35 %.
    counts[np.flatnonzero(counts < 24)[:70]] = 24.0
    found = null_test(counts, 32, rng)
    assert found.fpr_p < 1e-6
    assert not found.passed


def test_a_run_with_one_key_is_found(tmp_path: Path) -> None:
    rows = read_rows(tabulate(tmp_path, sources=60, matches=lambda scheme, rung, number, positive: 19))
    by_keys = {(one.group, one.keys): one for one in calibrate(rows, pairs=2000)}
    run = by_keys["clean", "run"].test
    assert run is not None
    assert not run.passed
    fresh = by_keys["clean", "fresh"].test
    assert fresh is not None
    assert fresh.passed


def test_pictures_without_bits_are_left_out(tmp_path: Path) -> None:
    def error(scheme: str, rung: str, number: int, positive: bool) -> str:
        return "no payload" if rung == "pipeline" or number < 3 else ""

    results = calibrate(read_rows(tabulate(tmp_path, sources=10, error=error)), pairs=500)
    assert [(one.test is None, one.images, one.errors) for one in results] == [
        (True, 0, 10),
        (True, 0, 10),
        (False, 35, 15),
        (False, 7, 15),
    ]


def test_signed_sums() -> None:
    scores = np.array([0.5, -2.0, 1.0])
    assert signed_sum(scores, np.array([True, False, True])) == 3.5
    assert signed_sum(scores, np.array([False, True, True])) == -1.5
    rng = np.random.default_rng(5)
    strong = rng.normal(0, 1, 64)
    assert sign_flip_p(strong, (strong > 0)[None], rng)[0] == pytest.approx(0.001)
    assert sign_flip_p(strong, (strong < 0)[None], rng)[0] == pytest.approx(1, abs=0.002)


def test_soft_false_alarms_hold_their_level() -> None:
    rng = np.random.default_rng(6)
    found = soft_false_alarms(rng.normal(3, 1, (200, 32)), 20_000, rng)
    assert found.n == 20_000
    assert found.value == pytest.approx(0.01, abs=0.004)
