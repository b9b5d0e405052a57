"""What the rows of latent ascents say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from editmill.generators.base.edits import Edit
from editmill.generators.base.guards import Verdict
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import PlannedSample
from editmill.generators.fmr.climb import Ending, Step
from editmill.generators.fmr.latent_ascent import Ascent
from editmill.generators.fmr.settings import LOOK_COST, RANDOM, SOURCE_COST, WALK_COST, FmrSettings
from editmill.manifests.arrays import Picture
from editmill.manifests.canonical import canonical_json

# Opinions of the recipe's verifiers, whose roles no list of scores can name in advance.
VERIFIER = "verifier_"


@dataclass(frozen=True)
class Outcome:
    """What became of one planned sample.

    Attributes:
        image: The picture, uint8 [H, W, 3] RGB; None for a failure.
        ascent: None for originals and for sources that could not be loaded.
        budget: Steps that were allowed.
        verdict: On ``image``.
    """

    image: Picture | None = None
    ascent: Ascent | None = None
    budget: int = 0
    verdict: Verdict = field(default_factory=lambda: Verdict({}))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The looks of an ascent with the sample's budget: a shorter ascent is the beginning of a longer one."""
        return tuple(step for step in self.ascent.steps if step.budget <= self.budget) if self.ascent else ()

    @property
    def scores(self) -> dict[str, float]:
        """What the guard says of the picture, or of the first look where there is none."""
        if self.image is not None or not self.steps:
            return self.verdict.scores
        return self.steps[0].scores

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why there is no picture; a source whose round trip was refused also has the guard's reasons."""
        if self.image is not None or self.ascent is None:
            return ()
        failure = self.ascent.failure
        refused = self.steps[0].reasons if self.steps and failure == Reason.SOURCE_INELIGIBLE else ()
        return tuple(dict.fromkeys((str(failure), *refused)))

    def cost(self, edit: Edit) -> int:
        """Return forward passes of an ascent with this budget alone; samples of one ascent share them."""
        return SOURCE_COST + (WALK_COST if edit.name == RANDOM else LOOK_COST) * len(self.steps) if self.steps else 0


@dataclass(frozen=True)
class FmrFacts:
    """What the rows of a build share.

    Attributes:
        settings: The recipe's.
        targets: Weights digest by target.
        binding: Weights digest by role of what binds.
        report: Digest of the guard report, "" without one.
    """

    settings: FmrSettings
    targets: Mapping[str, str]
    binding: Mapping[str, str]
    report: str = ""

    def parameters(self, edit: Edit, outcome: Outcome) -> dict[str, Any]:
        """Return the parameters of a row."""
        settings, ascent, steps = self.settings, outcome.ascent, outcome.steps
        network, target = str(edit["network"]), str(edit["target"])
        digest = self.targets.get(target, "")
        emitted = (
            _emitted(steps, settings.mode) if ascent and outcome.image is not None and not ascent.fallback else None
        )
        opinions = {name: value for name, value in outcome.scores.items() if name.startswith(VERIFIER)}
        return {
            "network": network,
            "target": target,
            "target_digest": digest,
            "budget": int(edit["budget"]),
            "mode": (RANDOM if edit.name == RANDOM else settings.mode) if network else "",
            "eta": settings.eta if network else 0.0,
            "oracle": settings.oracle,
            "quantize": settings.quantize,
            "style": settings.style is not None,
            "stop": _stop(outcome) or "",
            "emitted": emitted.budget if emitted else -1,
            "target_class": ascent.target_class if ascent and target else -1,
            "source_prediction": ascent.source_prediction if ascent and target else -1,
            "trajectory": _trajectory(steps, watched=bool(target)),
            "validation": {"looked": len(steps), "valid": sum(step.valid for step in steps)},
            "guard_valid": outcome.image is not None and not outcome.verdict.reasons,
            "fallback": bool(ascent and ascent.fallback),
            "generator_overlap": network in settings.trained_on.get(target, ()),
            "guard_overlap": bool(digest) and digest in self.binding.values(),
            "guard_report": self.report,
            "verifiers": {name.removeprefix(VERIFIER): round(value, 6) for name, value in opinions.items()},
            "batch": ascent.batch if ascent else 0,
        }


# Of a row's parameters, those that the sample's JSON repeats; groups of facts are JSON in strings there.
_PLAIN = (
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
_GROUPED = ("trajectory", "verifiers")


def json_facts(sample: PlannedSample, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the sample's JSON says beyond what every sample's does."""
    return {
        "edit": sample.edit.name,
        "level": float(sample.edit.level),
        "class_name": sample.source.class_name,
        "wnid": sample.source.wnid,
        "replica": sample.replica,
        **{name: parameters[name] for name in _PLAIN},
        **{name: canonical_json(parameters[name]).decode() for name in _GROUPED},
    }


def _emitted(steps: Sequence[Step], mode: str) -> Step | None:
    valid = [step for step in steps if step.valid]
    if not valid:
        return None
    return max(valid, key=lambda step: step.loss) if mode == "max_loss" else valid[-1]


def _stop(outcome: Outcome) -> Ending | None:
    if outcome.ascent is None:
        return None
    spent = any(step.valid and step.budget == outcome.budget for step in outcome.steps)
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
