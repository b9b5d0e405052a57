from __future__ import annotations

import pytest
import torch
from torch import Tensor

from editmill.generators.models.fixed_batches import in_fixed_rows


def test_every_call_is_full_and_rows_keep_their_order() -> None:
    sizes = []

    def run(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        sizes.append(len(first))
        return first + second[:, None], second * 2

    first, second = torch.arange(10.0).reshape(5, 2), torch.arange(5.0)
    total, doubled = in_fixed_rows(run, 3, first, second)
    assert sizes == [3, 3]
    assert torch.equal(total, first + second[:, None])
    assert torch.equal(doubled, second * 2)


def test_no_rows_are_an_error() -> None:
    with pytest.raises(ValueError, match="no rows"):
        in_fixed_rows(lambda rows: (rows,), 2, torch.zeros(0, 3))
