"""Rows and members of generated pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from editmill.generators.base import edit_seed
from editmill.generators.reasons import FAILURES, Reason
from editmill.generators.synthesis.retries import Hole
from editmill.manifests.canonical import canonical_json
from editmill.manifests.records import CandidateRecord, SampleRow
from editmill.pipelines.families.base import Built
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe

MEMBERS = ("cls", "json", "png")
# Of every member that an ensemble may have, whatever the pack; other scores stand with their candidates alone.
SCORE_NAMES: tuple[str, ...] = tuple(
    sorted(
        {
            "finite",
            "unsafe",
            "size_fits",
            "clipped_share",
            "contrast",
            "black_share",
            "source_hamming",
            "source_cosine",
            "object_score",
            "object_margin",
            *(
                f"{judge}_{name}"
                for judge in ("clip", "siglip")
                for name in ("margin", "margin_worst", "top1", "probability", "confidence")
            ),
            "siglip_odds",
            "duplicate_hamming",
            "duplicate_cosine",
            *(f"verifier_classifier_{name}" for name in ("probability", "agrees", "confidence")),
        }
    )
)


class Rows:
    """Makes the rows of one recipe; ``report_digest`` is the guard report's, "" without one."""

    def __init__(self, recipe: Recipe, *, report_digest: str, fingerprint: str) -> None:
        self.recipe, self.report_digest, self.fingerprint = recipe, report_digest, fingerprint

    def accepted(
        self,
        sample: PlannedSample,
        shard: int,
        kept: CandidateRecord,
        records: Sequence[CandidateRecord],
        facts: dict[str, Any],
        cost: int,
        png: bytes,
    ) -> Built:
        """Return the row and the members of a sample that there is."""
        row = self._made(sample, shard, kept, records, facts, cost).model_copy(update={"status": "ok", "reasons": ()})
        return row, {"png": png, "cls": str(row.label).encode(), "json": self._describe(sample, row)}

    def hole(
        self,
        sample: PlannedSample,
        shard: int,
        hole: Hole | None,
        records: Sequence[CandidateRecord],
        facts: dict[str, Any],
        cost: int,
    ) -> SampleRow:
        """Return the row of a sample that no candidate was accepted for: the reason that most were rejected for first,
        then all others by frequency.
        """
        assert hole is not None
        firsts = Counter(record.reasons[0] for record in records if record.reasons)
        others = Counter(reason for record in records for reason in record.reasons)
        ranked = [
            *sorted(firsts, key=lambda reason: (-firsts[reason], reason)),
            *sorted(others, key=lambda reason: (-others[reason], reason)),
        ]
        # Without any candidate the stop code says it all.
        reasons = tuple(dict.fromkeys(ranked)) or (
            str(Reason.SOURCE_INELIGIBLE if hole.stop == "source_ineligible" else Reason.CAP_REACHED),
        )
        last = records[-1] if records else CandidateRecord(attempt=0, seed=self._seed(sample), accepted=False)
        row = self._made(sample, shard, last, records, {**facts, "rejected": dict(hole.reasons)}, cost)
        return row.model_copy(update={"status": "failed" if reasons[0] in FAILURES else "rejected", "reasons": reasons})

    def failed(self, sample: PlannedSample, shard: int, reason: Reason, detail: str) -> SampleRow:
        """Return the row of a sample whose real picture can't be used."""
        status = "failed" if reason in FAILURES else "rejected"
        base = self._base(sample, shard)
        return base.model_copy(
            update={"status": status, "reasons": (str(reason),), "parameters": {**base.parameters, "detail": detail}}
        )

    def _made(
        self,
        sample: PlannedSample,
        shard: int,
        kept: CandidateRecord,
        records: Sequence[CandidateRecord],
        facts: dict[str, Any],
        cost: int,
    ) -> SampleRow:
        base = self._base(sample, shard)
        scores = {name: kept.scores[name] for name in SCORE_NAMES if name in kept.scores}
        return base.model_copy(
            update={
                "seed": kept.seed,
                "scores": scores,
                "attempts": len(records),
                "cost": cost,
                "candidates": tuple(records),
                "parameters": {**base.parameters, **facts},
            }
        )

    def _base(self, sample: PlannedSample, shard: int) -> SampleRow:
        anchor, edit, record = sample.source, sample.edit, sample.partner or sample.source
        return SampleRow(
            key=sample.key,
            split=self.recipe.split,
            shard=shard,
            status="failed",
            reasons=(Reason.PROPOSER_ERROR,),
            source_id=record.id,
            source_sha256=record.sha256,
            label=anchor.label,
            class_name=anchor.class_name,
            wnid=anchor.wnid,
            generator=edit.generator,
            edit=edit.name,
            level=edit.level,
            replica=sample.replica,
            seed=self._seed(sample),
            parameters={
                **dict(edit.parameters),
                "guard_report": self.report_digest,
                "licence": record.licence,
                "stop": "",
            },
        )

    def _seed(self, sample: PlannedSample) -> int:
        return edit_seed(self.recipe.seed, sample.partner or sample.source, sample.edit, sample.replica)

    def _describe(self, sample: PlannedSample, row: SampleRow) -> bytes:
        """Return the sample's JSON: the same keys with the same types in every sample.

        Groups of facts are JSON in strings.
        """
        values = row.parameters
        last = values.get("rounds", [{}])[-1]
        document = {
            "key": row.key,
            "source_id": row.source_id,
            "source_sha256": row.source_sha256,
            "licence": values["licence"],
            "generator": row.generator,
            "conditioning": row.edit,
            "label": row.label,
            "class_name": row.class_name,
            "wnid": row.wnid,
            "template": int(last.get("template", values["template"])),
            "prompt": str(last.get("prompt", values["prompt"])),
            "strength": float(last.get("strength", 0.0)),
            "guidance": float(last.get("guidance", 0.0)),
            "steps": int(values.get("steps", 0)),
            "pipeline": str(values.get("pipeline", "")),
            "scheduler": str(values.get("scheduler", "")),
            "dtype": str(values.get("dtype", "")),
            "seed": row.seed,
            "replica": row.replica,
            "attempts": row.attempts,
            "cost": row.cost,
            "fingerprint": self.fingerprint,
            "guard_report": self.report_digest,
            "stop": values["stop"],
            "synthetic": bool(row.cost),
            "scores": canonical_json(row.scores).decode(),
        }
        return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
