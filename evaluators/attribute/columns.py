"""Columns of the papers' tables, and which of them are controls."""

from __future__ import annotations

from dataclasses import dataclass

ORIGINAL = "original"
PASTE_BACK = "paste-back"
# The publication's 'Inver': regenerated without guidance.
ROUND_TRIP = "round-trip"
RESAMPLE = "resample"
CONTROLS = (ORIGINAL, PASTE_BACK, ROUND_TRIP, RESAMPLE)

# Edits that regenerate the background and leave the object in its place, which the round trip does too.
_REGENERATED = ("complexity", "adversarial", "background")
# Edits whose levels lie on both sides of zero.
_SIGNED = ("complexity", "adversarial")


@dataclass(frozen=True)
class Column:
    """One edit at one level: a column of the papers' tables."""

    edit: str
    level: float = 0.0

    @property
    def name(self) -> str:
        """The edit, and its level unless that is 0: ``full``, ``size 0.05``, ``complexity +20``."""
        sign = "+" if self.edit in _SIGNED else ""
        return f"{self.edit} {self.level:{sign}g}" if self.level else self.edit

    @property
    def control(self) -> bool:
        """Whether the column shows what the pipeline itself does, rather than an edit under study."""
        return self.edit in CONTROLS

    @property
    def net_controls(self) -> tuple[str, ...]:
        """The controls that a net drop can be measured against, the closest first; none for a control."""
        if self.control:
            return ()
        return (ROUND_TRIP, PASTE_BACK) if self.edit in _REGENERATED else (PASTE_BACK,)
