"""Planned edits: what is done to a source, with every random draw resolved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import derive_seed

Scalar = str | int | float | bool


@dataclass(frozen=True)
class Edit:
    """One planned edit with every random draw resolved.

    Attributes:
        generator: Kind of the family, such as ``attribute``.
        name: The edit, such as ``size``.
        level: Its strength in the edit's own unit (for ``size`` the object's share of the frame); 0 for none.
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

    def with_parameters(self, **parameters: Scalar) -> Edit:
        """Return the edit with some parameters replaced."""
        return replace(self, parameters=tuple(sorted({**dict(self.parameters), **parameters}.items())))

    def __getitem__(self, name: str) -> Scalar:
        return dict(self.parameters)[name]

    def get(self, name: str, default: Scalar) -> Scalar:
        """Return the parameter ``name``, or ``default``."""
        return dict(self.parameters).get(name, default)


@lru_cache(maxsize=1024)
def edit_label(name: str, level: float) -> str:
    """Return the name and the level as one word; the name alone for level 0.

    ``size-005`` for size 0.05, ``complexity-minus20`` for complexity -20, ``complexity-1p5`` for 1.5.
    """
    # Keys have no signs and no points; a tiny level such as 1e-05 is written with an exponent.
    digits = f"{abs(level):g}".replace("-", "m").replace("+", "")
    # Below 1 the leading zero stands for the point.
    digits = digits.replace(".", "" if abs(level) < 1 else "p")
    return f"{name}-{'minus' if level < 0 else ''}{digits}" if level else name


def edit_title(name: str, level: float) -> str:
    """Return the name and the level as people read them: ``size 0.05``; the name alone for level 0."""
    return f"{name} {level:g}" if level else name


def make_edit(generator: str, name: str, *, level: float = 0.0, stochastic: bool = False, **parameters: Scalar) -> Edit:
    """Build an edit with sorted parameters."""
    return Edit(generator, name, level, tuple(sorted(parameters.items())), stochastic)


def edit_seed(seed: int, source: SourceRecord, edit: Edit, replica: int = 0, attempt: int = 0) -> int:
    """Return the seed of one attempt at one sample of a recipe with ``seed``."""
    # The label holds the level too, so every level has noise of its own.
    return derive_seed(seed, source.id, edit.label, replica, attempt)
