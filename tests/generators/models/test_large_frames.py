"""Frames that an autoencoder takes in tiles."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL

from editmill.generators.models.loading import Models
from editmill.generators.models.networks import LARGEST_FRAME, tile_large_frames
from editmill.generators.models.placement import Placement
from editmill.pipelines.packs import find_pack


@pytest.mark.parametrize(("extra", "tiled"), [(0, False), (16, True)])
def test_only_large_frames_are_tiled_and_have_gradients(extra: int, tiled: bool) -> None:
    torch.manual_seed(0)
    blocks = {"down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2}
    network = AutoencoderKL(block_out_channels=[4, 4], norm_num_groups=2, mid_block_add_attention=False, **blocks)
    pictures, latents = torch.rand(1, 3, 16, LARGEST_FRAME + extra), torch.rand(1, 4, 8, (LARGEST_FRAME + extra) // 2)
    latents.requires_grad_()

    def coded() -> tuple[torch.Tensor, torch.Tensor]:
        return network.encode(pictures).latent_dist.mode(), network.decode(latents).sample

    whole = coded()
    tile_large_frames(network)
    for before, now in zip(whole, coded(), strict=True):
        assert now.shape == before.shape
        assert torch.equal(now, before) is not tiled
    coded()[1].sum().backward()
    assert latents.grad is not None
    assert torch.isfinite(latents.grad).all()


def test_networks_and_parts_of_pipelines_tile() -> None:
    models = Models(find_pack("tabletop"), Placement(device="cpu"))
    for network in (models.get("autoencoder"), models.get("text_to_image").vae):
        assert network.use_tiling
        assert network.tile_sample_min_size == LARGEST_FRAME
