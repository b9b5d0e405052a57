"""Only what this run embedded is regenerated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from editmill.generators.base.loaded import Unusable
from editmill.generators.watermark.ledger import EmbedRecord, Item, Ledger, pixels_digest
from editmill.generators.watermark.reasons import WatermarkReason
from tests.generators.watermark.pictures import textured

IMAGE = textured(0, height=64, width=64)


def refused(ledger: Ledger, item: Item) -> str:
    with pytest.raises(Unusable) as failure:
        ledger.open(item)
    assert failure.value.reason == WatermarkReason.NO_EMBED_RECORD
    return str(failure.value)


def test_own_marks_and_own_negatives_open() -> None:
    ledger = Ledger()
    assert ledger.open(ledger.seal(IMAGE, source_id="a", scheme="dwtDct", key_id="k")) is IMAGE
    assert ledger.open(ledger.seal(IMAGE, source_id="a")) is IMAGE


def test_seals_that_are_no_text_and_pictures_of_another_type() -> None:
    ledger = Ledger()
    item = ledger.seal(IMAGE, source_id="a", scheme="dwtDct", key_id="k")
    for seal in (None, "ä" * 64):
        assert "no record" in refused(ledger, replace(item, record=replace(item.record, seal=seal)))  # type: ignore[arg-type]
    assert "changed" in refused(ledger, replace(item, image=IMAGE.view(np.int8)))


def test_a_changed_picture_is_refused() -> None:
    ledger = Ledger()
    item = ledger.seal(IMAGE, source_id="a", scheme="dwtDct", key_id="k")
    changed = IMAGE.copy()
    changed[3, 4, 1] ^= 1
    assert "changed after it was recorded" in refused(ledger, replace(item, image=changed))
    assert "changed" in refused(ledger, replace(item, image=IMAGE[:, ::-1]))
    assert "changed" in refused(ledger, replace(item, image=IMAGE.reshape(32, 128, 3)))


def test_a_picture_without_a_record_of_this_run_is_refused() -> None:
    made_up = EmbedRecord("a", "dwtDct", "k", pixels_digest(IMAGE), "0" * 64)
    assert "no record" in refused(Ledger(), Item(made_up, IMAGE))
    assert "no record" in refused(Ledger(), Ledger().seal(IMAGE, source_id="a", scheme="dwtDct", key_id="k"))


@pytest.mark.parametrize(
    "change", [{"source_id": "b"}, {"scheme": ""}, {"key_id": "other"}, {"sha256": pixels_digest(np.zeros_like(IMAGE))}]
)
def test_a_changed_record_is_refused(change: dict[str, str]) -> None:
    ledger = Ledger()
    item = ledger.seal(IMAGE, source_id="a", scheme="dwtDct", key_id="k")
    assert "no record" in refused(ledger, replace(item, record=replace(item.record, **change)))
