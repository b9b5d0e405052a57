"""The rows of a dataset of regenerated watermarks, as the evaluator reads them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from editmill.manifests import CorruptDatasetError, DataError, Dataset, Manifest

CONTROL = "pipeline"
# The reason of marked pictures that a secret keeps out of a dataset; they were attacked and read as all others.
WITHHELD = "withheld"
# Relative difference from which a stored p-value contradicts the binomial.
_P_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Scheme:
    """A watermarking scheme and its payload in bits.

    ``regenerate`` is False where it is read without any regeneration.
    """

    name: str
    bits: int
    regenerate: bool = True

    def meets(self, attack: Attack) -> bool:
        """Return whether the recipe plans samples of this scheme under an attack."""
        return self.regenerate or attack.start == "none"


@dataclass(frozen=True)
class Attack:
    """A rung of the ladder, or an ablation arm.

    Attributes:
        name: As in the column ``edit``.
        start: None, vae, partial, terminal or clean.
        ladder: Whether it is a rung.
    """

    name: str
    start: str
    ladder: bool


@dataclass(frozen=True)
class Detection:
    """What a decoder said of one image.

    Attributes:
        scores: One per bit, above 0 for a one, 0 undecided; empty after an error, and where the key is hidden.
        matches: Bits that equal the key; ``bits`` / 2 after an error.
        p_value: As stored; NaN where there is none.
        error: Why nothing was decoded, else "".
    """

    scheme: str
    bits: int
    scores: tuple[float, ...] = field(repr=False)
    matches: float
    p_value: float
    error: str

    @property
    def decoded(self) -> bool:
        """Whether there are bits."""
        return not self.error


@dataclass(frozen=True)
class WatermarkRow:
    """One planned sample.

    Attributes:
        scheme: Of a marked sample; "" for an unmarked one.
        detections: By scheme; empty unless the sample is ``ok``.
        package: Whose code marked it; "" for an unmarked sample.
        attack, source: As stored.
        scores: What was measured on the picture.
    """

    key: str
    source_id: str
    rung: str
    replica: int
    positive: bool
    scheme: str
    package: str
    status: str
    reasons: tuple[str, ...]
    detections: dict[str, Detection] = field(repr=False)
    attack: dict[str, Any] = field(repr=False)
    source: dict[str, Any] = field(repr=False)
    scores: dict[str, float] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the sample was made and read; its picture may be withheld."""
        return self.status == "ok" or self.withheld

    @property
    def withheld(self) -> bool:
        """Whether only its picture is missing, which would tell a hidden key."""
        return self.reasons == (WITHHELD,)

    @property
    def reason(self) -> str:
        """The decisive reason of a sample that is not ok; that its picture would be withheld anyway decides nothing."""
        return next(reason for reason in self.reasons if reason != WITHHELD)


_Place = tuple[str, str, int]


@dataclass(frozen=True)
class WatermarkRows:
    """A dataset's rows.

    Attributes:
        schemes, attacks: In the recipe's order.
        rows: In the table's order.
        by_place: Rows by (scheme, rung, replica) and source; scheme "" for unmarked samples.
        unnamed: Failed marked samples that do not say for which scheme they were planned.
        hidden: Whether a secret hides the keys.
    """

    manifest: Manifest
    schemes: tuple[Scheme, ...]
    attacks: tuple[Attack, ...]
    rows: tuple[WatermarkRow, ...]
    by_place: dict[_Place, dict[str, WatermarkRow]] = field(repr=False)
    unnamed: tuple[WatermarkRow, ...] = ()
    hidden: bool = False

    @property
    def sources(self) -> list[str]:
        """Ids of all sources, sorted."""
        return sorted({row.source_id for row in self.rows})

    @property
    def control(self) -> str:
        """The rung without an attack: resizing and the delivery codec alone; "" where there is none."""
        untouched = [attack.name for attack in self.attacks if attack.start == "none" and attack.ladder]
        return CONTROL if CONTROL in untouched else next(iter(untouched), "")

    def at(self, scheme: str, rung: str, replica: int = 0) -> dict[str, WatermarkRow]:
        """Return rows of one place, by source."""
        return self.by_place.get((scheme, rung, replica), {})


