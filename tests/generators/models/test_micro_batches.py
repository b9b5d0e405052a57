from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.models.micro_batches import halving, in_micro_batches


class Device:
    """Has room for ``room`` items at once, and counts what it made."""

    def __init__(self, room: int) -> None:
        self.room, self.made, self.sizes = room, list[int](), list[int]()

    def __call__(self, seeds: Sequence[int]) -> list[int]:
        self.sizes.append(len(seeds))
        if len(seeds) > self.room:
            raise torch.OutOfMemoryError("too much")
        self.made += seeds
        return [seed * seed for seed in seeds]


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 9), st.integers(1, 9))
def test_the_same_seeds_are_made_once_whatever_fits(seeds: list[int], size: int, room: int) -> None:
    device = Device(room)
    assert in_micro_batches(seeds, size, device) == [seed * seed for seed in seeds]
    assert device.made == seeds


def test_a_halved_size_stays() -> None:
    device = Device(3)
    in_micro_batches(list(range(10)), 8, device)
    assert device.sizes == [8, 4, 2, 2, 2, 2, 2]


def test_one_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        in_micro_batches([1, 2], 2, Device(0))


def test_other_errors_pass() -> None:
    def broken(size: int) -> int:
        raise RuntimeError("bad picture")

    with pytest.raises(RuntimeError, match="bad picture"):
        halving(broken, 4)
    assert halving(lambda size: size * 10, 4) == (40, 4)
