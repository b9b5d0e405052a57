"""The quantised autoencoder starts as its continuous parent and trains, saves and loads as a stock VQModel."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, VQModel

from packs.tabletop.training.loop import Run, Trainer
from packs.tabletop.training.vq import VQTask, cluster, continuous_start


def tiny_autoencoder() -> AutoencoderKL:
    torch.manual_seed(3)
    return AutoencoderKL(
        latent_channels=4, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, sample_size=32, mid_block_add_attention=False,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    ).eval()


@pytest.fixture
def task(tmp_path: Path) -> VQTask:
    tiny_autoencoder().save_pretrained(tmp_path / "autoencoder")
    return VQTask(steps=2, size=2, entries=16, scenes=2, autoencoder=tmp_path / "autoencoder")


@torch.no_grad()
def test_start_computes_what_the_autoencoder_does_with_its_means() -> None:
    parent = tiny_autoencoder()
    child = continuous_start(parent, entries=8).eval()
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    means = parent.encode(image).latent_dist.mean
    latents = child.encode(image).latents
    torch.testing.assert_close(latents, means)
    torch.testing.assert_close(child.decode(latents, force_not_quantize=True).sample, parent.decode(means).sample)


def test_clusters_lie_on_separate_clouds() -> None:
    torch.manual_seed(0)
    clouds = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])
    points = (clouds[:, None] + 0.1 * torch.randn(4, 50, 2)).flatten(0, 1)
    centres = cluster(points, 40)
    distances = torch.cdist(centres, clouds)
    assert bool((distances.amin(dim=1) < 0.5).all())
    assert set(distances.argmin(dim=1).tolist()) == {0, 1, 2, 3}


def test_codebook_starts_among_the_latents(task: VQTask) -> None:
    torch.manual_seed(0)
    model = task.module()
    batch = task.batch(0)["image"]
    with torch.no_grad():
        latents = model.encode(batch).latents
        quantised = model.quantize(latents)[0]
    assert float((quantised - latents).square().mean()) < 0.6 * float(latents.var())


def test_batch_is_a_pure_function_of_the_step(task: VQTask) -> None:
    first, again, other = task.batch(1), task.batch(1), task.batch(0)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["image"], other["image"])


def test_a_run_moves_encoder_codebook_and_decoder_and_reloads_equal(task: VQTask, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    trainer = Trainer(task, Run(folder=tmp_path / "run", weights=tmp_path / "weights", threads=threads, loaders=0))
    before = {name: value.half() for name, value in trainer.module.state_dict().items()}
    trainer.train()
    after = trainer.module.half().state_dict()
    moved = {name for name, value in after.items() if not torch.equal(before[name], value)}
    assert {"encoder.conv_in.weight", "quantize.embedding.weight", "decoder.conv_out.weight"} <= moved
    loaded = VQModel.from_pretrained(tmp_path / "weights", dtype=torch.float16)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in after.items())
