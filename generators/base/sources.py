"""What a source of pictures is."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from editmill.generators.base.loaded import LoadedPicture
from editmill.manifests.arrays import Picture
from editmill.manifests.errors import RequestError
from editmill.manifests.records import SourceRecord
from editmill.manifests.urls import connect_store, is_url

Content = Literal["labelled", "captions", "pictures"]
L = TypeVar("L", bound=LoadedPicture, covariant=True)


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{twice[0]!r} is named twice")
    return names


Names = Annotated[tuple[str, ...], AfterValidator(_each_once)]


class Spec(BaseModel):
    """A source as it is written in a recipe; a subclass has a ``kind: Literal[...]``.

    Attributes:
        stores: Whether its paths may be URLs of object stores; the functions of `manifests.files` read both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stores: ClassVar[bool] = False
    kind: str

    @model_validator(mode="after")
    def _check_paths(self) -> Spec:
        for name, value in self:
            if isinstance(value, Path):
                _check_place(str(value), name, stores=self.stores)
        return self

    def portable(self) -> dict[str, Any]:
        """Return JSON values that are equal for equal sources in two folders: each path is the name of its field.

        Paths that may be left out have their default.
        """
        document = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            if Path in (field.annotation, *get_args(field.annotation)):
                document[name] = name.upper() if field.is_required() else None
        return document


class Source(ABC, Generic[L]):
    """Pictures with labels and masks, with captions, or alone.

    ``records`` runs once, when a dataset is planned. Records are carried from there on, and every process opens the
    source again only to ``load`` them, so opening has to be cheap and ``load`` has to check what it reads.

    Attributes:
        spec_type: Its part of a recipe.
        shorthand: How ``--source`` names it, such as ``folder:LABELS.csv``.
        provides: What its records have: an object's label and mask, captions, or pictures alone.
        name: Shown in manifests.
        licence: Of the source as a whole.
    """

    spec_type: ClassVar[type[Spec]]
    shorthand: ClassVar[str]
    provides: ClassVar[Content]
    name: ClassVar[str]
    licence: str = ""

    def __init__(self, spec: Any) -> None:
        self.spec = spec

    @classmethod
    def parse(cls, rest: str) -> dict[str, Any]:
        """Return the fields of the recipe for what stands behind the colon of ``--source``: the shorthand's first path.

        Raises:
            ValueError: Something is missing or too much.
        """
        field = next((name for name, info in cls.spec_type.model_fields.items() if info.is_required()), None)
        if field is None or not rest:
            raise ValueError(f"{cls.shorthand} is expected")
        return {field: resolved(rest, stores=cls.spec_type.stores)}

    @property
    def where(self) -> str:
        """How messages call it: the path that it needs, or its name."""
        needed = [name for name, info in self.spec_type.model_fields.items() if info.is_required()]
        return str(getattr(self.spec, needed[0])) if needed else self.name

    @abstractmethod
    def records(self) -> Iterator[SourceRecord]:
        """Yield every picture in a fixed order; one that can't be used carries its problem."""

    @abstractmethod
    def load(self, record: SourceRecord) -> L:
        """Decode a record's picture and what belongs to it.

        Raises:
            Unusable: It can't be decoded, or its bytes are not those that the record's digest is of.
        """

    def ground(self, record: SourceRecord) -> Picture | None:
        """Return the true background without the object, uint8 [H, W, 3] RGB; None where nobody knows it."""
        return None


def resolved(path: str, *, stores: bool = False) -> str:
    """Return a path of the command line as an absolute one.

    Args:
        path: The path.
        stores: Whether it may be the URL of an object store, which stays as it is.

    Raises:
        ValueError: It may not, or no file can have such a name.
    """
    _check_place(path, stores=stores)
    if is_url(path):
        return path
    # Unlike Path.resolve, it takes links that lead in a circle. What can't be read keeps the name that it was given.
    real = Path(os.path.realpath(path))
    return str(real if real.is_file() or real.is_dir() else Path(path).absolute())


def _check_place(path: str, name: str = "", *, stores: bool) -> None:
    what = f"{name} " if name else ""
    if "\0" in path:
        raise ValueError(f"{what}{path!r} holds NUL, which no file name can hold")
    if is_url(path):
        if not stores:
            raise ValueError(f"{what}{path!r} is a URL, and URLs are not supported here; name a path of this machine")
        try:
            connect_store(path, where=name)
        except RequestError as error:
            raise ValueError(f"{what}{error.what}; {error.fix}") from error
