"""What the editor of captions gets and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from editmill.generators.base.edits import Edit
from editmill.generators.text.grounded import CaptionJob
from editmill.generators.text.language.operations import Operation
from editmill.generators.text.records import Insertion, SlotRecord


@dataclass(frozen=True)
class TextJob:
    """One edit of one caption."""

    caption: CaptionJob
    edit: Edit


@dataclass(frozen=True)
class TextCandidate:
    """An edited caption.

    Attributes:
        text: The edited caption; the source's where ``reasons`` say why there is none.
        operations: What turns the source into it, in source offsets.
        insertions, slots: What was inserted, and every noun with its outcome, as far as the edit has them.
        reasons: From the closed list; empty for an edit.
        scores: By name.
        facts: Further values of the row, as JSON values.
    """

    text: str
    operations: tuple[Operation, ...] = ()
    insertions: tuple[Insertion, ...] = ()
    slots: tuple[SlotRecord, ...] = ()
    reasons: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
