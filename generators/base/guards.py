"""What guards say, and what a guard of an installed package is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from editmill.generators.base.edits import Edit
from editmill.manifests.arrays import Picture
from editmill.manifests.records import SourceRecord

if TYPE_CHECKING:
    from editmill.generators.models.loading import Models


@dataclass(frozen=True)
class Verdict:
    """Scores by name, and the reasons to reject; empty reasons accept."""

    scores: dict[str, float]
    reasons: tuple[StrEnum, ...] = ()


@dataclass(frozen=True)
class StoredPicture:
    """A picture as it would be stored.

    Attributes:
        image: The final encoded bytes, decoded again, uint8 [H, W, 3] RGB.
        class_name: The class that it should show, "" where there is none.
        label: Its index, -1 where there is none.
        record: The source.
        edit: What was done to it.
    """

    image: Picture
    class_name: str
    label: int
    record: SourceRecord
    edit: Edit


class PictureGuard(Protocol):
    """A guard that any family's pictures can be shown to, brought by an installed package.

    It is named in a recipe's ``guards`` and made by the entry point ``editmill.guards`` of that name.

    Attributes:
        score_names: The scores that it gives, unlike those of other guards.
    """

    score_names: tuple[str, ...]

    def check(self, stored: StoredPicture) -> Verdict:
        """Judge a picture."""


class GuardFactory(Protocol):
    """Makes a guard: what an entry point of the group ``editmill.guards`` names.

    Attributes:
        version: Raised whenever the guard's scores or reasons change.
        score_names: Those of the guards that it makes.
    """

    version: int
    score_names: tuple[str, ...]

    def __call__(self, models: Models, **options: Any) -> PictureGuard:
        """Make a guard with the pack's models.

        Raises:
            TypeError: An option is unknown.
            ValueError: An option is out of range.
        """


class GuardEntry(BaseModel):
    """A guard of an installed package in a recipe.

    Attributes:
        name: The entry point's.
        options: The guard's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    options: Mapping[str, Any] = Field(default_factory=dict)
