from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from editmill.generators.attribute.rendering import AttributeRenderer
from editmill.generators.attribute.settings import AttributeSettings, EditSettings
from editmill.generators.models.inpainter import InpaintRequest
from editmill.generators.models.lama import Lama
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import ModelError
from tests.generators.pictures import disc, job, photo


class Mean(nn.Module):
    """Fills the hole with the mean colour of what it is shown, by LaMa's interface."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        mean = image.sum(dim=(2, 3), keepdim=True) / (1 - mask).sum()
        return image * (1 - mask) + mean * mask


@pytest.fixture
def pack(tmp_path: Path, pack: PackSpec) -> PackSpec:
    """The tiny pack with a TorchScript file for removal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(Mean()).save(tmp_path / "big-lama.pt")  # type: ignore[no-untyped-call]
    entry = RoleEntry(cls="torch.jit.ScriptModule", path=str(tmp_path), licence="Apache-2.0")
    return pack.model_copy(update={"name": "lama", "roles": {**pack.roles, "removal": entry}})


def test_the_hole_is_filled_whatever_the_size(pack: PackSpec) -> None:
    image = photo()[:61, :93]
    hole = disc()[:61, :93] > 0
    filled = Lama(Models(pack, Placement(device="cpu"))).fill(InpaintRequest(image, hole, "", 0))
    assert filled.shape == image.shape
    assert np.array_equal(filled[~hole], image[~hole])
    assert filled[hole].std(axis=0).max() == 0
    assert filled[hole][0] == pytest.approx(image[~hole].mean(axis=0), abs=4)


def test_a_pack_with_the_role_removes_with_it(pack: PackSpec) -> None:
    settings = AttributeSettings(edits=(EditSettings(name="size"),))
    renderer = AttributeRenderer(settings, Models(pack, Placement(device="cpu")), recipe_seed=0)
    (candidate,) = renderer.render([job("size", level=0.05)])
    assert candidate.cost == 1
    assert candidate.removed is not None
    assert candidate.removed[28:32, 38:42].std() < 12


def test_another_file_is_refused(pack: PackSpec) -> None:
    Path(pack.roles["removal"].path, "big-lama.pt").write_bytes(b"no archive")
    models = Models(pack.model_copy(update={"name": "damaged"}), Placement(device="cpu"))
    with pytest.raises(ModelError, match=r"torch\.jit\.ScriptModule"):
        models.get("removal")
