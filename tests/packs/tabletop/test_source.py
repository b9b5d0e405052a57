"""Tabletop scenes as a source."""

from __future__ import annotations

import hashlib
from collections import Counter

from editmill.packs.tabletop.source import TabletopSource, TabletopSpec


def test_classes_are_balanced_and_scenes_have_one_object() -> None:
    records = list(TabletopSource(TabletopSpec(count=16)).records())
    assert Counter(record.class_name for record in records) == dict.fromkeys(
        ("ball", "cube", "cone", "cylinder", "ring", "star", "mug", "bottle"), 2
    )
    assert len({record.id for record in records}) == 16


def test_a_record_loads_the_pixels_it_names() -> None:
    source = TabletopSource(TabletopSpec(count=2, size=64))
    for record in source.records():
        loaded = source.load(record)
        assert loaded.image.shape == (64, 64, 3)
        assert hashlib.sha256(loaded.image.tobytes()).hexdigest() == record.sha256
        assert hashlib.sha256(loaded.mask.tobytes()).hexdigest() == record.mask_sha256


def test_a_longer_source_begins_with_the_shorter_ones_scenes() -> None:
    short = [record.id for record in TabletopSource(TabletopSpec(count=8)).records()]
    assert set(short) <= {record.id for record in TabletopSource(TabletopSpec(count=24)).records()}
