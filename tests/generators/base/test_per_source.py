"""Remembered looks at sources."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.base.per_source import PerSource
from editmill.generators.models.together import ask, side_by_side


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 8))
def test_results_are_right_and_bounded(keys: list[int], capacity: int) -> None:
    results: PerSource[int] = PerSource(capacity)
    assert [results.get(key, lambda key=key: key * key) for key in keys] == [key * key for key in keys]
    assert len(results._results) <= capacity


def test_one_source_is_looked_at_once() -> None:
    results: PerSource[int] = PerSource()
    looks: list[str] = []
    for _ in range(3):
        results.get("a", lambda: looks.append("look") or 1)
    assert looks == ["look"]


def test_jobs_side_by_side_share_a_look_that_waits_for_a_network() -> None:
    results: PerSource[int] = PerSource()
    calls: list[list[int]] = []

    def network(questions: Sequence[int]) -> list[int]:
        calls.append(list(questions))
        return [question + 1 for question in questions]

    found = side_by_side(lambda key: results.get(key, lambda: ask(network, key)), [1, 1, 2, 1, 2], most=4)
    assert found == [2, 2, 3, 2, 3]
    assert calls == [[1, 2]]


def test_a_look_that_failed_with_its_jobs_is_not_waited_for() -> None:
    results: PerSource[int] = PerSource()

    def network(questions: Sequence[int]) -> list[int]:
        raise MemoryError

    def look(key: int) -> int:
        return results.get(key, lambda: ask(network, key))

    try:
        side_by_side(look, [1, 1, 2], most=4)
    except MemoryError:
        # Before the jobs are forgotten, which this error still remembers.
        assert [results.get(key, lambda: 5) for key in (1, 2)] == [5, 5]
