"""The loop that families share: what fails fails alone, rejected samples are tried again, rows say what happened."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.base.edits import edit_seed, make_edit
from editmill.generators.base.failing import in_parts
from editmill.generators.base.guards import StoredPicture, Verdict
from editmill.generators.base.images import encode_image
from editmill.generators.base.loaded import Unusable
from editmill.generators.base.making import Frame, Maker, SampleBuilder, check_record, measured
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import Job, Made, PlannedSample, RowFacts
from editmill.manifests.errors import ExhaustedError, ModelError, RequestError
from editmill.manifests.records import CandidateRecord, SampleRow, SourceRecord
from tests.generators.pictures import photo

FRAME = Frame(seed=5, split="test")
PNG = encode_image(photo(), "png")
Make = Callable[[Job[str]], Made]


def record(name: str, **changes: object) -> SourceRecord:
    fields = {"image": f"{name}.png", "label": 3, "class_name": "cup", "width": 4, "height": 4, "sha256": "0" * 64}
    return SourceRecord.model_validate({"id": name, **fields, **changes})


def samples(*names: str, stochastic: bool = False, edits: int = 1) -> list[PlannedSample]:
    """Planned samples of several sources, a number of edits each."""
    planned = []
    for name in names:
        for number in range(edits):
            edit = make_edit("toy", f"edit{number}", stochastic=stochastic, angle=number)
            planned.append(PlannedSample(f"{name}-{number}", record(name), edit))
    return planned


class Toy(Maker[str]):
    """Loads a source's name, and makes what a function says; ``calls`` are the keys that were made together."""

    def __init__(self, make: Make, *, attempts: int = 1, group: int = 1) -> None:
        self.one, self.attempts, self.group = make, attempts, group
        self.calls: list[tuple[str, ...]] = []
        self.loads: list[str] = []

    def load(self, sample: PlannedSample) -> str:
        check_record(sample.source)
        self.loads.append(sample.source.id)
        return sample.source.id

    def make(self, jobs: Sequence[Job[str]]) -> list[Made]:
        self.calls.append(tuple(job.key for job in jobs))
        return [self.one(job) for job in jobs]


def good(job: Job[str]) -> Made:
    return Made({"png": PNG}, scores={"score": 0.12345678}, facts={"loaded": job.loaded})


def rows(maker: Maker[str], planned: Sequence[PlannedSample], frame: Frame = FRAME) -> list[SampleRow]:
    return [row for row, _ in SampleBuilder(maker, frame).build(planned, shard=0)]


def test_an_accepted_sample_has_a_row_and_its_members() -> None:
    (planned,) = samples("a")
    planned = replace(planned, inputs="1" * 64)
    ((row, members),) = SampleBuilder(Toy(good), FRAME).build([planned], shard=2)
    assert (row.status, row.shard, row.split, row.attempts, row.label) == ("ok", 2, "test", 1, 3)
    assert row.scores == {"score": 0.123457}
    assert row.parameters == {"angle": 0}
    assert row.seed == edit_seed(5, planned.source, planned.edit)
    assert members["cls"] == b"3"
    assert members["png"] == PNG
    document = json.loads(members["json"])
    assert document["inputs"] == row.inputs == "1" * 64
    assert document["loaded"] == "a"
    assert json.loads(document["scores"]) == row.scores


def test_sources_are_loaded_once_and_made_in_groups() -> None:
    maker = Toy(good, group=2)
    planned = samples("a", "b", "c", edits=2)
    assert [row.key for row in rows(maker, planned)] == [sample.key for sample in planned]
    assert maker.calls == [("a-0", "a-1", "b-0", "b-1"), ("c-0", "c-1")]
    assert maker.loads == ["a", "b", "c"]


def test_sources_are_loaded_side_by_side_in_order_and_the_first_error_wins() -> None:
    before, together = threading.active_count(), threading.Barrier(3)

    class Side(Toy):
        loaders = 3

        def load(self, sample: PlannedSample) -> str:
            together.wait(timeout=60)
            if wrong := {"b": "first", "c": "second"}.get(sample.source.id if bad else ""):
                raise ModelError(wrong)
            return super().load(sample)

    bad = False
    maker = Side(good, group=3)
    planned = samples("a", "b", "c", edits=2)
    assert rows(maker, planned) == rows(Toy(good, group=3), planned)
    bad = True
    with pytest.raises(ModelError, match="first"):
        rows(maker, planned)
    assert threading.active_count() == before


