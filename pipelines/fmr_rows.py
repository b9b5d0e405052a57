"""Rows and members of latent ascents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from editmill.generators.base import Array, edit_seed
from editmill.generators.guards.base import Verdict
from editmill.generators.reasons import Reason
from editmill.generators.synthesis.climb import Ending, Step
from editmill.generators.synthesis.fmr import RANDOM, FmrSettings
from editmill.generators.synthesis.latent_ascent import LOOK_COST, SOURCE_COST, WALK_COST, Ascent
from editmill.manifests.canonical import canonical_json
from editmill.manifests.records import CandidateRecord, SampleRow
from editmill.pipelines.encode import encode_image
from editmill.pipelines.families.base import Built
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe

MEMBERS = ("cls", "json", "png", "source.png")
# Opinions of the recipe's verifiers, whose roles no list of scores can name in advance.
VERIFIER = "verifier_"


@dataclass(frozen=True)
class FmrFacts:
    """What the rows of a build share.

    Attributes:
        targets: Weights digest by target.
        binding: Weights digest by role of what binds.
        report: Digest of the guard report, "" without one.
    """

    targets: Mapping[str, str]
    binding: Mapping[str, str]
    report: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one planned sample.

    Attributes:
        image, original: The picture and its source in the frame, uint8 [H, W, 3] RGB; None for a failure.
        ascent: None for originals and for sources that could not be loaded.
        budget: Steps that were allowed.
        verdict: On ``image``.
        failure: Why there is no picture, or "".
        detail: What happened, for a person.
    """

    image: Array | None = None
    original: Array | None = None
    ascent: Ascent | None = None
    budget: int = 0
    verdict: Verdict = field(default_factory=lambda: Verdict({}))
    failure: Reason | str = ""
    detail: str = ""


class FmrRows:
    """Makes rows; a picture that a guard refuses is stored as a control (the original) or a fall-back alone."""

    def __init__(self, recipe: Recipe, facts: FmrFacts, *, fingerprint: str) -> None:
        assert isinstance(recipe.generator, FmrSettings)
        self.recipe, self.settings, self.facts, self.fingerprint = recipe, recipe.generator, facts, fingerprint

    def make(self, sample: PlannedSample, outcome: Outcome, *, shard: int) -> Built:
        """Return the row of one planned sample, with its members if it has a picture."""
        steps = _up_to(outcome)
        first = steps[0] if steps else None
        reasons: tuple[str, ...] = ()
        scores = outcome.verdict.scores
        if outcome.failure:
            refused = first.reasons if first and outcome.failure == Reason.SOURCE_INELIGIBLE else ()
            reasons = tuple(dict.fromkeys((str(outcome.failure), *refused)))
            scores = first.scores if first else {}
        record, edit = sample.source, sample.edit
        rounded = {name: round(value, 6) for name, value in scores.items() if not name.startswith(VERIFIER)}
        seed = edit_seed(self.recipe.seed, record, edit, sample.replica)
        judged = outcome.image is not None or first is not None
        candidate = CandidateRecord(attempt=0, seed=seed, accepted=not reasons, reasons=reasons, scores=rounded)
        row = SampleRow(
            key=sample.key,
            split=self.recipe.split,
            shard=shard,
            status="failed" if reasons else "ok",
            reasons=reasons,
            source_id=record.id,
            source_sha256=record.sha256,
            label=record.label,
            class_name=record.class_name,
            wnid=record.wnid,
            generator=edit.generator,
            edit=edit.name,
            level=edit.level,
            replica=sample.replica,
            seed=seed,
            parameters=self._parameters(sample, outcome, steps, scores),
            scores=rounded,
            attempts=int(judged),
            cost=_cost(sample, outcome, steps),
            candidates=(candidate,) if judged else (),
        )
        return row, self._members(sample, row, outcome)

    def _parameters(
        self, sample: PlannedSample, outcome: Outcome, steps: Sequence[Step], scores: Mapping[str, float]
    ) -> dict[str, Any]:
        edit, ascent, settings = sample.edit, outcome.ascent, self.settings
        network, target = str(edit["network"]), str(edit["target"])
        emitted = _emitted(steps, settings.mode) if ascent and not outcome.failure and not ascent.fallback else None
        digest = self.facts.targets.get(target, "")
        verifiers = {
            name.removeprefix(VERIFIER): round(value, 6) for name, value in scores.items() if name.startswith(VERIFIER)
        }
        detail = {"detail": outcome.detail} if outcome.detail else {}
        return detail | {
            "network": network,
            "target": target,
            "target_digest": digest,
            "budget": int(edit["budget"]),
            "mode": _mode(sample, settings),
            "eta": settings.eta if network else 0.0,
            "oracle": settings.oracle,
            "quantize": settings.quantize,
            "style": settings.style is not None,
            "stop": _stop(outcome, steps) or "",
            "emitted": emitted.budget if emitted else -1,
            "target_class": ascent.target_class if ascent and target else -1,
            "source_prediction": ascent.source_prediction if ascent and target else -1,
            "trajectory": _trajectory(steps, watched=bool(target)),
            "validation": {"looked": len(steps), "valid": sum(step.valid for step in steps)},
            "guard_valid": not outcome.failure and not outcome.verdict.reasons,
            "fallback": bool(ascent and ascent.fallback),
            "generator_overlap": network in settings.trained_on.get(target, ()),
            "guard_overlap": bool(digest) and digest in self.facts.binding.values(),
            "guard_report": self.facts.report,
            "verifiers": verifiers,
            "batch": ascent.batch if ascent else 0,
        }

    def _members(self, sample: PlannedSample, row: SampleRow, outcome: Outcome) -> dict[str, bytes]:
        if outcome.image is None or outcome.original is None or row.status != "ok":
            return {}
        document = json.dumps(self._describe(sample, row), sort_keys=True, ensure_ascii=False).encode()
        pictures = {"png": encode_image(outcome.image, "png"), "source.png": encode_image(outcome.original, "png")}
        return {**pictures, "cls": str(row.label).encode(), "json": document}

    def _describe(self, sample: PlannedSample, row: SampleRow) -> dict[str, Any]:
        """Return the sample's JSON: the same keys with the same types in every sample.

        Groups of facts are JSON in strings.
        """
        plain = (
            "network",
            "target",
            "target_digest",
            "budget",
            "mode",
            "eta",
            "oracle",
            "stop",
            "emitted",
            "fallback",
            "guard_valid",
            "generator_overlap",
            "guard_overlap",
            "guard_report",
        )
        grouped = {name: canonical_json(row.parameters[name]).decode() for name in ("trajectory", "verifiers")}
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
            "wnid": row.wnid,
            "seed": row.seed,
            "replica": row.replica,
            "fingerprint": self.fingerprint,
            **{name: row.parameters[name] for name in plain},
            **grouped,
            "scores": canonical_json(row.scores).decode(),
        }


