"""Why a generated picture is not in a dataset."""

from __future__ import annotations

from enum import StrEnum


class SynthesisReason(StrEnum):
    """What selection says beside the guards."""

    NOT_SELECTED = "not_selected"
