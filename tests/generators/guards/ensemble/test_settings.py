"""Settings that can't be meant."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from editmill.generators.guards.ensemble.settings import EnsembleSettings


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gates": ("identity",)}, "judge of the label"),
        ({"gates": ("label_clip", "label_clip")}, "listed twice"),
        ({"gates": ("label_clip", "mask_iou")}, "segment"),
        ({"verifiers": ("zero_shot_2",)}, "held out"),
        ({"templates": ("a photo",)}, "needs {}"),
        ({"gates": ()}, "at least 1"),
        ({"colour": 1}, "Extra inputs"),
    ],
)
def test_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EnsembleSettings(**changed)