def test_a_source_with_a_problem_is_a_row_and_its_neighbours_are_made() -> None:
    bad = PlannedSample("bad-0", record("bad", problem="mask_empty", mask="bad-mask.png"), make_edit("toy", "edit0"))
    first, second, third = rows(Toy(good, group=3), [*samples("a"), bad, *samples("b")])
    assert (first.status, third.status) == ("ok", "ok")
    assert (second.status, second.reasons, second.candidates) == ("failed", ("mask_empty",), ())
    assert second.parameters["detail"] == "bad-mask.png: mask empty"


@given(bad=st.sets(st.integers(0, 6)), group=st.integers(1, 7))
def test_a_failing_job_fails_alone(bad: set[int], group: int) -> None:
    names = [f"s{number}" for number in range(7)]

    def make(job: Job[str]) -> Made:
        if int(job.loaded[1:]) in bad:
            raise RuntimeError("the model broke")
        return good(job)

    found = rows(Toy(make, group=group), samples(*names))
    assert {int(row.source_id[1:]) for row in found if row.status == "failed"} == bad
    for row in found:
        if row.status == "failed":
            assert row.reasons == ("proposer_error",)
            assert row.parameters["detail"] == "RuntimeError: the model broke"


def test_jobs_of_one_unit_fail_together() -> None:
    class Pairs(Toy):
        def unit(self, job: Job[str]) -> Hashable:
            return job.sample.source.id

    def make(job: Job[str]) -> Made:
        if job.key == "b-1":
            raise ValueError("no")
        return good(job)

    maker = Pairs(make, group=3)
    found = rows(maker, samples("a", "b", "c", edits=2))
    assert [row.status for row in found] == ["ok", "ok", "failed", "failed", "ok", "ok"]
    assert all(len({key[0] for key in call}) * 2 == len(call) for call in maker.calls)


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), ValueError("x"), IndexError("x"), ZeroDivisionError("x"), cv2.error("x")]
)
def test_what_libraries_raise_is_a_row(error: Exception) -> None:
    def make(job: Job[str]) -> Made:
        raise error

    assert rows(Toy(make), samples("a"))[0].reasons == ("proposer_error",)


def broken_record() -> None:
    CandidateRecord(attempt=-1, seed=0, accepted=True)


def uneven_zip() -> None:
    list(zip([1], [1, 2], strict=True))


def missing_key() -> None:
    {}["a bug"]


@pytest.mark.parametrize("wrong", [broken_record, uneven_zip, missing_key])
@pytest.mark.parametrize("group", [1, 3])
def test_what_is_no_models_fault_ends_the_build_with_the_sample_s_key(wrong: Callable[[], None], group: int) -> None:
    def make(job: Job[str]) -> Made:
        if job.key == "b-0":
            wrong()
        return good(job)

    with pytest.raises(RequestError) as told:
        rows(Toy(make, group=group), samples("a", "b", "c"))
    assert (told.value.where, told.value.exit_code) == ("b-0", 2)
    assert "editmill -v" in told.value.fix


@pytest.mark.parametrize("error", [ModelError("missing"), OSError("the disk is full")])
def test_errors_of_the_request_and_of_the_disk_end_the_build_as_they_are(error: Exception) -> None:
    calls = []

    def make(job: Job[str]) -> Made:
        calls.append(job.key)
        raise error

    with pytest.raises(type(error), match=str(error)):
        rows(Toy(make, group=2), samples("a", "b"))
    assert calls == ["a-0"]


def test_a_maker_that_returns_too_little_is_told_so() -> None:
    class Lossy(Toy):
        def make(self, jobs: Sequence[Job[str]]) -> list[Made]:
            return super().make(jobs)[1:]

    with pytest.raises(RequestError, match=r"Lossy\.make returned 1 results for 2 samples") as told:
        rows(Lossy(good, group=2), samples("a", "b"))
    assert told.value.where == "a-0 and 1 more"


def test_what_libraries_raise_while_a_source_is_loaded_is_a_row() -> None:
    class Framing(Toy):
        def load(self, sample: PlannedSample) -> str:
            if sample.source.id == "b":
                cv2.resize(photo(), (0, 0))
            return super().load(sample)

    first, second, third = rows(Framing(good, group=3), samples("a", "b", "c"))
    assert (first.status, third.status) == ("ok", "ok")
    assert (second.status, second.reasons) == ("failed", ("proposer_error",))
    assert second.parameters["detail"].startswith("error: OpenCV")


