"""Datasets of generated pictures, with a proposer and guards whose verdicts are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from editmill.generators.base import Array
from editmill.generators.guards.base import Verdict
from editmill.generators.guards.ensemble.duplicates import Fingerprint
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.reasons import Reason
from editmill.generators.synthesis.proposing import Proposal, Proposed
from editmill.manifests.records import SampleRow
from editmill.pipelines.families import family_of
from editmill.pipelines.families.base import Built
from editmill.pipelines.guarding import calibration_records
from editmill.pipelines.packs import find_pack
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.sources import open_pictures
from editmill.pipelines.synthesis import SynthesisBuilder

SIDE = 32
SMALL = ("source.count=8", "source.size=32", "generator.quota=1", "shards=1", "calibration=null")


class KnownProposer:
    """Noise of the seed's own; a failure, values that are not finite or an unsafe picture where a test asks for
    them.
    """

    def __init__(self) -> None:
        self.asked: list[Proposal] = []
        self.broken = self.infinite = self.unsafe = False
        self.same = False

    def propose(self, proposals: Sequence[Proposal]) -> list[Proposed]:
        self.asked += proposals
        if self.broken:
            raise RuntimeError("no picture")
        return [self._make(one) for one in proposals]

    def _make(self, one: Proposal) -> Proposed:
        rng = np.random.default_rng(0 if self.same else one.seed)
        return Proposed(rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8), 4, not self.infinite, self.unsafe)

    def describe(self, conditioning: str) -> dict[str, Any]:
        return {"steps": 2, "pipeline": "Known"}

    def size(self, conditioning: str) -> tuple[int, int]:
        return SIDE, SIDE

    def guidance(self, conditioning: str) -> float:
        return 2.5


class KnownEnsemble:
    """Lets a share of the pictures pass, by their bytes alone; None for one without an image encoder."""

    def __init__(self, share: float = 1.0, *, encoder: object = "known") -> None:
        self.share, self.encoder = share, encoder

    def check(self, shown: Sequence[Shown]) -> list[Verdict]:
        return [self._verdict(one) for one in shown]

    def _verdict(self, one: Shown) -> Verdict:
        reasons = [] if int(one.image[0, 0, 0]) < 255 * self.share else [Reason.LABEL_CLIP]
        reasons += [*([] if one.finite else [Reason.SANITY]), *([Reason.NSFW] if one.unsafe else [])]
        return Verdict({"clip_margin": 1.0, "verifier_other_agrees": 1.0}, tuple(reasons))

    def fingerprints(self, images: Sequence[Array]) -> list[Fingerprint]:
        return [
            Fingerprint(int(image.sum()) * 7919 % 2**63, image[:4].astype(np.float32).ravel() / 255) for image in images
        ]


def plan_of(*changes: str) -> Plan:
    return make_plan(load_recipe("imagenet-g", overrides=(*SMALL, *changes)))


def builder_of(plan: Plan, proposer: KnownProposer, ensemble: KnownEnsemble, **changes: Any) -> SynthesisBuilder:
    templates = ("a {}", "one {}", "the {}")
    return SynthesisBuilder(
        plan.recipe,
        open_pictures(plan.recipe.source),
        proposer,
        ensemble,
        **{  # type: ignore[arg-type]
            "templates": templates,
            "report": None,
            "fingerprint": "f" * 64,
            **changes,
        },
    )


def built(
    plan: Plan, *, proposer: KnownProposer | None = None, ensemble: KnownEnsemble | None = None, **changes: Any
) -> list[Built]:
    builder = builder_of(plan, proposer or KnownProposer(), ensemble or KnownEnsemble(), **changes)
    return [one for samples in plan.shards for one in builder.build(samples, shard=0)]


def rows_of(plan: Plan, **changes: Any) -> list[SampleRow]:
    return [row for row, _ in built(plan, **changes)]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of()


def test_the_plan_is_balanced_and_names_class_template_and_source(plan: Plan) -> None:
    assert plan.counts() == {"original": 8, "text": 8, "image": 8, "image-text": 8}
    assert len(plan.class_names) == 8
    samples = [sample for shard in plan.shards for sample in shard]
    assert len({sample.key for sample in samples}) == 32
    assert all((sample.partner is None) == (sample.edit.name == "text") for sample in samples)
    estimate = family_of(plan.recipe).estimate(plan.recipe, find_pack("tabletop"), samples)
    assert estimate["network_evaluations"] == 3 * 8 * 32


def test_calibration_sources_are_none_of_the_recipes() -> None:
    recipe = load_recipe("imagenet-g", overrides=("calibration.source.count=8", "source.count=8"))
    ids = {record.id for record in calibration_records(recipe)}
    assert not ids & {record.id for record in family_of(recipe).open(recipe.source).records()}


def test_every_accepted_sample_has_its_members_and_says_what_it_is(plan: Plan) -> None:
    for row, members in built(plan):
        assert row.status == "ok"
        assert sorted(members) == ["cls", "json", "png"]
        document = json.loads(members["json"])
        assert (document["class_name"], document["conditioning"], int(members["cls"])) == (
            row.class_name,
            row.edit,
            row.label,
        )
        if row.edit == "original":
            assert (row.parameters["would_reject"], document["synthetic"], row.cost) == ([], False, 0)
            continue
        assert (row.parameters["stop"], row.parameters["guard_report"], row.attempts, document["synthetic"]) == (
            "quota_met",
            "",
            1,
            True,
        )
        assert document["prompt"].endswith(row.class_name) == (row.edit != "image")
        assert row.seed == row.candidates[0].seed


def test_candidates_are_tried_until_one_passes_and_all_are_stored(plan: Plan) -> None:
    rows = [row for row in rows_of(plan, ensemble=KnownEnsemble(0.4)) if row.edit != "original"]
    assert max(row.attempts for row in rows) > 1
    for row in rows:
        assert [one.accepted for one in row.candidates] == [False] * (row.attempts - 1) + [True]
        assert len({one.seed for one in row.candidates}) == row.attempts == len(row.candidates)
        assert row.cost == 4 * row.attempts


def test_a_quota_that_nothing_fills_is_a_hole_with_its_dominant_reason(plan: Plan) -> None:
    rows = [row for row in rows_of(plan, ensemble=KnownEnsemble(0.0)) if row.edit != "original"]
    assert {(row.status, row.reasons[0], row.parameters["stop"], row.attempts) for row in rows} == {
        ("rejected", "label_clip", "rounds_exhausted", 16),
    }
    # Lost labels ask for less of an edit, and every round tries another template.
    (row,) = [row for row in rows if row.edit == "image-text"][:1]
    assert [one["strength"] for one in row.parameters["rounds"]] == [1.0, 0.9, 0.8, 0.7]
    assert len({one["prompt"] for one in row.parameters["rounds"]}) == 3
    assert row.parameters["rejected"] == {"label_clip": 16}


def test_results_do_not_depend_on_other_classes(plan: Plan) -> None:
    whole = {row.key: row for row in rows_of(plan, ensemble=KnownEnsemble(0.5))}
    builder = builder_of(plan, KnownProposer(), KnownEnsemble(0.5))
    samples = [sample for sample in plan.shards[0] if sample.source.label == 3]
    assert [row for row, _ in builder.build(samples, shard=0)] == [whole[sample.key] for sample in samples]


def test_duplicates_are_refused_within_a_class() -> None:
    proposer = KnownProposer()
    proposer.same = True
    rows = [row for row in rows_of(plan_of("generator.original=false"), proposer=proposer) if row.label == 0]
    assert [row.status for row in rows] == ["ok", "rejected", "rejected"]
    assert rows[1].reasons == ("duplicate",)
    assert rows[1].scores["duplicate_hamming"] == 0


def test_packs_without_an_encoder_compare_nothing(plan: Plan) -> None:
    proposer = KnownProposer()
    proposer.same = True
    assert {row.status for row in rows_of(plan, proposer=proposer, ensemble=KnownEnsemble(encoder=None))} == {"ok"}


@pytest.mark.parametrize(
    ("fault", "reason", "status"),
    [("broken", "proposer_error", "failed"), ("infinite", "sanity", "rejected"), ("unsafe", "nsfw", "rejected")],
)
def test_faults_of_the_model_have_their_reasons(plan: Plan, fault: str, reason: str, status: str) -> None:
    proposer = KnownProposer()
    setattr(proposer, fault, True)
    rows = [row for row in rows_of(plan, proposer=proposer) if row.edit == "text"]
    assert {(row.status, row.reasons[0], row.attempts) for row in rows} == {(status, reason, 16)}


def test_unguardable_classes_are_not_rendered(plan: Plan) -> None:
    class Report:
        unguardable, digest = ("ball",), "a" * 64

    proposer = KnownProposer()
    rows = rows_of(plan, proposer=proposer, report=Report())
    excluded = [row for row in rows if row.class_name == "ball" and row.edit != "original"]
    assert {(row.status, row.reasons, row.parameters["stop"], row.attempts) for row in excluded} == {
        ("rejected", ("source_ineligible",), "source_ineligible", 0),
    }
    assert all(row.parameters["guard_report"] == "a" * 64 for row in rows)
    assert len(proposer.asked) == 3 * 7


def test_a_budget_of_the_shard_leaves_holes() -> None:
    rows = [row for row in rows_of(plan_of("generator.budget={run_candidates: 10}")) if row.edit != "original"]
    assert [row.status for row in rows].count("ok") == 10
    assert {(row.reasons, row.parameters["stop"]) for row in rows if row.status != "ok"} == {
        (("cap_reached",), "run_budget")
    }


def test_diverse_finishes_rounds_and_takes_the_farthest() -> None:
    plan = plan_of(
        "generator.selection={mode: diverse}",
        "generator.quota=2",
        "generator.retries={candidates: 3}",
        "generator.original=false",
    )
    rows = rows_of(plan)
    assert {row.attempts for row in rows} == {3}
    assert any(row.seed != row.candidates[0].seed for row in rows)


def test_surrogates_decide_among_what_the_guards_let_pass() -> None:
    class KnownSurrogate:
        role = "classifier_weak"

        def scores(self, shown: Sequence[Shown]) -> list[dict[str, float]]:
            return [{"verifier_classifier_weak_agrees": float(one.image[0, 0, 1] > 100)} for one in shown]

    plan = plan_of("generator.selection={mode: surrogate, surrogates: [classifier_weak]}", "generator.original=false")
    rows = rows_of(plan, surrogates=[KnownSurrogate()])
    chosen = [row for row in rows if row.status == "ok"]
    assert chosen
    for row in chosen:
        assert row.candidates[-1].scores["verifier_classifier_weak_agrees"] == 0
        assert {one.reasons for one in row.candidates[:-1]} <= {("not_selected",)}


def test_a_source_that_cannot_be_read_is_a_failed_row(plan: Plan) -> None:
    sample = next(sample for sample in plan.shards[0] if sample.edit.name == "image")
    assert sample.partner is not None
    partner = sample.partner.model_copy(update={"problem": "source_unreadable"})
    broken = type(sample)(sample.key, sample.source, sample.edit, sample.replica, partner)
    ((row, members),) = builder_of(plan, KnownProposer(), KnownEnsemble()).build([broken], shard=0)
    assert (row.status, row.reasons, members) == ("failed", ("source_unreadable",), {})


def test_pictures_are_stored_as_png_alone() -> None:
    with pytest.raises(Exception, match="png"):
        load_recipe("imagenet-g", overrides=("output.image=jpg",))


def test_the_recipe_names_its_roles(tmp_path: Path) -> None:
    recipe = load_recipe("imagenet-g")
    roles = family_of(recipe).roles(recipe, find_pack("tabletop"))
    assert {
        "text_to_image",
        "image_to_image",
        "image_adapter",
        "zero_shot",
        "zero_shot_2",
        "image_encoder",
        "detector",
        "classifier",
    } == set(roles)
