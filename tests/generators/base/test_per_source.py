"""Remembered looks at sources."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.base.per_source import PerSource


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
