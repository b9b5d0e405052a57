"""Jobs side by side: what they ask at once is one call, composed from the jobs alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.models.micro_batches import say_once
from editmill.generators.models.together import ask, ask_each, side_by_side

QUESTIONS = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=6)


class Oracle:
    """Answers with ten times the question, and notes which questions came together."""

    def __init__(self, most: int = 100) -> None:
        self.most, self.calls = most, list[list[int]]()

    def answer(self, questions: Sequence[int]) -> list[int]:
        if len(questions) > self.most:
            raise torch.OutOfMemoryError("out of memory")
        if 13 in questions:
            raise ValueError("thirteen")
        self.calls.append(list(questions))
        return [10 * question for question in questions]

    def work(self, questions: Sequence[int]) -> int:
        return sum(ask(self.answer, question, key=question % 2) for question in questions)


@given(QUESTIONS, st.integers(1, 4))
def test_results_are_those_of_jobs_alone(jobs: list[list[int]], most: int) -> None:
    oracle, again = Oracle(), Oracle()
    assert side_by_side(oracle.work, jobs, most=most) == [10 * sum(job) for job in jobs]
    assert sorted(chain(*oracle.calls)) == sorted(chain(*jobs))
    assert all(len(call) <= most and len({question % 2 for question in call}) == 1 for call in oracle.calls)
    side_by_side(again.work, jobs, most=most)
    assert again.calls == oracle.calls


def test_questions_of_one_kind_share_a_call_in_the_order_of_jobs() -> None:
    oracle = Oracle()
    side_by_side(oracle.work, [[2, 5], [4], [1, 6], [8]], most=2)
    assert oracle.calls == [[2, 4], [8], [1], [5], [6]]


def test_a_job_without_company_asks_alone() -> None:
    oracle = Oracle()
    assert oracle.work([1, 3]) == 40
    assert oracle.calls == [[1], [3]]


def test_a_bad_question_fails_its_own_job_alone() -> None:
    oracle = Oracle()

    def work(questions: Sequence[int]) -> int:
        try:
            return oracle.work(questions)
        except ValueError:
            return -1

    assert side_by_side(work, [[1, 3], [13, 5], [7]], most=3) == [40, -1, 70]
    with pytest.raises(ValueError, match="thirteen"):
        side_by_side(oracle.work, [[1], [13]], most=2)


def test_too_much_for_the_memory_is_asked_in_halves(caplog: pytest.LogCaptureFixture) -> None:
    say_once.cache_clear()
    oracle = Oracle(most=2)
    for _ in range(2):
        assert side_by_side(oracle.work, [[1], [3], [5], [7], [9]], most=5) == [10, 30, 50, 70, 90]
    assert oracle.calls == [[1, 3], [5, 7], [9]] * 2
    assert caplog.text.count("5 pictures or texts at once need too much memory") == 1
    with pytest.raises(torch.OutOfMemoryError):
        side_by_side(Oracle(most=0).work, [[1], [3]], most=2)


def test_several_questions_of_a_job_are_answered_with_those_of_others() -> None:
    oracle = Oracle()
    jobs = [[1, 3], [], [5]]
    assert side_by_side(lambda job: ask_each(oracle.answer, job), jobs, most=3) == [[10, 30], [], [50]]
    assert oracle.calls == [[1, 3, 5]]


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_torchs_modes_reach_no_other_job(mode: Callable[[], AbstractContextManager[None]]) -> None:
    oracle = Oracle()

    def work(question: int) -> tuple[int, bool]:
        with mode():
            found = ask(oracle.answer, question)
        return found, torch.is_grad_enabled()

    assert side_by_side(work, [1, 3], most=2) == [(10, True), (30, True)]
    assert oracle.calls == [[1], [3]]
