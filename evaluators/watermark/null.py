"""Whether the exact null holds: match counts of unmarked pictures with fair keys against Binomial(bits, 1/2).

Two tests per scheme, each on clean and on regenerated unmarked pictures. *Fresh keys*: the stored bits of each picture
meet new random keys, at least 20,000 pairs; it checks decoding and thresholds. *Run keys*: the matches that the run
stored, one picture per source; it checks the run's keys, and fails where one key served many pictures. A score of
exactly 0 decides no bit; the bit is drawn fairly, once per picture.

The sum of signed scores is a *soft* detector: it weighs bits by their scores, and its null comes from flipping signs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from scipy.stats import binom, binomtest, chisquare, kstest

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray
from editmill.evaluators.significance import holm
from editmill.evaluators.watermark.binomial import ALPHAS, randomised_p_values, threshold
from editmill.evaluators.watermark.rates import Rate, rate
from editmill.evaluators.watermark.rows import Detection, Scheme, WatermarkRow, WatermarkRows
from editmill.manifests import derive_seed

PAIRS = 20_000
# Of p-values adjusted over all tests of a table: so at most one sound table in 100 fails anywhere by chance.
LEAST_P = 0.01
# With 999 flips a p-value of 1 % is attained exactly.
FLIPS = 999
_ROUNDING = 1e-9
# Pictures beyond these add little to the rate of the soft detector, and a null each costs time.
_PICTURES = 500
# A chi-square statistic is close to its distribution where every bin expects this many.
_LEAST_EXPECTED = 5


@dataclass(frozen=True)
class NullTest:
    """Match counts against the binomial.

    Attributes:
        chi_square_p: Of Pearson's test on the counts, tails pooled to bins of at least 5.
        ks_p: Of the Kolmogorov-Smirnov test on randomised p-values against the uniform.
        fpr: Pairs at or above the 1 % threshold.
        fpr_p: Of the exact test that their rate is the true level.
        true_level: Of that threshold.
        band_low, band_high: Central 99 % of the binomial around it.
        holm: The three p-values (chi-square, KS, rate), adjusted by Holm over all tests that are reported together.
        passed: All of these above 0.01.
    """

    chi_square_p: float
    ks_p: float
    fpr: Rate
    fpr_p: float
    true_level: float
    band_low: float
    band_high: float
    holm: tuple[float, ...] = ()
    passed: bool = False

    def judged(self, adjusted: tuple[float, ...]) -> NullTest:
        """Return it with its three p-values adjusted."""
        return replace(self, holm=adjusted, passed=min(adjusted) > LEAST_P)


@dataclass(frozen=True)
class NullResult:
    """One calibration.

    Attributes:
        group: ``clean`` or ``regenerated``.
        keys: ``fresh`` or ``run``.
        images: Unmarked pictures with bits.
        pairs: (picture, key) pairs.
        ties: Bits that no score decided.
        errors: Pictures without bits, which are left out.
        test: None where there is no picture.
        soft_fpr: Fresh keys alone: pairs whose sum of signed scores has a sign-flip p-value of at most 1 %.
    """

    scheme: str
    group: str
    keys: str
    images: int
    pairs: int
    ties: int
    errors: int
    test: NullTest | None
    soft_fpr: Rate | None


def null_test(matches: FloatArray, bits: int, rng: np.random.Generator) -> NullTest:
    """Test match counts [pairs], at least one, against Binomial(``bits``, 1/2)."""
    test, pairs = threshold(bits, ALPHAS[0]), len(matches)
    found = rate(int((matches >= test.matches).sum()), pairs)
    low, high = (float(end) / pairs for end in binom.interval(0.99, pairs, test.level))
    chi, ks = _chi_square(matches, bits), float(kstest(randomised_p_values(matches, bits, rng), "uniform").pvalue)
    exact = float(binomtest(found.hits, pairs, test.level).pvalue)
    return NullTest(chi, ks, found, exact, test.level, low, high).judged(tuple(holm([chi, ks, exact])))


def adjust(results: Sequence[NullResult]) -> tuple[NullResult, ...]:
    """Adjust the p-values of all tests of a table by Holm."""
    tests = [one.test for one in results if one.test]
    adjusted = iter(holm([p for test in tests for p in (test.chi_square_p, test.ks_p, test.fpr_p)]))
    return tuple(replace(one, test=one.test.judged(tuple(islice(adjusted, 3)))) if one.test else one for one in results)


def decided_bits(detections: Sequence[Detection], rng: np.random.Generator) -> BoolArray:
    """Return bits of decoded pictures, bool [pictures, bits]; undecided ones drawn."""
    scores = np.array([one.scores for one in detections], dtype=np.float64)
    return np.asarray(np.where(scores == 0, rng.random(scores.shape) < 0.5, scores > 0), dtype=bool)


def fresh_matches(bits: BoolArray, pairs: int, rng: np.random.Generator) -> FloatArray:
    """Return matches of every picture with equally many fresh fair keys, at least ``pairs`` in all."""
    keys = rng.random((math.ceil(pairs / len(bits)), *bits.shape)) < 0.5
    return np.asarray((keys == bits).sum(axis=2).ravel(), dtype=np.float64)


def calibrate(rows: WatermarkRows, *, pairs: int = PAIRS, seed: int = 0) -> tuple[NullResult, ...]:
    """Test the null of every scheme."""
    unmarked = [row for row in rows.rows if row.ok and not row.positive and row.replica == 0]
    regenerated = {attack.name for attack in rows.attacks if attack.start != "none"}
    groups = {
        "clean": [row for row in unmarked if row.rung == rows.control],
        "regenerated": [row for row in unmarked if row.rung in regenerated],
    }
    return adjust(
        [
            result
            for scheme in rows.schemes
            for group, members in groups.items()
            for result in _calibrate_group(scheme, group, members, pairs, seed)
        ]
    )


def _calibrate_group(scheme: Scheme, group: str, rows: list[WatermarkRow], pairs: int, seed: int) -> list[NullResult]:
    # A stream for each, so that adding a scheme leaves the results of the others alone.
    rng = np.random.default_rng(derive_seed(seed, scheme.name, group))
    found = [row.detections[scheme.name] for row in rows]
    decoded = [one for one in found if one.decoded]
    errors = len(found) - len(decoded)
    if not decoded:
        return [NullResult(scheme.name, group, keys, 0, 0, 0, errors, None, None) for keys in ("fresh", "run")]
    ties = sum(score == 0 for one in decoded for score in one.scores)
    matches = fresh_matches(decided_bits(decoded, rng), pairs, rng)
    scores = np.array([one.scores for one in decoded], dtype=np.float64)
    hard, soft = null_test(matches, scheme.bits, rng), soft_false_alarms(scores, pairs, rng)
    fresh = NullResult(scheme.name, group, "fresh", len(decoded), len(matches), ties, errors, hard, soft)
    single = _one_per_source(rows, scheme.name, rng)
    stored = np.array([one.matches for one in single], dtype=np.float64)
    run = NullResult(
        scheme.name, group, "run", len(single), len(single), ties, errors, null_test(stored, scheme.bits, rng), None
    )
    return [fresh, run]


def _one_per_source(rows: list[WatermarkRow], scheme: str, rng: np.random.Generator) -> list[Detection]:
    """Return one decoded picture per source: pictures of one source share its key and content, so they aren't
    independent.
    """
    by_source: dict[str, list[Detection]] = {}
    for row in sorted(rows, key=lambda row: (row.source_id, row.key)):
        if row.detections[scheme].decoded:
            by_source.setdefault(row.source_id, []).append(row.detections[scheme])
    return [own[int(rng.integers(len(own)))] for own in by_source.values()]


def _chi_square(matches: FloatArray, bits: int) -> float:
    expected = binom.pmf(np.arange(bits + 1), bits, 0.5) * len(matches)
    counts = np.bincount(matches.astype(np.int64), minlength=bits + 1).astype(np.float64)
    edges = np.flatnonzero(expected >= _LEAST_EXPECTED)
    # One bin leaves nothing to test.
    if edges.size < 2:
        return 1.0
    # The binomial has a single peak, so every bin between these two is large enough as well.
    first, last = int(edges[0]), int(edges[-1])

    def pooled(values: FloatArray) -> FloatArray:
        return np.array([values[: first + 1].sum(), *values[first + 1 : last], values[last:].sum()])

    return float(chisquare(pooled(counts), pooled(expected)).pvalue)


def signed_sum(scores: FloatArray, key: BoolArray) -> FloatArray:
    """Return the sum of the scores, each with the sign of its key bit: float [...] from scores and bits [..., bits]."""
    return np.asarray((np.where(key, 1.0, -1.0) * scores).sum(axis=-1), dtype=np.float64)


def sign_flip_p(scores: FloatArray, key: BoolArray, rng: np.random.Generator, *, flips: int = FLIPS) -> FloatArray:
    """Return one-sided p-values of `signed_sum` of one picture with several keys.

    A fair key that the picture does not depend on gives every pattern of signs the same chance, whatever the scores
    are.

    Args:
        scores: float [bits].
        key: Bool [keys, bits].
        rng: Draws the flips.
        flips: Random keys that make up the null.

    Returns:
        Float [keys], at least 1 / (flips + 1).
    """
    null = np.sort(signed_sum(scores, rng.random((flips, len(scores))) < 0.5))
    # Sums of the same numbers in another order differ by rounding.
    observed = signed_sum(scores, key) - _ROUNDING * np.abs(scores).sum()
    # Flips that reach as high, and the key itself, which is one of the equally likely ones.
    return np.asarray((1 + flips - np.searchsorted(null, observed, side="left")) / (flips + 1), dtype=np.float64)


def soft_false_alarms(scores: FloatArray, pairs: int, rng: np.random.Generator, *, alpha: float = 0.01) -> Rate:
    """Return the share of fresh fair keys, about ``pairs`` over at most 500 pictures, whose sign-flip p-value is
    at most
    ``alpha``; scores [pictures, bits].
    """
    scores = rng.permutation(scores)[:_PICTURES]
    draws = math.ceil(pairs / len(scores))
    hits = sum(int((sign_flip_p(own, rng.random((draws, len(own))) < 0.5, rng) <= alpha).sum()) for own in scores)
    return rate(hits, draws * len(scores))
