"""The unconditional pixel model trains, saves as a stock DDPMPipeline and samples with its learned variance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMPipeline

from editmill.packs.tabletop.training.loop import Run, Trainer
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.unconditional import (
    EARLY,
    EARLY_SHARE,
    UnconditionalTask,
    spread,
    training_picture,
)
from editmill.packs.tabletop.training.views import resize


@pytest.fixture
def task() -> UnconditionalTask:
    return UnconditionalTask(steps=2, size=2, side=16, channels=(8, 16))


def test_scenes_bare_grounds_and_composites_take_turns() -> None:
    scene = train_scene(0)
    for index, picture in ((0, scene.image), (1, scene.clean)):
        made = ((training_picture(index, 32) + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(np.uint8)
        expected = resize(picture, 32)
        assert np.array_equal(made, expected) or np.array_equal(made[:, ::-1], expected)
    composite = training_picture(2, 32)
    assert composite.shape == (3, 32, 32)
    assert not any(torch.equal(composite, training_picture(index, 32)) for index in (0, 1))


def test_batch_is_a_pure_function_of_the_step(task: UnconditionalTask) -> None:
    assert torch.equal(task.batch(1)["image"], task.batch(1)["image"])
    assert not torch.equal(task.batch(1)["image"], task.batch(0)["image"])


def test_most_timesteps_are_early_and_all_occur() -> None:
    timesteps = spread(torch.linspace(0, 1, 100_001)[:-1])
    assert set(timesteps.tolist()) == set(range(1000))
    assert (timesteps < EARLY).float().mean().item() == pytest.approx(EARLY_SHARE, abs=1e-4)


def test_the_bound_does_not_move_the_noise_prediction(task: UnconditionalTask) -> None:
    class Direct(torch.nn.Module):
        """Its output is its parameter, so gradients tell which channels each part of the loss reaches."""

        def __init__(self) -> None:
            super().__init__()
            self.output = torch.nn.Parameter(torch.zeros(2, 6, 16, 16))

        def forward(self, noisy: torch.Tensor, timesteps: torch.Tensor) -> Direct:
            self.sample = self.output
            self.timesteps, self.noisy = timesteps, noisy
            return self

    module, batch = Direct(), task.batch(0)
    loss, _ = task.loss(module, batch, torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad(loss, module.output)
    generator = torch.Generator().manual_seed(0)
    torch.rand(2, generator=generator)
    noise = torch.randn(batch["image"].shape, generator=generator)
    torch.testing.assert_close(gradient[:, :3], -2 * noise / noise.numel())
    assert bool((gradient[:, 3:] != 0).any())


def test_a_run_reloads_equal_and_samples(task: UnconditionalTask, tmp_path: Path) -> None:
    trainer = Trainer(
        task, Run(folder=tmp_path / "run", weights=tmp_path / "weights", threads=torch.get_num_threads(), loaders=0)
    )
    before = {name: value.half() for name, value in trainer.module.state_dict().items()}
    trainer.train()
    after = trainer.module.half().state_dict()
    moved = {name for name, value in after.items() if not torch.equal(before[name], value)}
    assert {"conv_in.weight", "mid_block.resnets.0.conv1.weight", "conv_out.weight"} <= moved
    pipeline = DDPMPipeline.from_pretrained(tmp_path / "weights", dtype=torch.float16)
    assert all(torch.equal(value, pipeline.unet.state_dict()[name]) for name, value in after.items())
    assert pipeline.scheduler.config.variance_type == "learned_range"

    pipeline.to(torch.float32).set_progress_bar_config(disable=True)
    made = pipeline(
        batch_size=2, num_inference_steps=4, generator=torch.Generator().manual_seed(0), output_type="np"
    ).images
    assert made.shape == (2, 16, 16, 3)
    assert np.isfinite(made).all()