def read_rows(dataset: Dataset) -> WatermarkRows:
    """Read a dataset.

    Raises:
        DataError: The dataset holds no watermarks, or its recipe lacks schemes or attacks.
        CorruptDatasetError: A row contradicts the recipe or itself.
    """
    manifest = dataset.manifest
    if manifest.generator != "watermark":
        what = f"the dataset was made by the generator {manifest.generator!r}, which embeds no watermarks"
        raise DataError(what, fix="evaluate it with `editmill evaluate` and a model of its own kind")
    schemes, attacks = _plan(manifest)
    bits = {scheme.name: scheme.bits for scheme in schemes}
    hidden = bool(manifest.recipe["generator"].get("secret_sha256"))
    names = [name for name in dataset.table.schema.names if name.startswith("score_")]
    rows = [
        _row(record, names, bits, hidden=hidden)
        for batch in dataset.table.to_batches(max_chunksize=1024)
        for record in batch.to_pylist()
    ]
    if not rows:
        raise DataError("the dataset has no rows", fix="build it with at least one source")
    unnamed = tuple(row for row in rows if row.positive and not row.scheme)
    by_place: dict[_Place, dict[str, WatermarkRow]] = {}
    for row in rows:
        if row.scheme or not row.positive:
            by_place.setdefault((row.scheme, row.rung, row.replica), {})[row.source_id] = row
    return WatermarkRows(manifest, schemes, attacks, tuple(rows), by_place, unnamed, hidden)


def p_value_contradicts(detection: Detection, exact: float) -> bool:
    """Return whether a stored p-value isn't the binomial one."""
    # Below the normal floats a relative difference says nothing.
    return detection.decoded and not math.isclose(detection.p_value, exact, rel_tol=_P_TOLERANCE, abs_tol=1e-300)


def _plan(manifest: Manifest) -> tuple[tuple[Scheme, ...], tuple[Attack, ...]]:
    generator: Mapping[str, Any] = manifest.recipe.get("generator") or {}
    try:
        schemes = tuple(
            Scheme(str(one["name"]), int(one["bits"]), bool(one.get("regenerate", True)))
            for one in generator["schemes"]
        )
        attacks = tuple(
            Attack(str(one["name"]), str(one["start"]), bool(one["ladder"])) for one in generator["attacks"]
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"the recipe in the manifest has no readable schemes and attacks: {type(error).__name__}: {error}"
        raise DataError(
            what, where="manifest.json: recipe.generator", fix="build the dataset with this version of editmill"
        ) from error
    if not schemes or not attacks:
        what = "the recipe in the manifest names no scheme or no attack"
        raise DataError(what, where="manifest.json: recipe.generator")
    return schemes, attacks


def _row(record: dict[str, Any], names: list[str], bits: Mapping[str, int], *, hidden: bool) -> WatermarkRow:
    parameters = json.loads(record["parameters"])
    positive, ok = record["label"] == 1, record["status"] == "ok" or record["reasons"] == [WITHHELD]
    mark = (parameters.get("watermark") or {}) if positive else {}
    scheme, package = str(mark.get("scheme", "")), str(mark.get("package", ""))
    detections = (
        {
            str(one["scheme"]): _detection(one, record["key"], bits, hidden=hidden and positive)
            for one in parameters.get("detections") or []
        }
        if ok
        else {}
    )
    # One set of unmarked samples serves all schemes, so each must have read them.
    missing = ({scheme} if positive else set(bits)) - detections.keys()
    if ok and missing:
        what = f"sample {record['key']!r} has no detection by {', '.join(sorted(missing))}"
        raise CorruptDatasetError(what, where="samples.parquet")
    scores = {name.removeprefix("score_"): record[name] for name in names if record[name] == record[name]}
    return WatermarkRow(
        record["key"],
        record["source_id"],
        record["edit"],
        record["replica"],
        positive,
        scheme,
        package,
        record["status"],
        tuple(record["reasons"]),
        detections,
        parameters.get("attack") or {},
        parameters.get("source") or {},
        scores,
    )


def _detection(one: dict[str, Any], key: str, bits: Mapping[str, int], *, hidden: bool) -> Detection:
    scheme, length, error = str(one["scheme"]), int(one["bits"]), str(one.get("error") or "")
    if bits.get(scheme) != length:
        what = f"sample {key!r} was decoded by {scheme!r} to {length} bits, the recipe says {bits.get(scheme)}"
        raise CorruptDatasetError(what, where="samples.parquet")
    if error:
        return Detection(scheme, length, (), length / 2, math.nan, error)
    scores, matches, p_value = tuple(float(value) for value in one["scores"]), one["matches"], one.get("p_value")
    if len(scores) not in ((0, length) if hidden else (length,)) or matches is None or not 0 <= matches <= length:
        what = f"sample {key!r} has {len(scores)} scores and {matches} matches by {scheme!r}, which has {length} bits"
        raise CorruptDatasetError(what, where="samples.parquet")
    return Detection(scheme, length, scores, float(matches), math.nan if p_value is None else float(p_value), "")
