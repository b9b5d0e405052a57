"""A planned sample: what shards are made of before anything is rendered."""

from __future__ import annotations

from dataclasses import dataclass

from editmill.generators.base import Edit
from editmill.manifests.records import SourceRecord


@dataclass(frozen=True)
class PlannedSample:
    """One sample to build. ``partner`` is the second source of edits that need one."""

    key: str
    source: SourceRecord
    edit: Edit
    replica: int
    partner: SourceRecord | None = None
