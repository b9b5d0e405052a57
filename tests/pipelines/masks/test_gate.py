"""The gate: each limit refuses for its own reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from editmill.pipelines.masks.gate import MaskLimits, judge_proposal
from editmill.pipelines.masks.proposals import Proposal
from editmill.pipelines.masks.refusal import Refusal


def square(side: int) -> np.ndarray:
    mask = np.zeros((100, 100), bool)
    mask[:side, :side] = True
    return mask


GOOD = Proposal(square(30), "sam-box", score=0.9, stability=0.97, largest=1.0)


def test_a_good_mask_passes() -> None:
    assert judge_proposal(GOOD, MaskLimits()) is None


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (replace(GOOD, score=0.5), Refusal.SCORE_LOW),
        (replace(GOOD, stability=0.8), Refusal.STABILITY_LOW),
        (replace(GOOD, mask=square(9)), Refusal.TOO_SMALL),
        (replace(GOOD, mask=square(80)), Refusal.TOO_LARGE),
        (replace(GOOD, largest=0.7), Refusal.FRAGMENTED),
    ],
)
def test_each_limit(bad: Proposal, reason: Refusal) -> None:
    refused = judge_proposal(bad, MaskLimits())
    assert refused is not None
    assert refused.reason == reason
