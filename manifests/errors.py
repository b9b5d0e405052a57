"""The errors a user can meet, each with what went wrong, where, and how to fix it.

EditmillError (ValueError)
├── RequestError             exit 2: the request is wrong
│   ├── RecipeError          a recipe is unknown, or has an unknown key or a bad value
│   ├── SourceError          a source cannot be opened, or lacks what the recipe needs
│   ├── ModelError           a model pack or a checkpoint is missing or does not fit
│   └── OccupiedError        the output folder holds another dataset
└── DataError                exit 1: the data on disk is wrong
    └── CorruptDatasetError  a file exists, but is damaged or contradicts another one
"""

from __future__ import annotations

from typing import ClassVar


class EditmillError(ValueError):
    """Base of all errors that editmill reports without a traceback.

    Args:
        what: What is wrong, naming the offending value.
        where: The file, key or field concerned; left out of the message when empty.
        fix: What the user can do about it; left out of the message when empty.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, where: str = "", fix: str = "") -> None:
        # All three go into args, so that the error survives pickling between processes.
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class RequestError(EditmillError):
    """Raised when what the user asked for cannot be done as asked."""


class RecipeError(RequestError):
    """Raised when a recipe is unknown, malformed, or has an unknown key."""


class SourceError(RequestError):
    """Raised when a whole source is unusable; one bad image is a row with a reason instead."""


class ModelError(RequestError):
    """Raised when a model pack, a role or a checkpoint is missing or of the wrong class."""


class OccupiedError(RequestError):
    """Raised when the output folder holds a dataset with another fingerprint."""


class DataError(EditmillError):
    """Raised when data on disk is missing or wrong."""

    exit_code: ClassVar[int] = 1


class CorruptDatasetError(DataError):
    """Raised when a file of a dataset is damaged, truncated, or contradicts another file."""
