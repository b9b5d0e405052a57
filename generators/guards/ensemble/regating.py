"""Which thresholds of an ensemble can be applied again to a finished dataset, and what they say of stored scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from editmill.generators.base.family import Decision, Judge, Regating
from editmill.generators.guards.ensemble.gates import GATES
from editmill.generators.guards.ensemble.limits import Limits
from editmill.generators.guards.ensemble.rule import decide
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.manifests.guard_report import POOLED, GuardReport
from editmill.manifests.records import SampleRow

_EARLIER = "what a picture is a duplicate of depends on those accepted before it"
_CALIBRATION = "the thresholds of another calibration come with --report"
_PASSED = "it is about a calibration, which has passed"


class EnsembleRegating(Regating[EnsembleSettings]):
    """The rule over the scores of every member, with another calibration's thresholds or other limits."""

    limited = {
        "gates": "",
        "rule": "",
        "k": "",
        "contrast": "contrast",
        "black": "black_share",
        "correlation": "correlation",
        "clipped": "clipped_share",
        "change": "change",
        "direction": "direction",
        "outside": "background_change",
        "source_copy": "source_cosine",
    }
    why_not = {
        **dict.fromkeys(("hamming", "duplicate"), _EARLIER),
        **dict.fromkeys(("alpha", "least_sources", "r_min"), _CALIBRATION),
        **dict.fromkeys(("far_upper_limit", "frr_limit"), _PASSED),
    }
    reported = True

    def judge(self, guard: EnsembleSettings, report: GuardReport | None) -> Judge:
        limits = Limits.of_report(report) if report is not None else None

        def judge(row: SampleRow, scores: Mapping[str, float], said: Sequence[str]) -> Decision:
            return Decision(dict(scores), tuple(map(str, decide(scores, row.class_name, guard, limits))))

        return judge

    def binds(self, row: SampleRow) -> bool:
        # Originals are controls, and a fallback shows the original.
        return row.edit != "original" and not row.parameters.get("fallback")

    def reported_limits(self, report: GuardReport) -> list[tuple[str, float, str]]:
        # The calibrated rule has a threshold on the product of all gates alone.
        gates = () if report.rule == "calibrated" else report.gates
        limits = Limits.of_report(report)
        least = {gate: limits.least(gate, POOLED) for gate in gates}
        return [
            (GATES[gate].score, GATES[gate].limit if value is None else value, gate) for gate, value in least.items()
        ]

    def needed(self, before: EnsembleSettings, after: EnsembleSettings) -> dict[str, str]:
        added = [gate for gate in after.gates if gate not in before.gates]
        return super().needed(before, after) | {GATES[gate].score: f"guard.gates ({gate})" for gate in added}
