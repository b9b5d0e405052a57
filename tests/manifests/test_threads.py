from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest

from editmill.manifests.threads import AHEAD, in_threads, usable_cores


def test_results_come_in_the_order_of_the_items_whoever_is_first() -> None:
    drawn, names = random.Random(1), set[int]()
    waits = [drawn.random() / 500 for _ in range(100)]

    def wait(number: int) -> int:
        time.sleep(waits[number])
        names.add(threading.get_ident())
        return number

    assert list(in_threads(wait, range(100))) == list(range(100))
    assert 1 <= len(names) <= usable_cores()


def test_few_items_are_taken_ahead_and_the_first_error_is_raised() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in count():
            taken.append(number)
            yield number

    results = in_threads(lambda number: 1 // (number - 3), items())
    assert [next(results) for _ in range(3)] == [-1, -1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(taken) <= AHEAD * usable_cores() + 4
