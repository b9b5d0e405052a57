"""Types of JSON members. Hugging Face `datasets` infers them from five samples and silently misreads the rest.

An int first and a float later is truncated, a null first breaks, a key that appears later is dropped. So all samples
of a dataset must have the same keys with the same types.
"""

from __future__ import annotations

import json
from typing import Any

from editmill.manifests.errors import DataError


def json_types(data: bytes, where: str = "") -> dict[str, str]:
    """Flatten a JSON member to the type at each path, as in ``{"seed": "int", "boxes[]": "float"}``.

    Raises:
        DataError: The bytes are not a JSON object, hold null, NaN or an infinity, or a list of mixed types.
    """
    return parse_typed(data, where)[1]


def parse_typed(data: bytes, where: str = "") -> tuple[dict[str, Any], dict[str, str]]:
    """Return a JSON member's fields and their types; see `json_types`."""
    try:
        value = DECODER.decode(data.decode())
        types: dict[str, str] = {}
        _collect(value, "", types)
    except (ValueError, RecursionError) as error:
        raise DataError(f"bad json member: {error}", where=where) from error
    if types[""] != "object":
        raise DataError(f"bad json member: expected an object, got {types['']}", where=where)
    return value, types


def check_same_types(first: dict[str, str], types: dict[str, str], where: str) -> None:
    """Check that two samples' JSON members have the same keys and types.

    Raises:
        DataError: They differ; the message names the first differing path.
    """
    # Nearly always, and the rest takes longer than all else that is checked of a sample.
    if first == types:
        return
    for path in sorted(first.keys() | types.keys()):
        was, now = first.get(path, "absent"), types.get(path, "absent")
        if was != now:
            raise DataError(
                f"json field {path!r} is {now} here and {was} in the first sample",
                where=where,
                fix='write floats as 1.0, "" or -1 instead of null, and a mapping whose keys vary as JSON text',
            )


def _collect(value: Any, path: str, types: dict[str, str]) -> None:
    if isinstance(value, dict):
        types[path] = "object"
        for key, item in value.items():
            _collect(item, f"{path}.{key}" if path else key, types)
    elif isinstance(value, list):
        # From an empty list readers infer another type than from a filled one.
        types[path] = "list" if value else "empty list"
        for item in value:
            seen: dict[str, str] = {}
            _collect(item, f"{path}[]", seen)
            if any(types.setdefault(name, kind) != kind for name, kind in seen.items()):
                raise ValueError(f"list {path!r} mixes types")
    elif value is None:
        raise ValueError(f"field {path!r} is null")
    else:
        types[path] = type(value).__name__


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads makes one for each call with options.
DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
