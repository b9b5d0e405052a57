"""The errors a user can meet, each with what went wrong, where, and how to fix it.

EditmillError (ValueError)
├── RequestError             exit 2: the request is wrong
│   ├── RecipeError          a recipe is unknown, or has an unknown key or a bad value
│   ├── SourceError          a source cannot be opened, or lacks what the recipe needs
│   ├── ModelError           a model pack or a checkpoint is missing or does not fit
│   └── OccupiedError        the output folder holds another dataset
├── DataError                exit 1: the data on disk is wrong
│   └── CorruptDatasetError  a file exists, but is damaged or contradicts another one
└── ExhaustedError           exit 1: memory ran out
"""

from __future__ import annotations

import re
from typing import ClassVar

MEND = "get the file again, or run `editmill build` again, which mends it"


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

    def __init__(self, what: str, where: str = "", fix: str = "") -> None:
        # URLs travel as paths, which keep one of their two slashes.
        super().__init__(what, re.sub(r"^([A-Za-z][A-Za-z0-9+.-]+):/(?!/)", r"\1://", where), fix)


class ModelError(RequestError):
    """Raised when a model pack, a role or a checkpoint is missing or of the wrong class."""


class OccupiedError(RequestError):
    """Raised when the output folder holds a dataset with another fingerprint."""


class DataError(EditmillError):
    """Raised when data on disk is missing or wrong."""

    exit_code: ClassVar[int] = 1


class CorruptDatasetError(DataError):
    """Raised when a file of a dataset is damaged, truncated, or contradicts another file."""

    def __init__(self, what: str, where: str = "", fix: str = MEND) -> None:
        super().__init__(what, where, fix)


class ExhaustedError(EditmillError):
    """Raised when one piece of work alone does not fit into memory."""

    exit_code: ClassVar[int] = 1


# What torch, cuBLAS, OpenCV and onnxruntime say, in lower case; not all of them have an exception for it.
_OUT_OF_MEMORY = (
    "out of memory",
    "not enough memory",
    "insufficient memory",
    "can't allocate memory",
    "failed to allocate memory",
    "cublas_status_alloc_failed",
)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its name where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, of the device or of the machine, whichever library says so."""
    if isinstance(error, EditmillError):
        return isinstance(error, ExhaustedError)
    # torch's own, which is not imported for its sake.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    said = str(error).lower()
    return any(words in said for words in _OUT_OF_MEMORY)


def exhausted(error: BaseException, where: str = "") -> ExhaustedError:
    """Return the message about memory that ran out, with what helps.

    Args:
        error: What a library raised.
        where: What was worked on.
    """
    said = str(error).strip().partition("\n")[0]
    return ExhaustedError(
        f"out of memory{f': {said}' if said else ''}",
        where=where,
        fix="use fewer --workers, a smaller batch or size in the recipe's generator (see docs/recipes.md), smaller "
        "pictures, --offload model or --dtype float16 on an accelerator; or a machine with more memory. Run the same "
        "command again: what is finished is kept",
    )