def _mode(sample: PlannedSample, settings: FmrSettings) -> str:
    if not sample.edit["network"]:
        return ""
    return RANDOM if sample.edit.name == RANDOM else settings.mode


def _up_to(outcome: Outcome) -> tuple[Step, ...]:
    """Return the looks that an ascent with the sample's budget takes: a shorter ascent is the beginning of a longer
    one.
    """
    return tuple(step for step in outcome.ascent.steps if step.budget <= outcome.budget) if outcome.ascent else ()


def _emitted(steps: Sequence[Step], mode: str) -> Step | None:
    valid = [step for step in steps if step.valid]
    if not valid:
        return None
    return max(valid, key=lambda step: step.loss) if mode == "max_loss" else valid[-1]


def _stop(outcome: Outcome, steps: Sequence[Step]) -> Ending | None:
    if outcome.ascent is None:
        return None
    spent = any(step.valid and step.budget == outcome.budget for step in steps)
    return "budget" if spent else outcome.ascent.stop


def _trajectory(steps: Sequence[Step], *, watched: bool) -> dict[str, list[Any]]:
    """Return a list per fact, an entry per look.

    Loss (nats) and prediction (the target's own number) where a target was asked.
    """
    asked = steps if watched else ()
    return {
        "loss": [round(step.loss, 6) for step in asked],
        "prediction": [step.prediction for step in asked],
        "budget": [step.budget for step in steps],
        "eta": [step.eta for step in steps],
        "valid": [step.valid for step in steps],
        "reason": [step.reasons[0] if step.reasons else "" for step in steps],
    }


def _cost(sample: PlannedSample, outcome: Outcome, steps: Sequence[Step]) -> int:
    """Return forward passes of an ascent with this budget alone; samples of one ascent share them."""
    if outcome.ascent is None or not steps:
        return 0
    return SOURCE_COST + (WALK_COST if sample.edit.name == RANDOM else LOOK_COST) * len(steps)
