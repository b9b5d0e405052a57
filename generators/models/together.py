"""Jobs side by side: each is written as if it ran alone, and what several ask of a network at once is one call.

Each job runs as a greenlet. One that asks waits until every other has asked too or has ended; then equal kinds of
questions are answered together, in the order of the jobs. So which questions share a call follows from the jobs alone,
never from timing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from greenlet import greenlet  # type: ignore[import-untyped,unused-ignore]

from editmill.generators.models.micro_batches import in_micro_batches
from editmill.generators.models.model_errors import is_model_error
from editmill.manifests.errors import out_of_memory

J = TypeVar("J")
Q = TypeVar("Q")
A = TypeVar("A")

Answer = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class _Asking:
    """What a job waits for: ``answer`` of a list with its ``questions`` in it; equal keys share a list."""

    answer: Answer
    questions: Sequence[Any]
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
    (answered,) = ask_each(answer, [question], key=key)
    return answered


def ask_each(answer: Callable[[Sequence[Q]], Sequence[A]], questions: Sequence[Q], *, key: Hashable = None) -> list[A]:
    """Return the answers to several questions, as ``ask`` does."""
    job = greenlet.getcurrent()
    if not isinstance(job, _Job) or _without_gradients():
        return list(answer(questions))
    answered: list[A] = job.parent.switch(_Asking(answer, questions, key))
    return answered


def wait() -> None:
    """Let the jobs beside this one go on until they ask."""
    ask(_nothing, None)


def _nothing(questions: Sequence[None]) -> Sequence[None]:
    return questions


def _without_gradients() -> bool:
    """Return whether this job is within one of torch's modes, which belong to the thread: another job may not run."""
    import torch

    return torch.is_inference_mode_enabled() or not torch.is_grad_enabled()


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
    try:
        return _finished(running, jobs, most)
    finally:
        # Where one has failed, the others end here, and not whenever they are forgotten.
        for one in running:
            one.throw()


def _finished(running: Sequence[_Job], jobs: Sequence[J], most: int) -> list[Any]:
    # The first switch hands a job to its work, later ones the answers to its questions.
    told: dict[int, Any] = dict(enumerate(jobs))
    results: dict[int, Any] = {}
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
        questions = [question for number in numbers for question in waiting[number].questions]
        answers = iter(in_micro_batches(questions, most, partial(_answered, waiting[numbers[0]].answer)))
        for number in numbers:
            mine = list(islice(answers, len(waiting[number].questions)))
            found[number] = next((one for one in mine if isinstance(one, _Failure)), mine)
    # In the order of the jobs, in which they go on.
    return dict(sorted(found.items()))


def _answered(answer: Answer, questions: Sequence[Any]) -> list[Any]:
    """Answer questions together; one by one where one of them is bad, so that it fails alone."""
    try:
        return list(answer(questions))
    except Exception as error:
        if out_of_memory(error):
            raise
        if len(questions) == 1:
            return [_Failure(error)]
        if not is_model_error(error):
            raise
    return [one for question in questions for one in _answered(answer, [question])]
