"""Which errors say that a model could not take an input, and not that the program is wrong."""

from __future__ import annotations

import cv2
from pydantic import ValidationError

from editmill.manifests.errors import EditmillError, out_of_memory

# What libraries raise when a model can't take an input.
MODEL_ERRORS = (RuntimeError, ValueError, IndexError, ArithmeticError, cv2.error)


def is_model_error(error: Exception) -> bool:
    """Return whether a library could not take an input; anything else is a fault of the program and ends the build.

    Of the errors of value, those of our own records and of results that do not match their jobs are not a model's.
    """
    ours = isinstance(error, (EditmillError, ValidationError)) or str(error).startswith("zip() argument")
    return isinstance(error, MODEL_ERRORS) and not ours and not out_of_memory(error)
