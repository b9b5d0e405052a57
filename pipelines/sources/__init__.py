"""Sources of pictures, and how a command line and a recipe name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from editmill.generators.base.sources import Content, Source, Spec
from editmill.manifests.errors import SourceError
from editmill.manifests.unions import one_of
from editmill.pipelines.sources.registry import SOURCES

CONTENTS: dict[Content, str] = {
    "labelled": "labelled objects with masks",
    "captions": "captions",
    "pictures": "pictures",
}


if TYPE_CHECKING:
    SourceSpec = Spec
else:
    SourceSpec = one_of(one.spec_type for one in SOURCES.loaded().values())


def parse_source(text: str) -> dict[str, Any]:
    """Return what ``--source TEXT`` puts into a recipe: the kind, and what the source itself makes of the rest.

    Raises:
        SourceError: There is no such kind, its path is missing, or nothing stands after the colon.
    """
    kind, colon, rest = text.partition(":")
    if kind not in SOURCES.loaded():
        raise SourceError(f"unknown source {text!r}", where="--source", fix=f"use one of these: {source_help()}")
    try:
        if colon and not rest:
            raise ValueError(f"{SOURCES.get(kind).shorthand} is expected")
        return {"kind": kind, **SOURCES.get(kind).parse(rest)}
    except ValueError as error:
        raise SourceError(f"the source {text!r} can't be read", where="--source", fix=str(error)) from error


def open_source(spec: Spec, *, needs: Content = "pictures") -> Source[Any]:
    """Open a source; nothing is read before its records are listed or one is loaded.

    Args:
        spec: Its part of a recipe.
        needs: What its records have to have; ``pictures`` takes any source.

    Raises:
        SourceError: The source has something else.
    """
    opened: Source[Any] = SOURCES.get(spec.kind)(spec)
    if needs not in ("pictures", opened.provides):
        serve = [kind for kind, one in SOURCES.loaded().items() if one.provides == needs]
        what = f"the source {spec.kind} has no {CONTENTS[needs]}"
        raise SourceError(what, where="source", fix=f"use {', '.join(serve)}")
    return opened


def source_help() -> str:
    """Return how ``--source`` names every source, by what they have."""
    lists = {
        words: ", ".join(one.shorthand for one in SOURCES.loaded().values() if one.provides == content)
        for content, words in CONTENTS.items()
    }
    return "; ".join(f"{words}: {names}" for words, names in lists.items() if names)
