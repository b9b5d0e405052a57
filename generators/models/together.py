"""Jobs side by side: each is written as if it ran alone, and what several ask of a network at once is one call.

Each job runs as a greenlet. One that asks waits until every other has asked too or has ended; then equal kinds of
questions are answered together, in the order of the jobs. So which questions share a call follows from the jobs alone,
never from timing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from greenlet import greenlet  # type: ignore[import-untyped,unused-ignore]

from editmill.generators.models.micro_batches import release_reserved
from editmill.generators.models.model_errors import is_model_error
from editmill.manifests.errors import out_of_memory

logger = logging.getLogger("editmill.making")

J = TypeVar("J")
Q = TypeVar("Q")
A = TypeVar("A")

Answer = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class _Asking:
    """What a job waits for: ``answer`` of a list with ``question`` in it; equal keys share a list."""

    answer: Answer
    question: Any
    key: Hashable


class _Job(greenlet):  # type: ignore[misc]
    """A job that runs beside others."""


def ask(answer: Callable[[Sequence[Q]], Sequence[A]], question: Q, *, key: Hashable = None) -> A:
    """Return the answer to a question; within `side_by_side` together with those of other jobs.

    Args:
        answer: Answers several questions, in their order; a function or a method, equal ones share calls.
        question: This job's.
        key: What questions of one call have in common, such as a size.
    """
    job = greenlet.getcurrent()
    if not isinstance(job, _Job):
        (alone,) = answer([question])
        return alone
    answered: A = job.parent.switch(_Asking(answer, question, key))
    return answered


def side_by_side(work: Callable[[J], A], jobs: Sequence[J], *, most: int) -> list[A]:
    """Return what ``work`` makes of each job.

    Args:
        work: Called once for each job; what it raises ends all of them.
        jobs: The jobs.
        most: Questions in one call; with 1 the jobs run one after another.
    """
    if most == 1:
        return [work(job) for job in jobs]
    running = [_Job(work) for _ in jobs]
    # The first switch hands a job to ``work``, later ones the answers to its questions.
    told: dict[int, Any] = dict(enumerate(jobs))
    results: dict[int, A] = {}
    while told:
        waiting: dict[int, _Asking] = {}
        for number, given in told.items():
            one = running[number]
            said = one.throw(given.error) if isinstance(given, _Failure) else one.switch(given)
            if one.dead:
                results[number] = said
            else:
                waiting[number] = said
        told = _answers(waiting, most)
    return [results[number] for number in range(len(jobs))]


@dataclass(frozen=True)
class _Failure:
    """What answering a question raised."""

    error: Exception


def _answers(waiting: dict[int, _Asking], most: int) -> dict[int, Any]:
    groups: dict[Hashable, list[int]] = {}
    for number, asking in waiting.items():
        groups.setdefault((asking.answer, asking.key), []).append(number)
    found: dict[int, Any] = {}
    for numbers in groups.values():
        for start in range(0, len(numbers), most):
            chunk = numbers[start : start + most]
            answer, questions = waiting[chunk[0]].answer, [waiting[number].question for number in chunk]
            found |= zip(chunk, _answered(answer, questions), strict=True)
    # In the order of the jobs, in which they go on.
    return dict(sorted(found.items()))


def _answered(answer: Answer, questions: list[Any]) -> list[Any]:
    """Answer questions together; in halves where they need too much memory, and one by one where one is bad."""
    try:
        return list(answer(questions))
    except Exception as error:
        if len(questions) == 1:
            return [_Failure(error)]
        if out_of_memory(error):
            logger.warning("%d pictures at once need too much memory; trying half of them", len(questions))
            release_reserved()
            middle = len(questions) // 2
            return _answered(answer, questions[:middle]) + _answered(answer, questions[middle:])
        if not is_model_error(error):
            raise
        return [one for question in questions for one in _answered(answer, [question])]
