"""What every generator shares: planned edits, loaded sources, jobs and candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from editmill.generators.reasons import Reason
from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import derive_seed

Array = np.ndarray
Scalar = str | int | float | bool


@dataclass(frozen=True)
class Edit:
    """One planned edit with every random draw resolved.

    Attributes:
        generator: Name of the generator, such as ``attribute``.
        name: The edit, such as ``size``.
        level: Its strength in the edit's own unit (for ``size`` the object's share of the frame), 0 where there is
            none.
        parameters: Sorted (name, value) pairs.
        stochastic: Whether another seed gives another picture; only such edits are retried.
    """

    generator: str
    name: str
    level: float = 0.0
    parameters: tuple[tuple[str, Scalar], ...] = ()
    stochastic: bool = False

    @property
    def label(self) -> str:
        """Name and level in the alphabet of sample keys."""
        return edit_label(self.name, self.level)

    def __getitem__(self, name: str) -> Scalar:
        return dict(self.parameters)[name]

    def get(self, name: str, default: Scalar) -> Scalar:
        """Return the parameter ``name``, or ``default``."""
        return dict(self.parameters).get(name, default)


def edit_label(name: str, level: float) -> str:
    """Return ``size-005`` for size 0.05, ``complexity-minus20`` for complexity -20, ``complexity-1p5`` for 1.5.

    The name alone for level 0.
    """
    digits = f"{abs(level):g}".replace("-", "m").replace("+", "")
    # Below 1 the leading zero stands for the point.
    digits = digits.replace(".", "" if abs(level) < 1 else "p")
    return f"{name}-{'minus' if level < 0 else ''}{digits}" if level else name


def make_edit(generator: str, name: str, *, level: float = 0.0, stochastic: bool = False, **parameters: Scalar) -> Edit:
    """Build an edit with sorted parameters."""
    return Edit(generator, name, level, tuple(sorted(parameters.items())), stochastic)


def edit_seed(seed: int, source: SourceRecord, edit: Edit, replica: int = 0, attempt: int = 0) -> int:
    """Return the seed of one attempt at one sample of a recipe with ``seed``."""
    return derive_seed(seed, source.id, edit.label, replica, attempt)


class EditFailure(Exception):
    """An edit that can't be made of a source; ``reason`` is from the closed list."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class LoadedSource:
    """A source with its pixels: ``image`` uint8 [H, W, 3] RGB and ``mask`` uint8 [H, W], 255 on the object."""

    record: SourceRecord
    image: Array
    mask: Array


@dataclass(frozen=True)
class Job:
    """One attempt at one planned sample. ``partner`` is the second source of edits that need one."""

    key: str
    source: LoadedSource
    edit: Edit
    seed: int
    attempt: int = 0
    partner: LoadedSource | None = None


@dataclass(frozen=True)
class Candidate:
    """The outcome of one job.

    Attributes:
        image: Edited picture, uint8 [H, W, 3] RGB; None when ``failure`` says why there is none.
        alpha: Share of the object per pixel, uint8 [H, W]; 255 where the object's bytes are kept exactly.
        reference: The transformed source, uint8 [H, W, 3] RGB, equal to ``image`` wherever ``alpha`` is 255.
        removed: The background that the object was laid on, where another object was removed from it, uint8 [H, W, 3]
            RGB; None elsewhere.
        parameters: Realised values for the sample's row and JSON.
        cost: Network evaluations spent.
        failure: A reason from the closed list, or "".
        detail: What happened, for a person.
    """

    image: Array | None
    alpha: Array | None = None
    reference: Array | None = None
    removed: Array | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    cost: int = 0
    failure: str = ""
    detail: str = ""


class Planner(Protocol):
    """The half of a generator that needs no models."""

    def plan(self, source: SourceRecord) -> list[tuple[Edit, int]]:
        """Return the edits of one source with their replica numbers; draws are seeded by recipe, source and edit."""


class Renderer(Protocol):
    """The half of a generator that needs models."""

    def frame(self, source: LoadedSource) -> LoadedSource:
        """Return the source in the frame that its edits have."""

    def render(self, jobs: Sequence[Job]) -> list[Candidate]:
        """Return candidates in the order of the jobs."""
