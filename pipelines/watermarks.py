"""From planned samples to rows and members of attacked pictures: load, mark, attack, deliver, read."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import cv2
import numpy as np
import torch

from editmill.generators.base import Array, EditFailure, edit_seed
from editmill.generators.models.image_encoder import ImageEncoder
from editmill.generators.reasons import FAILURES, Reason
from editmill.generators.watermark.detection import detect
from editmill.generators.watermark.geometry import flat_share, frame
from editmill.generators.watermark.ledger import Item, Ledger
from editmill.generators.watermark.quality import psnr, ssim
from editmill.generators.watermark.regeneration import Regenerator
from editmill.generators.watermark.schemes import EmbeddingError, Scheme, embed
from editmill.generators.watermark.settings import AttackSettings, WatermarkGuardSettings, WatermarkSettings
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import EditmillError
from editmill.manifests.payloads import Payload, make_payload
from editmill.manifests.records import CandidateRecord, SampleRow
from editmill.pipelines.encode import decode_image, encode_image
from editmill.pipelines.families.base import Built
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import Pictures, SourceProblem

logger = logging.getLogger("editmill.watermarks")

CLASS_NAMES = {0: "unmarked", 1: "watermarked"}
MEMBERS = ("cls", "json", "png")
ORIGINALS = ("input.png", "source.png")
SCORE_NAMES: tuple[str, ...] = (
    "cosine_input",
    "embed_psnr",
    "embed_ssim",
    "psnr_input",
    "psnr_source",
    "ssim_input",
    "ssim_source",
)
NOTICE = "regenerated for robustness research; the watermark was embedded by the run that attacked it"


@dataclass(frozen=True)
class _Marked:
    """One picture that enters attacks: the item, its PNG bytes, what is known of its mark, and quality scores of the
    embedding.
    """

    item: Item
    png: bytes
    facts: dict[str, Any]
    scores: dict[str, float]


@dataclass(frozen=True)
class _Source:
    """A source in its frame with what the samples say of it."""

    image: Array
    png: bytes
    facts: dict[str, Any]


class WatermarkBuilder:
    """Builds the samples of one source after another with one set of models and schemes."""

    def __init__(
        self,
        recipe: Recipe,
        pictures: Pictures,
        schemes: Sequence[Scheme],
        regenerator: Regenerator,
        encoder: ImageEncoder | None,
        *,
        fingerprint: str,
    ) -> None:
        assert isinstance(recipe.generator, WatermarkSettings)
        assert isinstance(recipe.guard, WatermarkGuardSettings)
        self.recipe, self.settings, self.guard = recipe, recipe.generator, recipe.guard
        self.pictures, self.schemes, self.regenerator, self.encoder = (
            pictures,
            {scheme.name: scheme for scheme in schemes},
            regenerator,
            encoder,
        )
        self.ledger: Ledger = regenerator.ledger
        self.attacks = {attack.name: attack for attack in self.settings.attacks}
        self.secret = self.settings.secret(recipe.seed)
        self.fingerprint = fingerprint

    def build(self, samples: Sequence[PlannedSample], *, shard: int) -> Iterator[Built]:
        """Yield a row per planned sample, in order, with the members of accepted ones."""
        for _, group in groupby(samples, key=lambda sample: sample.source.id):
            yield from self._build_source(list(group), shard)

    def _build_source(self, samples: list[PlannedSample], shard: int) -> Iterator[Built]:
        try:
            source = self._load(samples[0])
        except (SourceProblem, EditFailure) as problem:
            logger.warning("source %s left out: %s", samples[0].source.id, problem)
            for sample in samples:
                yield self._failed(sample, problem.reason, str(problem), shard), {}
            return
        marked: dict[str, _Marked | EditFailure] = {}
        for sample in samples:
            entering = self._entering(sample, source, marked)
            if isinstance(entering, EditFailure):
                yield self._failed(sample, entering.reason, str(entering), shard), {}
            else:
                yield self._attack(sample, source, entering, shard)

    def _load(self, sample: PlannedSample) -> _Source:
        record = sample.source
        if record.problem:
            raise SourceProblem(Reason(record.problem), f"{record.image}: {record.problem.replace('_', ' ')}")
        if not (record.licence or self.settings.rights_basis):
            raise EditFailure(
                Reason.RIGHTS_MISSING,
                f"{record.image} states no licence; give --set source.licence=… or --set generator.rights_basis=…",
            )
        image = frame(self.pictures.picture(record), self.settings)
        facts = {
            "licence": record.licence,
            "rights_basis": self.settings.rights_basis,
            "width": image.shape[1],
            "height": image.shape[0],
            "native_width": record.width,
            "native_height": record.height,
            "fit": self.settings.fit,
            "flat_share": round(flat_share(image), 6),
            "label": record.label,
            "class_name": record.class_name,
        }
        return _Source(image, encode_image(image, "png"), facts)

    def _entering(
        self, sample: PlannedSample, source: _Source, marked: dict[str, _Marked | EditFailure]
    ) -> _Marked | EditFailure:
        """Return what enters a sample's attack: the source with the scheme's mark, or unmarked.

        ``marked`` keeps what was made already.
        """
        name, identity = str(sample.edit["scheme"]), sample.source.id
        if name:
            if name not in marked:
                marked[name] = self._mark(identity, source, name)
            return marked[name]
        # Without any mark of this run beside it, a negative would be nothing but somebody's picture.
        for scheme in self.schemes:
            if scheme not in marked:
                marked[scheme] = self._mark(identity, source, scheme)
            if isinstance(marked[scheme], _Marked):
                return _Marked(self.ledger.seal(source.image, source_id=identity), source.png, {}, {})
        return EditFailure(
            Reason.EMBED_FAILED,
            "no scheme could mark this source, so there is nothing to compare the unmarked picture with",
        )

    def _mark(self, identity: str, source: _Source, name: str) -> _Marked | EditFailure:
        """Return the source with a scheme's mark."""
        scheme = self.schemes[name]
        key = self._key(identity, name)
        try:
            image = embed(scheme, source.image, _bits(key))
        except EmbeddingError as error:
            logger.warning("%s: %s can't be embedded: %s", identity, name, error)
            return EditFailure(Reason.EMBED_FAILED, f"{name}: {error}")
        png = encode_image(image, "png")
        facts = {
            "scheme": name,
            "package": scheme.package,
            "version": scheme.version,
            "parameters": scheme.parameters,
            "bits": scheme.bits,
            "key_id": key.key_id,
            "commitment": key.commitment,
            "sha256": hashlib.sha256(png).hexdigest(),
            "embedded": True,
        }
        scores = {"embed_psnr": psnr(image, source.image), "embed_ssim": ssim(image, source.image)}
        return _Marked(self.ledger.seal(image, source_id=identity, scheme=name, key_id=key.key_id), png, facts, scores)

    def _key(self, source_id: str, scheme: str, *, negative: bool = False) -> Payload:
        return make_payload(self.secret, source_id, scheme, length=self.schemes[scheme].bits, negative=negative)

    def _attack(self, sample: PlannedSample, source: _Source, entering: _Marked, shard: int) -> Built:
        attack, seed = self.attacks[sample.edit.name], self._seed(sample)
        try:
            made = self.regenerator.regenerate(entering.item, attack, seed)
        except EditFailure as failure:
            return self._failed(sample, failure.reason, str(failure), shard), {}
        except (EditmillError, torch.OutOfMemoryError):
            raise
        except (RuntimeError, ValueError, IndexError, cv2.error) as error:
            logger.warning("%s: the attack failed: %s", sample.key, error)
            return self._failed(sample, Reason.PROPOSER_ERROR, f"{type(error).__name__}: {error}", shard), {}
        primary = encode_image(made.image, "png")
        attacked = np.array(decode_image(primary))
        scores = {
            name: round(value, 6)
            for name, value in {**entering.scores, **self._quality(attacked, entering.item.image, source.image)}.items()
        }
        reasons = () if self._is_sane(attacked, entering.item.image) else (str(Reason.SANITY),)
        parameters = {
            "attack": made.facts,
            "watermark": entering.facts,
            "source": source.facts,
            "detections": self._read(sample, attacked),
            "notice": NOTICE,
            "input_sha256": hashlib.sha256(entering.png).hexdigest(),
            "source_png_sha256": hashlib.sha256(source.png).hexdigest(),
        }
        record = CandidateRecord(attempt=0, seed=seed, accepted=not reasons, reasons=reasons, scores=scores)
        row = self._base(sample, shard).model_copy(
            update={
                "status": _status(reasons),
                "reasons": reasons,
                "parameters": parameters,
                "scores": scores,
                "attempts": 1,
                "cost": made.cost,
                "candidates": (record,),
            }
        )
        return row, {} if reasons else self._members(
            sample, row, attack, primary, {"input.png": entering.png, "source.png": source.png}
        )

    def _quality(self, attacked: Array, entered: Array, original: Array) -> dict[str, float]:
        found = {
            "psnr_input": psnr(attacked, entered),
            "ssim_input": ssim(attacked, entered),
            "psnr_source": psnr(attacked, original),
            "ssim_source": ssim(attacked, original),
        }
        if self.encoder is None:
            return found
        features = self.encoder.identities([attacked, entered])
        return {**found, "cosine_input": float(features[0] @ features[1])}

    def _is_sane(self, attacked: Array, entered: Array) -> bool:
        return float(attacked.std()) >= self.guard.contrast * float(entered.std())

    def _read(self, sample: PlannedSample, attacked: Array) -> list[dict[str, Any]]:
        """Return a positive is read by its own scheme; a negative by all, against keys that were never embedded."""
        identity, name = sample.source.id, str(sample.edit["scheme"])
        if name:
            return [detect(self.schemes[name], attacked, self._key(identity, name))]
        return [
            detect(scheme, attacked, self._key(identity, reader, negative=True))
            for reader, scheme in self.schemes.items()
        ]

    def _members(
        self, sample: PlannedSample, row: SampleRow, attack: AttackSettings, primary: bytes, originals: dict[str, bytes]
    ) -> dict[str, bytes]:
        members = {"png": primary, "cls": str(row.label).encode(), "json": _json(self._describe(sample, row, attack))}
        return {**members, **originals} if self.settings.originals == "stored" else members

    def _describe(self, sample: PlannedSample, row: SampleRow, attack: AttackSettings) -> dict[str, Any]:
        """Return the sample's JSON: the same keys with the same types in every sample.

        Groups of facts are JSON in strings.
        """
        values = row.parameters
        return {
            "key": row.key,
            "source_id": row.source_id,
            "source_sha256": row.source_sha256,
            "licence": sample.source.licence,
            "generator": row.generator,
            "edit": row.edit,
            "level": float(row.level),
            "label": row.label,
            "class_name": row.class_name,
            "scheme": str(sample.edit["scheme"]),
            "rung": attack.name,
            "seed": row.seed,
            "replica": row.replica,
            "fingerprint": self.fingerprint,
            "input_sha256": values["input_sha256"],
            "source_png_sha256": values["source_png_sha256"],
            "notice": NOTICE,
            **{name: canonical_json(values[name]).decode() for name in ("attack", "watermark", "source", "detections")},
            "scores": canonical_json(row.scores).decode(),
        }

    def _seed(self, sample: PlannedSample) -> int:
        return edit_seed(self.recipe.seed, sample.source, sample.edit, sample.replica)

    def _failed(self, sample: PlannedSample, reason: Reason, detail: str, shard: int) -> SampleRow:
        scheme = str(sample.edit["scheme"])
        watermark = {"scheme": scheme, "embedded": False} if scheme else {}
        update = {
            "status": _status((reason,)),
            "reasons": (str(reason),),
            "parameters": {"detail": detail, "watermark": watermark},
        }
        return self._base(sample, shard).model_copy(update=update)

    def _base(self, sample: PlannedSample, shard: int) -> SampleRow:
        record, edit, label = sample.source, sample.edit, int(bool(sample.edit["scheme"]))
        return SampleRow(
            key=sample.key,
            split=self.recipe.split,
            shard=shard,
            status="failed",
            reasons=(Reason.PROPOSER_ERROR,),
            source_id=record.id,
            source_sha256=record.sha256,
            label=label,
            class_name=CLASS_NAMES[label],
            generator=edit.generator,
            edit=edit.name,
            level=edit.level,
            replica=sample.replica,
            seed=self._seed(sample),
            parameters=dict(edit.parameters),
        )


def _bits(key: Payload) -> Array:
    return np.array(key.bits, np.uint8)


def _status(reasons: Sequence[str]) -> str:
    return "failed" if set(reasons) & FAILURES else "rejected" if reasons else "ok"


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
