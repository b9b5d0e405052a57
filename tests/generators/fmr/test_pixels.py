from __future__ import annotations

import numpy as np
import torch

from editmill.generators.fmr.pixels import png_round_trip, stored_levels, to_images, to_tensor
from tests.generators.pictures import photo


def test_pictures_survive_tensors_and_files() -> None:
    image = photo(1)
    levels = stored_levels(to_tensor([image], torch.device("cpu")))
    assert np.array_equal(to_images(levels)[0], image)
    assert np.array_equal(png_round_trip(image), image)


def test_rounding_is_straight_through_and_clamping_is_not() -> None:
    pictures = torch.tensor([[-1.5, -0.3, 0.301, 1.2]]).reshape(1, 1, 2, 2).expand(1, 3, 2, 2).clone().requires_grad_()
    levels = stored_levels(pictures)
    assert torch.equal(levels, levels.round())
    assert levels.min() == 0
    assert levels.max() == 255
    (gradient,) = torch.autograd.grad(levels.sum(), pictures)
    assert torch.allclose(gradient[0, 0], torch.tensor([[0.0, 127.5], [127.5, 0.0]]))
