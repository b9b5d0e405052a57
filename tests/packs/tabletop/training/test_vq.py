"""The quantised autoencoder gets its codebook from finished latents, and trains, saves and loads as a stock VQModel."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import VQModel

from editmill.packs.tabletop.training.loop import Run, Trainer
from editmill.packs.tabletop.training.vq import VQTask, cluster


@pytest.fixture
def task() -> VQTask:
    return VQTask(steps=2, continuous=1, size=2, entries=16, scenes=2, channels=(8, 16))


def test_clusters_lie_on_separate_clouds() -> None:
    torch.manual_seed(0)
    clouds = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])
    points = (clouds[:, None] + 0.1 * torch.randn(4, 50, 2)).flatten(0, 1)
    centres = cluster(points, 40)
    distances = torch.cdist(centres, clouds)
    assert bool((distances.amin(dim=1) < 0.5).all())
    assert set(distances.argmin(dim=1).tolist()) == {0, 1, 2, 3}


def test_the_codebook_is_filled_among_the_latents_when_its_turn_comes(task: VQTask) -> None:
    torch.manual_seed(0)
    model = task.module()
    batches = [task.batch(step) for step in (0, 1)]
    before = model.quantize.embedding.weight.detach().clone()
    task.loss(model, batches[0], torch.Generator())
    assert torch.equal(model.quantize.embedding.weight, before)
    task.loss(model, batches[1], torch.Generator())
    with torch.no_grad():
        latents = model.encode(batches[1]["image"]).latents
        quantised = model.quantize(latents)[0]
    assert float((quantised - latents).square().mean()) < 0.6 * float(latents.var())


def test_batch_is_a_pure_function_of_the_step(task: VQTask) -> None:
    first, again, other = task.batch(1), task.batch(1), task.batch(0)
    assert all(torch.equal(first[name], again[name]) for name in ("image", "cover"))
    assert first["step"] == 1
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
