"""Words for people: what is wrong with a recipe, a pack or a stored file, and texts that Markdown shows as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

SHOWN = 60
# The validator would show the regular expression instead.
PATTERNS = {
    "name": "lower-case letters and digits, with single - or _ between them, as in my-set",
    "split": "lower-case letters, digits and _, beginning with a letter",
    "version": "three numbers, as in 1.0.0",
}
# By the validator's type of problem; fields are the input as it is shown and the limits that it missed.
SENTENCES = {
    "extra_forbidden": "unknown key",
    "missing": "is missing",
    "value_error": "{error}",
    "literal_error": "{shown} is not known; use {expected}",
    "union_tag_invalid": "the kind {tag!r} is not known; use {expected_tags}",
    "union_tag_not_found": "kind is missing",
    "too_short": "must have {min_length} or more entries, not {actual_length}",
    "too_long": "must have {max_length} or fewer entries, not {actual_length}",
    "greater_than": "must be above {gt:g}, not {shown}",
    "greater_than_equal": "must be at least {ge:g}, not {shown}",
    "less_than": "must be below {lt:g}, not {shown}",
    "less_than_equal": "must be at most {le:g}, not {shown}",
    "finite_number": "must be a finite number, not {shown}",
    "string_type": "must be text, in quotes if YAML would read it otherwise, not {shown}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "path_type": "must be a path, not {shown}",
    "tuple_type": "must be a list in brackets, as in [a, b], not {shown}",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number, not {shown}"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number, not {shown}"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false, not {shown}"),
    **dict.fromkeys(
        ("model_type", "model_attributes_type", "dict_type"), "must hold fields, as in {{field: value}}, not {shown}"
    ),
}


def say(problem: ErrorDetails) -> str:
    """Return what is wrong with one value, and what is allowed."""
    field, shown = str(problem["loc"][-1]) if problem["loc"] else "", _show(problem["input"])
    if problem["type"] == "string_pattern_mismatch" and field in PATTERNS:
        return f"must be {PATTERNS[field]}, not {shown}"
    sentence = SENTENCES.get(problem["type"])
    return sentence.format(shown=shown, **problem.get("ctx", {})) if sentence else problem["msg"]


def first_problem(error: ValidationError) -> str:
    """Return the first thing that is wrong with a stored file, and where in it."""
    first = error.errors()[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))


def without_consequences(problems: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Return the problems that a writer has to correct, less those that only follow from others."""
    places = [problem["loc"] for problem in problems]
    return [problem for problem in problems if not _follows(problem, places)]


def _follows(problem: ErrorDetails, places: Sequence[tuple[int | str, ...]]) -> bool:
    place, kind = problem["loc"], problem["type"]
    # The validator leaves out entries that are wrong themselves when it counts them.
    if kind == "too_short":
        return any(other[: len(place)] == place and len(other) > len(place) for other in places)
    # The guard's kind is taken from the generator.
    return (
        place == ("guard",)
        and kind in ("missing", "union_tag_invalid", "union_tag_not_found")
        and ("generator",) in places
    )


def markdown_text(text: str) -> str:
    """Return a text in one line that Markdown shows as it is, strikethrough and formulas of GitHub's included."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$])", r"\\\1", " ".join(text.split())).replace("&", "&amp;")


def _show(value: object) -> str:
    shown = "nothing" if value is None else repr(value)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