@pytest.mark.parametrize("candidates", [None, (CandidateRecord(attempt=0, seed=1, accepted=True),)])
@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_not_finite_makes_a_failed_row(
    score: float, candidates: tuple[CandidateRecord, ...] | None
) -> None:
    def make(job: Job[str]) -> Made:
        scores = {"score": 0.5, "psnr": score if job.loaded == "b" else 40.0}
        return replace(good(job), scores=scores, candidates=candidates, seed=1)

    first, second = rows(Toy(make, group=2), samples("a", "b"))
    assert (first.status, first.scores) == ("ok", {"score": 0.5, "psnr": 40.0})
    assert (second.status, second.reasons, second.scores) == ("failed", ("guard_error",), {"score": 0.5})
    assert second.parameters["detail"] == "scores that are not finite: psnr"


def test_scores_that_are_not_finite_are_named_in_order() -> None:
    # Sets have another order in every process.
    names = [f"score{number}" for number in range(8)]
    made = measured(Made({}, scores=dict.fromkeys(reversed(names), math.nan)))
    assert made.detail == f"scores that are not finite: {', '.join(names)}"


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    ),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("MPS backend out of memory"),
    MemoryError(),
    cv2.error("OpenCV(4.11.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 120 bytes"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
@pytest.mark.parametrize("step", ["load", "make", "guard"])
def test_out_of_memory_is_one_message_with_the_mends(error: Exception, step: str) -> None:
    class Large(Toy):
        def load(self, sample: PlannedSample) -> str:
            if step == "load":
                raise error
            return super().load(sample)

    class Guard(Refuser):
        def check(self, stored: StoredPicture) -> Verdict:
            raise error

    def make(job: Job[str]) -> Made:
        if step == "make":
            raise error
        return good(job)

    guards = (Guard(0),) if step == "guard" else ()
    with pytest.raises(ExhaustedError, match="out of memory") as told:
        rows(Large(make, group=2), samples("a", "b"), Frame(5, "test", guards=guards))
    assert (told.value.where, told.value.exit_code) == ("a-0", 1)
    for mend in ("--workers", "batch", "size", "--offload"):
        assert mend in told.value.fix


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_out_of_memory_halves_the_group_first(error: Exception) -> None:
    class Large(Toy):
        def make(self, jobs: Sequence[Job[str]]) -> list[Made]:
            if len(jobs) > 1:
                raise error
            return super().make(jobs)

    assert [row.status for row in rows(Large(good, group=4), samples("a", "b", "c", "d"))] == ["ok"] * 4


def test_out_of_memory_halves_the_jobs_and_is_raised_for_one() -> None:
    def run(jobs: Sequence[int]) -> list[int]:
        if len(jobs) > fits:
            raise torch.OutOfMemoryError("too many")
        return [-job for job in jobs]

    fits = 2
    assert in_parts(run, [1, 2, 3, 4, 5], failed=lambda job, error: 0) == [-1, -2, -3, -4, -5]
    fits = 0
    with pytest.raises(torch.OutOfMemoryError):
        in_parts(run, [1, 2], failed=lambda job, error: 0)


def rejected(job: Job[str]) -> Made:
    return Made({"png": PNG}, (Reason.SANITY,), {"score": job.attempt}, cost=2)


@pytest.mark.parametrize(("stochastic", "attempts"), [(True, 3), (False, 1)])
def test_only_samples_with_fresh_noise_are_tried_again(stochastic: bool, attempts: int) -> None:
    (row,) = rows(Toy(rejected, attempts=3), samples("a", stochastic=stochastic))
    assert (row.status, row.reasons, row.attempts, row.cost) == ("rejected", ("sanity",), attempts, 2 * attempts)
    assert len({one.seed for one in row.candidates}) == attempts
    assert row.seed == row.candidates[-1].seed
    assert [one.attempt for one in row.candidates] == list(range(attempts))


def test_a_second_try_that_passes_is_kept() -> None:
    def make(job: Job[str]) -> Made:
        return good(job) if job.attempt else rejected(job)

    ((row, members),) = SampleBuilder(Toy(make, attempts=3), FRAME).build(samples("a", stochastic=True), shard=0)
    assert (row.status, row.attempts) == ("ok", 2)
    assert json.loads(members["json"])["seed"] == row.candidates[1].seed


def test_nothing_is_tried_again_where_another_seed_changes_nothing() -> None:
    def make(job: Job[str]) -> Made:
        return Made(reasons=(Reason.SOURCE_INELIGIBLE,), detail="too small", final=True)

    (row,) = rows(Toy(make, attempts=3), samples("a", stochastic=True))
    assert (row.status, row.attempts, row.parameters["detail"]) == ("rejected", 1, "too small")


def test_a_familys_own_failures_are_failures() -> None:
    def make(job: Job[str]) -> Made:
        return Made(reasons=("own", Reason.PROPOSER_ERROR))

    assert rows(Toy(make), samples("a"))[0].status == "rejected"
    frame = Frame(5, "test", failures=frozenset({"own"}))
    assert rows(Toy(make), samples("a"), frame)[0].status == "failed"


class Refuser:
    """An installed guard that refuses the first ``times`` pictures."""

    score_names = ("seen",)

    def __init__(self, times: int) -> None:
        self.times, self.shown = times, list[StoredPicture]()

    def check(self, stored: StoredPicture) -> Verdict:
        self.shown.append(stored)
        return Verdict({"seen": 0.5}, (Reason.SANITY,) if len(self.shown) <= self.times else ())


def test_installed_guards_see_the_stored_bytes_and_lead_to_another_try() -> None:
    guard = Refuser(1)
    frame = Frame(5, "test", guards=(guard,))
    ((row, members),) = SampleBuilder(Toy(good, attempts=2), frame).build(samples("a", stochastic=True), shard=0)
    assert [one.reasons for one in row.candidates] == [("sanity",), ()]
    assert row.scores == {"score": 0.123457, "seen": 0.5}
    assert json.loads(json.loads(members["json"])["scores"]) == row.scores
    assert (guard.shown[0].image == photo()).all()
    assert (guard.shown[0].class_name, guard.shown[0].label) == ("cup", 3)


def test_what_guards_say_comes_last_is_rounded_and_is_about_the_rows_record() -> None:
    class Renamed(Toy):
        def row(self, sample: PlannedSample) -> RowFacts:
            return replace(super().row(sample), record=record("other", licence="CC0-1.0"), wnid="n001")

    class Fine(Refuser):
        def check(self, stored: StoredPicture) -> Verdict:
            return Verdict({"seen": 0.12345678}, super().check(stored).reasons)

    guard = Fine(1)

    def make(job: Job[str]) -> Made:
        return replace(good(job), reasons=() if guard.shown else ("own",))

    frame = Frame(5, "test", guards=(guard,))
    builder = SampleBuilder(Renamed(make, attempts=2), frame)
    ((row, members),) = builder.build(samples("a", stochastic=True), shard=0)
    assert [one.reasons for one in row.candidates] == [("own", "sanity"), ()]
    assert row.candidates[0].scores == {"score": 0.123457, "seen": 0.123457}
    assert (guard.shown[0].record.id, row.source_id, row.wnid) == ("other", "other", "n001")
    assert json.loads(members["json"])["licence"] == "CC0-1.0"


@pytest.mark.parametrize("score", [float("nan"), float("inf"), None])
def test_a_guard_that_can_not_judge_makes_a_failed_row(score: float | None) -> None:
    class Broken(Refuser):
        def check(self, stored: StoredPicture) -> Verdict:
            if stored.record.id == "b":
                return super().check(stored)
            if score is None:
                raise RuntimeError("its network broke")
            return Verdict({"seen": score})

    frame = Frame(5, "test", guards=(Broken(0),))
    first, second = rows(Toy(good, group=2), samples("a", "b"), frame)
    assert (first.status, first.reasons, first.scores) == ("failed", ("guard_error",), {"score": 0.123457})
    assert first.parameters["detail"] in {
        "RuntimeError: its network broke",
        f"ValueError: the guard's score seen is {score}",
    }
    assert second.status == "ok"


def test_a_control_is_kept_whatever_installed_guards_say() -> None:
    frame = Frame(5, "test", guards=(Refuser(1),))
    first, second = rows(Toy(lambda job: replace(good(job), control=True)), samples("a", "b"), frame)
    assert (first.status, first.parameters) == ("ok", {"angle": 0, "would_reject": ["sanity"]})
    assert (second.status, second.parameters) == ("ok", {"angle": 0, "would_reject": []})
    assert first.scores["seen"] == 0.5


def test_a_maker_that_searches_asks_installed_guards_itself() -> None:
    class Searching(Toy):
        asks_guards = True

    guard = Refuser(9)
    frame = Frame(5, "test", guards=(guard,))
    assert rows(Searching(good), samples("a"), frame)[0].status == "ok"
    assert guard.shown == []
    (control,) = rows(Searching(lambda job: replace(good(job), control=True)), samples("a"), frame)
    assert control.parameters["would_reject"] == ["sanity"]


def test_what_is_no_guards_fault_ends_the_build() -> None:
    class Asking(Refuser):
        def check(self, stored: StoredPicture) -> Verdict:
            raise ModelError("missing")

    with pytest.raises(ModelError, match="missing"):
        rows(Toy(good), samples("a"), Frame(5, "test", guards=(Asking(0),)))


def test_a_familys_own_accepted_candidate_says_what_guards_said() -> None:
    first = CandidateRecord(attempt=0, seed=1, accepted=False, reasons=("own",))
    second = CandidateRecord(attempt=1, seed=2, accepted=True, scores={"score": 0.5})

    def make(job: Job[str]) -> Made:
        return Made({"png": PNG}, scores={"score": 0.5}, candidates=(first, second), seed=2)

    frame = Frame(5, "test", guards=(Refuser(1),))
    refused, passed = rows(Toy(make), samples("a", "b"), frame)
    assert (refused.status, refused.candidates[0]) == ("rejected", first)
    assert refused.candidates[1].reasons == ("sanity",)
    assert not refused.candidates[1].accepted
    assert passed.candidates[1].accepted
    assert refused.candidates[1].scores == passed.candidates[1].scores == passed.scores == {"score": 0.5, "seen": 0.5}
    assert rows(Toy(make), samples("a"))[0].candidates == (first, second)


def test_accepted_candidates_that_are_not_stored_say_nothing_of_installed_guards() -> None:
    others = [CandidateRecord(attempt=n, seed=n, accepted=True, scores={"score": 0.5}) for n in range(3)]

    def make(job: Job[str]) -> Made:
        return Made({"png": PNG}, scores={"score": 0.5}, candidates=tuple(others), seed=1)

    (row,) = rows(Toy(make), samples("a"), Frame(5, "test", guards=(Refuser(1),)))
    assert [row.candidates[0], row.candidates[2]] == [others[0], others[2]]
    assert (row.candidates[1].accepted, row.candidates[1].reasons) == (False, ("sanity",))


def test_samples_of_a_source_share_by_what_the_maker_says() -> None:
    class PerEdit(Toy):
        def share(self, sample: PlannedSample) -> Hashable:
            return sample.key

        def load(self, sample: PlannedSample) -> str:
            if sample.key == "a-0":
                raise Unusable(Reason.SOURCE_TOO_SMALL, "too small for this one")
            return super().load(sample)

    first, second = rows(PerEdit(good), samples("a", edits=2))
    assert (first.status, second.status) == ("failed", "ok")
    assert first.parameters == {"angle": 0, "detail": "too small for this one"}


def test_a_picture_that_was_never_made_is_shown_to_no_guard() -> None:
    guard = Refuser(0)
    rows(Toy(lambda job: Made(reasons=(Reason.SANITY,))), samples("a"), Frame(5, "test", guards=(guard,)))
    assert guard.shown == []


def test_facts_never_hide_those_of_every_sample() -> None:
    with pytest.raises(RequestError, match=r"names that every sample's JSON has: key, seed"):
        rows(Toy(lambda job: replace(good(job), facts={"key": "mine", "seed": 1})), samples("a"))


def test_begin_and_end_are_called_around_shards_and_groups() -> None:
    said: list[str] = []

    class Told(Toy):
        def begin(self, state: Mapping[str, Any]) -> None:
            said.append("begin")

        def end(self) -> None:
            said.append("end")

    rows(Told(good, group=2), samples("a", "b", "c"))
    assert said == ["begin", "end", "end"]


def test_a_shard_goes_on_between_groups_with_what_those_before_left() -> None:
    class Counting(Toy):
        spent = 0

        def begin(self, state: Mapping[str, Any]) -> None:
            self.spent = state.get("spent", 0)

        def state(self) -> dict[str, Any]:
            return {"spent": self.spent}

        def make(self, jobs: Sequence[Job[str]]) -> list[Made]:
            self.spent += len(jobs)
            return [replace(made, parameters={"spent": self.spent}) for made in super().make(jobs)]

    planned = samples("a", "b", "c", "d")
    builder = SampleBuilder(Counting(good, group=2), FRAME)
    first, second = builder.groups(planned, shard=0)
    left = {"spent": len(first)}
    assert list(SampleBuilder(Counting(good, group=2), FRAME).groups(planned[2:], shard=0, state=left)) == [second]


def test_the_problem_of_a_record_is_raised_once_for_all() -> None:
    with pytest.raises(Unusable, match=r"a\.png: source unreadable"):
        check_record(record("a", problem="source_unreadable"))
    check_record(record("a"))
