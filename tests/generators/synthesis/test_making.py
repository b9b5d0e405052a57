"""Datasets of generated pictures, with a proposer and guards whose verdicts are known."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import yaml

from editmill.generators.base.guards import StoredPicture, Verdict
from editmill.generators.base.loaded import Unusable
from editmill.generators.base.making import Built, Frame, SampleBuilder
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import Job, Made, PlannedSample
from editmill.generators.guards.ensemble.duplicates import Fingerprint
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.synthesis.family import SynthesisBuild, SynthesisFamily
from editmill.generators.synthesis.making import SynthesisMaker
from editmill.generators.synthesis.proposing import Proposal, Proposed
from editmill.generators.synthesis.settings import SynthesisSettings
from editmill.manifests.arrays import Picture
from editmill.manifests.errors import ExhaustedError
from editmill.manifests.records import SampleRow, SourceRecord
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.source import TabletopSource, TabletopSpec

FAMILY = SynthesisFamily()
SOURCE = TabletopSource(TabletopSpec(start=30_000, count=8, size=32))
RECORDS = tuple(SOURCE.records())
SIDE = 32


class KnownProposer:
    """Noise of the seed's own; a failure, values that are not finite or an unsafe picture where a test asks for
    them.
    """

    def __init__(self) -> None:
        self.asked: list[Proposal] = []
        self.broken = self.infinite = self.unsafe = False
        self.breaking: set[int] = set()
        self.same = False

    def propose(self, proposals: Sequence[Proposal]) -> list[Proposed]:
        self.asked += proposals
        if self.broken or self.breaking & {one.seed for one in proposals}:
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
        reasons = [] if int(one.image[0, 0, 0]) < 255 * self.share else [GuardReason.LABEL_CLIP]
        reasons += [*([] if one.finite else [Reason.SANITY]), *([GuardReason.NSFW] if one.unsafe else [])]
        return Verdict({"clip_margin": 1.0, "verifier_other_agrees": 1.0}, tuple(reasons))

    def fingerprints(self, images: Sequence[Picture]) -> list[Fingerprint]:
        return [
            Fingerprint(int(image.sum()) * 7919 % 2**63, image[:4].astype(np.float32).ravel() / 255) for image in images
        ]


def build_of(**changes: Any) -> SynthesisBuild:
    spec = read_pack(PACK)
    settings: Mapping[str, Any] = {"kind": "synthesis", "quota": 1, "original": True, "templates": "pack", **changes}
    return SynthesisBuild(
        settings=SynthesisSettings.model_validate(settings),
        guard=EnsembleSettings(),
        seed=0,
        image="png",
        pack=spec,
        models=Models(spec, Placement(device="cpu")),
        records=(),
        source=SOURCE,
        class_names=tuple(FAMILY.class_names(RECORDS).values()),
    )


def plan_of(build: SynthesisBuild) -> list[PlannedSample]:
    return list(FAMILY.plan(build, RECORDS))


def maker_of(
    build: SynthesisBuild, proposer: KnownProposer | None = None, ensemble: KnownEnsemble | None = None, **changes: Any
) -> SynthesisMaker:
    templates = ("a {}", "one {}", "the {}")
    known: Any = proposer or KnownProposer(), ensemble or KnownEnsemble()
    return SynthesisMaker(build, *known, templates=templates, **changes)


def make(maker: SynthesisMaker, samples: Sequence[PlannedSample]) -> list[Built]:
    frame = Frame(maker.build.seed, "test", FAMILY.failures)
    return list(SampleBuilder(maker, frame).build(samples, shard=0))


def rows_of(
    build: SynthesisBuild,
    *,
    proposer: KnownProposer | None = None,
    ensemble: KnownEnsemble | None = None,
    **changes: Any,
) -> list[SampleRow]:
    return [row for row, _ in make(maker_of(build, proposer, ensemble, **changes), plan_of(build))]


@pytest.fixture(scope="module")
def plain() -> SynthesisBuild:
    return build_of()


def test_the_plan_is_balanced_and_names_class_template_and_source(plain: SynthesisBuild) -> None:
    samples = plan_of(plain)
    assert Counter(sample.edit.name for sample in samples) == dict.fromkeys(FAMILY.edit_names(plain.settings), 8)
    assert FAMILY.edit_names(plain.settings) == ("original", "text", "image", "image-text")
    assert len(plain.class_names) == 8
    assert len({sample.key for sample in samples}) == 32
    assert all((sample.partner is None) == (sample.edit.name == "text") for sample in samples)
    assert FAMILY.estimate(plain, samples).network_evaluations == 3 * 8 * 32


def test_calibration_sources_are_none_of_the_recipes() -> None:
    recipe = yaml.safe_load((FAMILY.recipes() / "imagenet-g.yaml").read_text())
    specs = (
        TabletopSpec.model_validate({**one, "count": 8}) for one in (recipe["source"], recipe["calibration"]["source"])
    )
    used, held_out = ({record.id for record in TabletopSource(spec).records()} for spec in specs)
    assert not used & held_out


def test_every_accepted_sample_has_its_members_and_says_what_it_is(plain: SynthesisBuild) -> None:
    for row, members in make(maker_of(plain), plan_of(plain)):
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


def test_candidates_are_tried_until_one_passes_and_all_are_stored(plain: SynthesisBuild) -> None:
    rows = [row for row in rows_of(plain, ensemble=KnownEnsemble(0.4)) if row.edit != "original"]
    assert max(row.attempts for row in rows) > 1
    for row in rows:
        assert [one.accepted for one in row.candidates] == [False] * (row.attempts - 1) + [True]
        assert len({one.seed for one in row.candidates}) == row.attempts == len(row.candidates)
        assert row.cost == 4 * row.attempts


def test_a_quota_that_nothing_fills_is_a_hole_with_its_dominant_reason(plain: SynthesisBuild) -> None:
    rows = [row for row in rows_of(plain, ensemble=KnownEnsemble(0.0)) if row.edit != "original"]
    assert {(row.status, row.reasons[0], row.parameters["stop"], row.attempts) for row in rows} == {
        ("rejected", "label_clip", "rounds_exhausted", 16)
    }
    # Lost labels ask for less of an edit, and every round tries another template.
    (row,) = [row for row in rows if row.edit == "image-text"][:1]
    assert [one["strength"] for one in row.parameters["rounds"]] == [1.0, 0.9, 0.8, 0.7]
    assert len({one["prompt"] for one in row.parameters["rounds"]}) == 3
    assert row.parameters["rejected"] == {"label_clip": 16}


def test_results_do_not_depend_on_other_classes(plain: SynthesisBuild) -> None:
    whole = {row.key: row for row in rows_of(plain, ensemble=KnownEnsemble(0.5))}
    samples = [sample for sample in plan_of(plain) if sample.source.label == 3]
    rows = [row for row, _ in make(maker_of(plain, ensemble=KnownEnsemble(0.5)), samples)]
    assert rows == [whole[sample.key] for sample in samples]


def test_duplicates_are_refused_within_a_class() -> None:
    proposer = KnownProposer()
    proposer.same = True
    rows = [row for row in rows_of(build_of(original=False), proposer=proposer) if row.label == 0]
    assert [row.status for row in rows] == ["ok", "rejected", "rejected"]
    assert rows[1].reasons == ("duplicate",)
    assert rows[1].scores["duplicate_hamming"] == 0


def test_packs_without_an_encoder_compare_nothing(plain: SynthesisBuild) -> None:
    proposer = KnownProposer()
    proposer.same = True
    assert {row.status for row in rows_of(plain, proposer=proposer, ensemble=KnownEnsemble(encoder=None))} == {"ok"}


@pytest.mark.parametrize(
    ("fault", "reason", "status"),
    [("broken", "proposer_error", "failed"), ("infinite", "sanity", "rejected"), ("unsafe", "nsfw", "rejected")],
)
def test_faults_of_the_model_have_their_reasons(plain: SynthesisBuild, fault: str, reason: str, status: str) -> None:
    proposer = KnownProposer()
    setattr(proposer, fault, True)
    rows = [row for row in rows_of(plain, proposer=proposer) if row.edit == "text"]
    assert {(row.status, row.reasons[0], row.attempts) for row in rows} == {(status, reason, 16)}


def test_unguardable_classes_are_not_rendered(plain: SynthesisBuild) -> None:
    class Report:
        unguardable, digest = ("ball",), "a" * 64

    proposer = KnownProposer()
    reported: Any = Report()
    rows = rows_of(replace(plain, report=reported), proposer=proposer)
    excluded = [row for row in rows if row.class_name == "ball" and row.edit != "original"]
    assert {(row.status, row.reasons, row.parameters["stop"], row.attempts) for row in excluded} == {
        ("rejected", ("source_ineligible",), "source_ineligible", 0)
    }
    assert all(row.parameters["guard_report"] == "a" * 64 for row in rows)
    assert len(proposer.asked) == 3 * 7


def test_a_budget_of_the_shard_leaves_holes() -> None:
    rows = [row for row in rows_of(build_of(budget={"run_candidates": 10})) if row.edit != "original"]
    assert [row.status for row in rows].count("ok") == 10
    assert {(row.reasons, row.parameters["stop"]) for row in rows if row.status != "ok"} == {
        (("cap_reached",), "run_budget")
    }


def test_diverse_finishes_rounds_and_takes_the_farthest() -> None:
    diverse = build_of(selection={"mode": "diverse"}, quota=2, retries={"candidates": 3}, original=False)
    rows = rows_of(diverse)
    assert {row.attempts for row in rows} == {3}
    assert any(row.seed != row.candidates[0].seed for row in rows)


def test_surrogates_decide_among_what_the_guards_let_pass() -> None:
    class KnownSurrogate:
        role = "classifier_weak"

        def scores(self, shown: Sequence[Shown]) -> list[dict[str, float]]:
            return [{"verifier_classifier_weak_agrees": float(one.image[0, 0, 1] > 100)} for one in shown]

    selected = build_of(selection={"mode": "surrogate", "surrogates": ["classifier_weak"]}, original=False)
    rows = rows_of(selected, surrogates=[KnownSurrogate()])
    chosen = [row for row in rows if row.status == "ok"]
    assert chosen
    for row in chosen:
        assert row.candidates[-1].scores["verifier_classifier_weak_agrees"] == 0
        assert {one.reasons for one in row.candidates[:-1]} <= {("not_selected",)}


def test_a_source_that_cannot_be_read_is_a_failed_row_and_its_class_goes_on(plain: SynthesisBuild) -> None:
    samples = [sample for sample in plan_of(plain) if sample.source.label == 0]
    number = next(number for number, sample in enumerate(samples) if sample.edit.name == "image")
    partner = samples[number].partner
    assert partner is not None
    broken = partner.model_copy(update={"problem": "source_unreadable"})
    samples[number] = replace(samples[number], partner=broken)
    built = make(maker_of(plain), samples)
    assert [row.status for row, _ in built].count("ok") == len(samples) - 1
    row, members = built[number]
    assert (row.status, row.reasons, members) == ("failed", ("source_unreadable",), {})
    assert (row.source_id, row.class_name, row.attempts) == (broken.id, samples[number].source.class_name, 0)
    assert row.parameters["detail"] == f"{broken.image}: source unreadable"
    assert (row.parameters["licence"], row.parameters["stop"]) == (broken.licence, "")


def test_a_candidate_that_fails_takes_no_other_with_it() -> None:
    batched = build_of(batch=4, original=False, conditionings=[{"name": "text"}])
    first = make(maker_of(batched), plan_of(batched))[0][0]
    proposer = KnownProposer()
    proposer.breaking = {first.candidates[1].seed}
    row = make(maker_of(batched, proposer), plan_of(batched))[0][0]
    assert [one.reasons for one in row.candidates] == [(), ("proposer_error",), (), ()]
    assert (row.status, row.seed, row.attempts, row.cost) == ("ok", first.seed, 4, 3 * 4)


def test_a_sample_whose_guards_fail_takes_no_other_with_it(plain: SynthesisBuild) -> None:
    class Failing(KnownEnsemble):
        def check(self, shown: Sequence[Shown]) -> list[Verdict]:
            if not shown[0].edited:
                raise RuntimeError("no verdict")
            return super().check(shown)

    rows = rows_of(plain, ensemble=Failing())
    assert {(row.status, row.reasons) for row in rows if row.edit == "original"} == {("failed", ("proposer_error",))}
    assert {row.status for row in rows if row.edit != "original"} == {"ok"}


def test_a_cap_counts_anew_in_each_shard() -> None:
    capped = build_of(budget={"run_candidates": 2}, original=False, conditionings=[{"name": "text"}])
    maker, samples = maker_of(capped), plan_of(capped)
    for shard in (samples[:4], samples[4:]):
        assert [row.status for row, _ in make(maker, shard)] == ["ok", "ok", "rejected", "rejected"]


def test_pictures_are_stored_as_png_alone(plain: SynthesisBuild) -> None:
    with pytest.raises(ValueError, match="generated pictures are stored as png"):
        FAMILY.check(replace(plain, image="jpg"))


def test_the_family_names_its_roles(plain: SynthesisBuild) -> None:
    assert {
        "text_to_image",
        "image_to_image",
        "image_adapter",
        "zero_shot",
        "zero_shot_2",
        "image_encoder",
        "detector",
        "classifier",
    } == set(FAMILY.roles(plain))


class Installed:
    """A guard of an installed package that refuses what ``refuse`` says; ``seen`` are the pictures it was shown."""

    score_names = ("seen",)

    def __init__(self, refuse: Callable[[StoredPicture, int], bool]) -> None:
        self.refuse, self.seen = refuse, list[StoredPicture]()

    def check(self, stored: StoredPicture) -> Verdict:
        self.seen.append(stored)
        return Verdict({"seen": 0.5}, (Reason.SANITY,) if self.refuse(stored, len(self.seen)) else ())


def built_with(guard: Installed, **changes: Any) -> list[SampleRow]:
    build = replace(build_of(**changes), guards=(guard,))
    frame = Frame(0, "test", FAMILY.failures, (guard,))
    return [row for row, _ in SampleBuilder(maker_of(build), frame).build(plan_of(build), shard=0)]


TEXT = {"conditionings": [{"name": "text"}], "retries": {"candidates": 1, "rounds": 3, "adapt_after": 0}}


def test_what_installed_guards_refuse_is_searched_again() -> None:
    first = Installed(lambda stored, number: stored.edit.name == "text" and number % 2 == 1)
    for row in built_with(first, original=False, **TEXT):
        assert (row.status, row.parameters["stop"], row.scores["seen"]) == ("ok", "quota_met", 0.5)
        assert [one.reasons for one in row.candidates] == [("sanity",), ()]
    # One look at each candidate.
    assert len(first.seen) == 2 * len({stored.class_name for stored in first.seen})


def test_a_search_that_installed_guards_refuse_to_the_end_says_so_and_fills_no_crowd() -> None:
    never = Installed(lambda stored, number: stored.edit.name == "text")
    rows = built_with(never, **TEXT)
    searched = [row for row in rows if row.edit == "text"]
    assert {(row.status, row.reasons, row.parameters["stop"]) for row in searched} == {
        ("rejected", ("sanity",), "rounds_exhausted")
    }
    assert all("duplicate_hamming" not in one.scores for row in searched for one in row.candidates)


def test_originals_are_kept_whatever_installed_guards_say() -> None:
    originals = [row for row in built_with(Installed(lambda stored, number: True), **TEXT) if row.edit == "original"]
    assert originals
    for row in originals:
        assert (row.status, row.scores["seen"], row.parameters["would_reject"][-1]) == ("ok", 0.5, "sanity")


def test_a_guard_that_fails_refuses_its_candidate_alone() -> None:
    def broken(stored: StoredPicture, number: int) -> bool:
        if number == 1:
            raise RuntimeError("its network broke")
        return False

    rows = built_with(Installed(broken), original=False, **TEXT)
    assert [one.reasons for one in rows[0].candidates] == [("guard_error",), ()]
    assert {row.status for row in rows} == {"ok"}


def test_a_score_that_is_not_finite_refuses_a_candidate() -> None:
    class Strange(KnownEnsemble):
        def _verdict(self, one: Shown) -> Verdict:
            return replace(super()._verdict(one), scores={"clip_margin": float("nan"), "siglip_margin": 1.0})

    rows = rows_of(build_of(**TEXT), ensemble=Strange())
    assert {row.reasons for row in rows if row.edit == "text"} == {("guard_error",)}
    assert all(row.scores == {"siglip_margin": 1.0} for row in rows if row.edit == "original")
    assert all("guard_error" in row.parameters["would_reject"] for row in rows if row.edit == "original")


def test_real_pictures_are_loaded_one_after_another_as_they_are_needed() -> None:
    events: list[str] = []

    class Loading:
        def load(self, record: SourceRecord) -> Any:
            events.append(f"load {record.id}")
            return SOURCE.load(record)

    class Telling(KnownProposer):
        def propose(self, proposals: Sequence[Proposal]) -> list[Proposed]:
            events.append("propose")
            return super().propose(proposals)

    loading: Any = Loading()
    build = replace(build_of(quota=2, original=False, conditionings=[{"name": "image"}]), source=loading)
    make(maker_of(build, Telling()), plan_of(build))
    assert "propose" in events[1:3]
    assert not any(first.startswith("load") and second.startswith("load") for first, second in pairwise(events))


def test_a_real_picture_that_changed_meanwhile_is_a_row() -> None:
    class Changing:
        def load(self, record: SourceRecord) -> Any:
            raise Unusable(Reason.SOURCE_CHANGED, f"{record.image}: other bytes")

    changing: Any = Changing()
    build = replace(build_of(conditionings=[{"name": "text"}, {"name": "image"}]), source=changing)
    rows = [row for row, _ in make(maker_of(build), plan_of(build))]
    assert {(row.edit, row.status, row.reasons, row.attempts) for row in rows if row.edit != "text"} == {
        (edit, "failed", ("source_changed",), 0) for edit in ("original", "image")
    }
    assert all(row.parameters["detail"].endswith("other bytes") for row in rows if row.edit != "text")
    assert {row.status for row in rows if row.edit == "text"} == {"ok"}


def test_a_class_is_made_whole_or_not_at_all() -> None:
    calls: list[int] = []

    class Counting(SynthesisMaker):
        def make(self, jobs: Sequence[Job[None]]) -> list[Made]:
            calls.append(len(jobs))
            return super().make(jobs)

    class Large(KnownProposer):
        def propose(self, proposals: Sequence[Proposal]) -> list[Proposed]:
            raise MemoryError

    known: Any = Large(), KnownEnsemble()
    build = build_of(quota=3)
    with pytest.raises(ExhaustedError):
        make(Counting(build, *known, templates=("a {}",)), plan_of(build))
    # What is a duplicate would change if half of a class was made again alone.
    assert len(calls) == 1
