"""What each sample of a plan is made from, as digests: equal ones are equal bytes, in whatever dataset."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from editmill.generators.base.family import Asked, Family
from editmill.generators.base.samples import PlannedSample
from editmill.manifests.canonical import DIGEST_SIZE
from editmill.manifests.records import SourceRecord

_json = json.JSONEncoder().encode


class Reads:
    """Digests what planned samples say of themselves and their sources; those of a source follow each other.

    Args:
        records: All that are planned.
    """

    def __init__(self, records: Sequence[SourceRecord]) -> None:
        self._records = records
        self._source: SourceRecord | None = None
        self._digest = ""
        # By place, as bytes: many samples have one spare.
        self._spare_digests = bytearray(len(records) * DIGEST_SIZE)

    def into(self, sample: PlannedSample) -> PlannedSample:
        """Return a sample as it was planned with what it reads."""
        # `replace` takes five times as long, which counts in millions.
        return PlannedSample(
            sample.key,
            sample.source,
            sample.edit,
            sample.replica,
            sample.partner,
            sample.spare_places,
            reads=self._of(sample),
            spared=self._spares(sample),
        )

    def _of(self, sample: PlannedSample) -> str:
        """Return the digest of a sample's key, edit and records, those of its spares left out."""
        if sample.source is not self._source:
            self._source, self._digest = sample.source, record_digest(sample.source)
        partner = "" if sample.partner is None else record_digest(sample.partner)
        edit = sample.edit
        made = (edit.generator, edit.name, edit.level, edit.parameters, edit.stochastic)
        said = _json((sample.key, made, sample.replica, self._digest, partner))
        return hashlib.sha256(said.encode()).hexdigest()

    def _spares(self, sample: PlannedSample) -> str:
        """Return the digest of the records of a sample's spares, empty where it has none."""
        return _joined(*map(self._of_spare, sample.spare_places)) if sample.spare_places else ""

    def _of_spare(self, place: int) -> str:
        kept = slice(place * DIGEST_SIZE, (place + 1) * DIGEST_SIZE)
        if not any(self._spare_digests[kept]):
            self._spare_digests[kept] = bytes.fromhex(record_digest(self._records[place]))
        return self._spare_digests[kept].hex()


def record_digest(record: SourceRecord) -> str:
    """Return the digest of all that a record says, without the folders of this machine."""
    attributes = dict(sorted(record.attributes.items()))
    said = {"image": record.image_name, "mask": record.mask_name, "attributes": attributes}
    # Several times as fast as canonical JSON, and just as fixed: fields have an order.
    return hashlib.sha256(record.model_copy(update=said).model_dump_json().encode()).hexdigest()


def sample_inputs(
    family: Family[Any, Any], asked: Asked[Any, Any], samples: Iterable[PlannedSample], common: Mapping[str, str]
) -> list[str]:
    """Return the inputs of a shard's samples, in order.

    Args:
        family: Of the samples.
        asked: What the recipe asks of it.
        samples: All planned ones of the shard.
        common: By edit, digest of what its samples share (``Identity.common``).
    """
    inputs, units = list[str](), defaultdict[Hashable, list[int]](list)
    for number, sample in enumerate(samples):
        inputs.append(_joined(common[sample.edit.name], sample.reads))
        units[family.unit(asked, sample)].append(number)
    for numbers in units.values():
        if len(numbers) > 1:
            together = _joined(*(inputs[number] for number in numbers))
            for number in numbers:
                inputs[number] = _joined(inputs[number], together)
    return inputs


def _joined(*digests: str) -> str:
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()
