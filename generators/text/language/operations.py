"""Reversible operations on a text, in offsets of the untouched source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Kind = Literal["insert", "article", "initial_case", "replace", "delete"]


@dataclass(frozen=True)
class Operation:
    """``old`` at code point ``start`` of the source becomes ``new``; ``old`` is empty for an insertion."""

    kind: Kind
    start: int
    old: str
    new: str

    @property
    def end(self) -> int:
        """Where ``old`` ends in the source."""
        return self.start + len(self.old)


def in_order(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """Return operations sorted by place, an insertion before what replaces the text after it.

    Insertions at one place keep their order.

    Raises:
        ValueError: Two of them overlap, or one starts before the text.
    """
    ordered = tuple(sorted(operations, key=lambda operation: (operation.start, operation.end)))
    if ordered and ordered[0].start < 0:
        raise ValueError(f"an operation starts before the text: {ordered[0]}")
    for first, second in pairwise(ordered):
        if first.end > second.start:
            raise ValueError(f"operations overlap: {first} and {second}")
    return ordered


def apply_operations(text: str, operations: Sequence[Operation]) -> str:
    """Return the edited text.

    Raises:
        ValueError: An operation's ``old`` does not stand at its place, or two overlap.
    """
    parts, place = [], 0
    for operation in in_order(operations):
        if text[operation.start : operation.end] != operation.old or operation.end > len(text):
            raise ValueError(f"{operation.old!r} does not stand at {operation.start} of {text!r}")
        parts += [text[place : operation.start], operation.new]
        place = operation.end
    return "".join([*parts, text[place:]])


def undo_operations(edited: str, operations: Sequence[Operation]) -> str:
    """Return the source of an edited text.

    Raises:
        ValueError: The operations did not make this text.
    """
    parts, place, source = [], 0, 0
    for operation in in_order(operations):
        kept = edited[place : place + operation.start - source]
        place += operation.start - source
        if len(kept) != operation.start - source or edited[place : place + len(operation.new)] != operation.new:
            raise ValueError(f"{operation.new!r} does not stand at {place} of {edited!r}")
        parts += [kept, operation.old]
        place, source = place + len(operation.new), operation.end
    return "".join([*parts, edited[place:]])
