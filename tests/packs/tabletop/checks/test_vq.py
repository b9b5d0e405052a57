"""What the check of the quantised autoencoder says of a broken one."""

from __future__ import annotations

import pytest

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.packs import tabletop
from editmill.packs.tabletop.checks.common import held_out
from editmill.packs.tabletop.checks.vq import reaches_everywhere

PACK = read_pack(tabletop.PACK)


@pytest.fixture
def models() -> Models:
    return Models(PACK, Placement(device="cpu"))


def test_a_decoder_without_input_has_no_gradients(models: Models) -> None:
    model = models.get("vq")
    weight = model.post_quant_conv.weight.clone()
    try:
        model.post_quant_conv.weight.zero_()
        broken = reaches_everywhere(model, next(held_out()))
    finally:
        model.post_quant_conv.weight.copy_(weight)
    assert not broken
    assert reaches_everywhere(model, next(held_out()))
