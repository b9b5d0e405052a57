from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.synthesis.adaptation import ABSENT, LOST, OUTSIDE, Parameters, adapt, dominant
from editmill.generators.synthesis.settings import RetrySettings

SETTINGS = RetrySettings()
LABEL, GONE, EDIT, LEAK = ("label_clip",), ("object_lost", "label_clip"), ("edit_absent",), ("outside_mask_changed",)


@pytest.mark.parametrize(
    ("reasons", "strength", "guidance", "tightening"),
    [
        ([LABEL, GONE, EDIT, ()], 0.5, 7.5, 0),
        ([EDIT, EDIT, LABEL], 0.7, 7.5, 0),
        ([LEAK, LEAK, EDIT], 0.6, 7.5, 1),
        ([LABEL, EDIT], 0.5, 7.5, 0),
        ([("sanity",), ("duplicate",)], 0.6, 7.5, 0),
        ([(), ()], 0.6, 7.5, 0),
    ],
)
def test_the_dominant_reason_decides(
    reasons: list[tuple[str, ...]], strength: float, guidance: float, tightening: int
) -> None:
    assert adapt(Parameters(), reasons, SETTINGS) == Parameters(strength, guidance, tightening, template=1)


def test_at_full_strength_guidance_rises() -> None:
    assert adapt(Parameters(strength=1.0), [EDIT], SETTINGS) == Parameters(1.0, 8.5, template=1)
    assert adapt(Parameters(strength=1.0, guidance=15), [EDIT], SETTINGS).guidance == 15


def test_groups_share_no_reason() -> None:
    assert not LOST & ABSENT | LOST & OUTSIDE | ABSENT & OUTSIDE
    assert dominant([LABEL, ("mask_iou",), EDIT]) == LOST


@given(
    st.lists(st.lists(st.sampled_from([LABEL, EDIT, LEAK, ("sanity",), ()]), max_size=6), max_size=30),
    st.floats(0.05, 1),
)
def test_strength_stays_within_its_bounds(rounds: list[list[tuple[str, ...]]], start: float) -> None:
    parameters = Parameters(strength=start)
    for reasons in rounds:
        parameters = adapt(parameters, reasons, SETTINGS)
        assert min(start, 0.2) - 1e-6 <= parameters.strength <= 1
        assert parameters.guidance <= 15
    assert parameters.template == len(rounds)
