"""Label noise of selection on candidates whose rates are known."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.packs.tabletop.studies.selection_noise import MODES, Gate, Pool, Proposal, draw, measure

GATE = Gate("known", EnsembleSettings(gates=("label_clip",)), None)


def pools(count: int, *, fooled: float, bad: float, good: float) -> list[Pool]:
    """Pools of six right and six wrong candidates.

    The guard is ``fooled`` by wrong ones, and surrogates fail on ``bad`` and ``good`` shares.
    """
    rng, found = np.random.default_rng(0), []
    for number in range(count):
        proposals = []
        for right in (True,) * 6 + (False,) * 6:
            passes = right or rng.random() < fooled
            misled = rng.random() < (good if right else bad)
            scores = {"clip_margin": 1.0 if passes else -1.0}
            proposals.append(Proposal(right, scores, (misled, misled), rng.normal(size=8).astype(np.float32)))
        found.append(Pool(f"s{number}", "ball", tuple(proposals)))
    return found


def test_a_perfect_guard_leaves_no_noise() -> None:
    found = measure(pools(30, fooled=0.0, bad=1.0, good=0.2), GATE, share=0.5, draws=5)
    assert found.wrong.rate == 0
    assert all(rate.errors == 0 for rate in found.modes.values())
    assert found.expected("surrogate, 1 of 2") == 0


def test_surrogates_concentrate_what_a_guard_lets_pass() -> None:
    found = measure(pools(300, fooled=0.1, bad=0.9, good=0.15), GATE, share=0.3, draws=10)
    assert found.wrong.rate == pytest.approx(0.3 * 0.1 / (0.3 * 0.1 + 0.7), abs=0.015)
    for mode in ("untargeted", "diverse"):
        assert found.modes[mode].rate == pytest.approx(found.expected(mode), abs=0.02)
    noise, expected = found.modes["surrogate, 1 of 2"], found.expected("surrogate, 1 of 2")
    assert expected > 4 * found.wrong.rate
    # Taking at most two per set, and scenes that differ, are not in the formula.
    assert noise.rate == pytest.approx(expected, abs=0.05)
    assert found.modes.keys() == MODES.keys()


def test_sets_hold_the_share_and_no_candidate_twice() -> None:
    pool, rng = pools(1, fooled=0.0, bad=0.5, good=0.5)[0], np.random.default_rng(1)
    sets = [draw(pool, rng, share=0.25, candidates=6) for _ in range(400)]
    assert all(len(set(one)) == 6 for one in sets)
    wrong = np.mean([not pool.proposals[number].right for one in sets for number in one])
    assert wrong == pytest.approx(0.25, abs=0.03)
