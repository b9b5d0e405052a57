"""Unions of registered models, told apart by their ``kind``."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from functools import reduce
from typing import Annotated, Any

from pydantic import BaseModel, Field


def one_of(models: Iterable[type[BaseModel]]) -> Any:
    """Return the annotation of a field that holds one of several models, each named by its ``kind``."""
    distinct = list(dict.fromkeys(models))
    # pydantic takes a discriminator on unions of two models or more only.
    if len(distinct) == 1:
        return distinct[0]
    return Annotated[reduce(operator.or_, distinct), Field(discriminator="kind")]
