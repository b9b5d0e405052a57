"""The attribute edits: one row of facts each, which everything else reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EditName = Literal[
    "original",
    "paste-back",
    "round-trip",
    "resample",
    "complexity",
    "adversarial",
    "background",
    "random-background",
    "full",
    "size",
    "position",
    "direction",
]


@dataclass(frozen=True)
class EditKind:
    """What is true of an edit, whatever its level.

    Attributes:
        control: It shows what making a picture costs without an edit.
        levelled: It has levels; ``signed`` ones simplify a background below zero and make it busier above.
        drawn: Something is drawn per replica, so that it may be made several times.
        reads: Settings that it reads beside its levels and its count.
        removes: An object is removed from the background.
        sized: The object takes a given share of the frame; ``geometric`` edits move it.
        generated: Modern mode generates its background from noise, so that another seed gives another picture.
        guided: The generation is steered; it is compared with an unguided round trip.
        replaced: The background shows something else.
        copied: Even faithful mode generates nothing.
    """

    control: bool = False
    levelled: bool = False
    signed: bool = False
    drawn: bool = False
    reads: tuple[str, ...] = ()
    removes: bool = True
    sized: bool = False
    geometric: bool = False
    generated: bool = False
    guided: bool = False
    replaced: bool = False
    copied: bool = False

    @property
    def untouched(self) -> bool:
        """Whether the source's own background stays, its object in it."""
        return self.copied and not self.removes


EDITS: dict[EditName, EditKind] = {
    "original": EditKind(control=True, removes=False, copied=True),
    "paste-back": EditKind(control=True, copied=True),
    "round-trip": EditKind(control=True, drawn=True, generated=True),
    "resample": EditKind(control=True, reads=("size",), removes=False, copied=True),
    "complexity": EditKind(levelled=True, signed=True, drawn=True, generated=True, guided=True),
    "adversarial": EditKind(levelled=True, signed=True, drawn=True, generated=True, guided=True),
    "background": EditKind(drawn=True, reads=("prompts",), removes=False, generated=True, replaced=True),
    "random-background": EditKind(drawn=True, replaced=True),
    "full": EditKind(removes=False, geometric=True),
    "size": EditKind(levelled=True, sized=True, geometric=True),
    "position": EditKind(drawn=True, reads=("size",), sized=True, geometric=True),
    "direction": EditKind(drawn=True, reads=("size", "angles"), sized=True, geometric=True),
}


def kind_of(name: str) -> EditKind:
    """Return the facts of an edit.

    Raises:
        KeyError: There is no such edit.
    """
    return EDITS[name]  # type: ignore[index]


def named(fact: str) -> tuple[EditName, ...]:
    """Return the edits of which a fact is true."""
    return tuple(name for name, kind in EDITS.items() if getattr(kind, fact))
