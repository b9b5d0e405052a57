from __future__ import annotations

import pytest

from editmill.packs.tabletop.checks.detector import Box, Found, average_precision, box_iou

TRUTH: dict[int, list[Box]] = {0: [(0, 0, 10, 10), (20, 0, 30, 10)], 1: [(0, 0, 10, 10)], 2: [(5, 5, 9, 9)]}


@pytest.mark.parametrize(
    ("box", "iou"),
    [
        ((0, 0, 10, 10), 1.0),
        ((0, 0, 10, 5), 0.5),
        ((5, 0, 15, 10), 1 / 3),
        ((10, 0, 20, 10), 0.0),
        ((30, 30, 31, 31), 0.0),
    ],
)
def test_box_iou(box: Box, iou: float) -> None:
    assert box_iou((0, 0, 10, 10), box) == pytest.approx(iou)
    assert box_iou(box, (0, 0, 10, 10)) == pytest.approx(iou)


def test_average_precision_of_a_case_by_hand() -> None:
    found = [
        Found(0, (0, 0, 10, 10), 0.9),  # right: precision 1/1
        Found(1, (50, 50, 60, 60), 0.8),  # false
        Found(0, (20, 1, 30, 11), 0.7),  # right: 2/3
        Found(0, (0, 1, 10, 10), 0.6),  # the object is taken: false
        Found(1, (0, 0, 10, 8), 0.5),  # right: 3/5
        Found(3, (0, 0, 10, 10), 0.4),  # an image without truth: false
    ]
    # Four objects, the last never found: (1 + 2/3 + 3/5 + 0) / 4; interpolation changes nothing as precision falls.
    assert average_precision(found, TRUTH) == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    # At 0.75 the box that is one pixel off (IoU 9/11) and the one with a fifth missing (0.8) still count, at 0.85
    # neither does.
    assert average_precision(found, TRUTH, least=0.75) == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    assert average_precision(found, TRUTH, least=0.85) == pytest.approx(1 / 4)


def test_precision_is_interpolated_from_the_right() -> None:
    found = [Found(0, (80, 80, 90, 90), 0.9), Found(0, (0, 0, 10, 10), 0.8), Found(1, (0, 0, 10, 10), 0.7)]
    # Precision at the two hits is 1/2 and 2/3; both count as 2/3.
    assert average_precision(found, TRUTH) == pytest.approx(2 * (2 / 3) / 4)


def test_perfect_and_empty_answers() -> None:
    perfect = [Found(image, box, 0.5) for image, boxes in TRUTH.items() for box in boxes]
    assert average_precision(perfect, TRUTH) == 1.0
    assert average_precision([], TRUTH) == 0.0
