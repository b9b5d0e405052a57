"""What sources of captioned images share: which texts count."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from editmill.manifests.errors import SourceError
from editmill.manifests.records import CaptionRecord, SourceRecord
from editmill.pipelines.sources.table import distinct

logger = logging.getLogger("editmill.sources")


def is_unicode(value: Any) -> bool:
    """Return whether all strings of a JSON value can be written as UTF-8.

    JSON may hold half of a surrogate pair, which can't.
    """
    if isinstance(value, dict):
        return all(is_unicode(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(is_unicode(part) for part in value)
    return not isinstance(value, str) or not any("\ud800" <= character <= "\udfff" for character in value)


def caption_records(texts: Sequence[str], *, names: Sequence[str] = (), label: int = -1) -> tuple[CaptionRecord, ...]:
    """Return the texts that are more than blanks, exactly as they are.

    Args:
        texts: All texts of one image.
        names: An id for each; without any, ids are the places in ``texts``. Equal ones are made distinct.
        label: The label of all.
    """
    identities = distinct(names) if names else [str(place) for place in range(len(texts))]
    return tuple(
        CaptionRecord(id=identity, text=text, label=label)
        for identity, text in zip(identities, texts, strict=True)
        if text.strip()
    )


def with_captions(records: Iterable[SourceRecord], where: str) -> Iterator[SourceRecord]:
    """Yield the records that have captions.

    Raises:
        SourceError: At the end, if there was none.
    """
    found = False
    for record in records:
        if record.captions:
            found = True
            yield record
    if not found:
        raise SourceError(
            "there is no image with a text",
            where=where,
            fix="pass a source with at least one text that is more than blanks",
        )


def warn_of_empty(texts: Iterable[str], where: str) -> None:
    """Say how many texts are left out because they are empty, or nothing but blanks."""
    empty = sum(not text.strip() for text in texts)
    if empty:
        logger.warning("%s: %d empty %s left out", where, empty, "text is" if empty == 1 else "texts are")
