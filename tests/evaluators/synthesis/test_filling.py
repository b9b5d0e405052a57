from __future__ import annotations

import pytest

from editmill.evaluators.synthesis.filling import count_gates, find_holes, gini, measure_filling
from editmill.evaluators.synthesis.rows import SynthesisRow


def row(
    label: int, *rejections: tuple[str, ...], passed: int = 1, conditioning: str = "text", cost: int = 8
) -> SynthesisRow:
    stop = "quota_met" if passed else "rounds_exhausted"
    reason = "" if passed else rejections[0][0]
    return SynthesisRow(
        f"k{label}",
        conditioning,
        label,
        ("ball", "cube")[label],
        bool(passed),
        reason,
        stop,
        rejections,
        len(rejections) + passed,
        passed,
        cost,
    )


ROWS = (
    row(0),
    row(0, ("label_clip", "sanity")),
    row(1, ("duplicate",), ("label_clip",), ("label_clip", "object_lost"), passed=0),
    row(1, ("sanity",), conditioning="image"),
    row(0, conditioning="original"),
)


def test_filling_by_conditioning_and_overall() -> None:
    text, image, overall = measure_filling(ROWS)
    assert (text.conditioning, text.planned, text.filled, text.candidates, text.passed, text.empty) == (
        "text",
        3,
        2,
        6,
        2,
        1,
    )
    assert text.acceptance == pytest.approx(1 / 3)
    assert (text.least, text.most, text.gini) == (0.0, pytest.approx(2 / 3), pytest.approx(0.5))
    assert (text.attempts, text.evaluations) == (3.0, 12.0)
    assert text.low is not None
    assert text.low < 1 / 3
    assert (image.acceptance, image.gini) == (0.5, 0.0)
    assert (overall.conditioning, overall.planned, overall.filled) == ("", 4, 3)


def test_holes_name_class_stop_and_reasons() -> None:
    (hole,) = find_holes(ROWS)
    assert (hole.class_name, hole.conditioning, hole.missing, hole.planned) == ("cube", "text", 1, 1)
    assert (hole.stops, hole.reasons) == (("rounds_exhausted",), ("duplicate",))


def test_gates_count_all_first_and_unique_kills() -> None:
    found = {gate.reason: (gate.rejected, gate.first, gate.unique) for gate in count_gates(ROWS)}
    assert found == {"label_clip": (3, 3, 1), "sanity": (2, 1, 1), "duplicate": (1, 1, 1), "object_lost": (1, 0, 0)}
    assert next(iter(found)) == "label_clip"


@pytest.mark.parametrize(("values", "wanted"), [([], None), ([0.0, 0.0], 0.0), ([0.5, 0.5], 0.0), ([0, 0, 0, 1], 0.75)])
def test_gini(values: list[float], wanted: float | None) -> None:
    assert gini(values) == wanted
