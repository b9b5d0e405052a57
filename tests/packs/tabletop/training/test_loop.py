"""The training loop on a task of a few numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from editmill.packs.tabletop.training.loop import Run, Trainer, learning_rate


class TinyTask:
    """Fits a line; stops with an error before ``fails_at``."""

    name = "tiny"
    lr, adam_lr, ema = 0.05, 0.05, 0.9

    def __init__(self, *, steps: int = 6, fails_at: int = -1) -> None:
        self.steps, self.fails_at = steps, fails_at
        self.batches: list[int] = []

    def module(self) -> nn.Module:
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))

    def batch(self, step: int) -> dict[str, Tensor]:
        self.batches.append(step)
        inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(step))
        return {"inputs": inputs, "targets": inputs.sum(dim=1, keepdim=True)}

    def loss(
        self, module: Any, batch: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        if self.batches[-1] == self.fails_at:
            raise RuntimeError("stopped")
        noise = torch.randn(5, 1, generator=generator)
        return (module(batch["inputs"]).float() - batch["targets"] - 0.1 * noise).square().mean(), {"one": 1.0}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert not module.training
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(module.state_dict(), folder / "weights.pt")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The trainer sets the process's number of threads; set it back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run_in(folder: Path, *, seed: int = 0, checkpoint_every: int = 2, log_every: int = 2) -> Run:
    return Run(
        folder=folder / "run",
        weights=folder / "weights",
        threads=1,
        loaders=0,
        seed=seed,
        checkpoint_every=checkpoint_every,
        log_every=log_every,
    )


def train(folder: Path, task: TinyTask, **settings: int) -> dict[str, Tensor]:
    Trainer(task, run_in(folder, **settings)).train()
    return weights(folder)


def weights(folder: Path) -> dict[str, Tensor]:
    return dict(torch.load(folder / "weights" / "weights.pt", weights_only=True))


def equal(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_resumed_training_gives_the_same_weights_bit_for_bit(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", TinyTask())
    with pytest.raises(RuntimeError, match="stopped"):
        train(tmp_path / "parts", TinyTask(fails_at=5))
    resumed = TinyTask()
    torch.manual_seed(99)
    assert equal(train(tmp_path / "parts", resumed), whole)
    # It goes on after the last checkpoint, at step 4.
    assert resumed.batches == [4, 5]


def test_data_begins_at_the_given_step(tmp_path: Path) -> None:
    task = TinyTask(steps=2)
    Trainer(task, replace(run_in(tmp_path), first=40)).train()
    assert task.batches == [40, 41]


def test_training_is_repeatable_and_seeded(tmp_path: Path) -> None:
    first, second, other = (
        train(tmp_path / name, TinyTask(steps=2), seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert equal(first, second)
    assert not equal(first, other)


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    train(tmp_path, TinyTask(steps=150), log_every=10, checkpoint_every=150)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(losses) == 15
    assert losses[-1] < 0.5 * losses[0]


def test_average_follows_the_weights(tmp_path: Path) -> None:
    trainer = Trainer(TinyTask(steps=2), run_in(tmp_path))
    start = {name: value.clone() for name, value in trainer.module.state_dict().items()}
    trainer._train_step(trainer.task.batch(0))
    now = trainer.module.state_dict()
    name = "0.weight"
    assert not torch.equal(now[name], start[name])
    # The first step averages with a decay of 1/10.
    assert torch.allclose(trainer.average[name], start[name] * 0.1 + now[name] * 0.9)
    assert trainer.average["1.num_batches_tracked"].item() == 1


def test_export_saves_the_averaged_weights_of_the_last_checkpoint(tmp_path: Path) -> None:
    trained = train(tmp_path, TinyTask(steps=4))
    (tmp_path / "weights" / "weights.pt").unlink()
    trainer = Trainer(TinyTask(steps=4), run_in(tmp_path))
    raw = {name: value.clone() for name, value in trainer.module.state_dict().items()}
    assert trainer.step == 4
    trainer.export()
    assert equal(weights(tmp_path), trained)
    assert not torch.equal(raw["0.weight"], trained["0.weight"])
    assert torch.equal(trained["0.weight"], trainer.average["0.weight"])
    assert trained["1.num_batches_tracked"].item() == 4


def test_finished_training_trains_no_further(tmp_path: Path) -> None:
    trained = train(tmp_path, TinyTask(steps=2))
    again = TinyTask(steps=2)
    assert equal(train(tmp_path, again), trained)
    assert again.batches == []


def test_step_without_a_finite_gradient_leaves_the_weights_alone(tmp_path: Path) -> None:
    trainer = Trainer(TinyTask(steps=2), run_in(tmp_path))
    batch = {name: value * float("inf") for name, value in trainer.task.batch(0).items()}
    before = {name: value.clone() for name, value in trainer.module.named_parameters()}
    trainer._train_step(batch)
    assert all(torch.equal(value, before[name]) for name, value in trainer.module.named_parameters())


def test_log_holds_means_per_step(tmp_path: Path) -> None:
    train(tmp_path, TinyTask(steps=4))
    entries = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(entry["step"], entry["one"]) for entry in entries] == [(2, 1.0), (4, 1.0)]


def test_log_holds_means_per_step_after_a_resume(tmp_path: Path) -> None:
    # The first entry after a resume between two entries covers fewer steps.
    with pytest.raises(RuntimeError, match="stopped"):
        train(tmp_path, TinyTask(steps=6, fails_at=4), checkpoint_every=2, log_every=3)
    train(tmp_path, TinyTask(steps=6), checkpoint_every=2, log_every=3)
    entries = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(entry["step"], entry["one"]) for entry in entries] == [(3, 1.0), (6, 1.0)]


def test_no_loader_process_keeps_the_networks_threads(tmp_path: Path) -> None:
    run = Run(folder=tmp_path / "run", weights=tmp_path / "weights", threads=2, loaders=0)
    Trainer(TinyTask(steps=1), run).train()
    assert torch.get_num_threads() == 2


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    rates = [learning_rate(step, 1000) for step in range(1001)]
    assert rates[0] == 0.01
    assert rates[99] == rates[100] == 1.0
    assert all(0 <= rate <= 1 for rate in rates)
    assert all(first < second for first, second in pairwise(rates[:100]))
    assert all(first > second for first, second in pairwise(rates[100:]))
    assert rates[550] == pytest.approx(0.5)
    assert rates[1000] == pytest.approx(0, abs=1e-12)
    assert learning_rate(2000, 1000) == pytest.approx(0, abs=1e-12)


def test_learning_rate_of_a_short_training_is_defined() -> None:
    assert [learning_rate(step, 3, warmup=4) for step in range(3)] == [0.25, 0.5, 0.75]


def test_both_optimisers_follow_the_schedule(tmp_path: Path) -> None:
    trainer = Trainer(TinyTask(steps=6), run_in(tmp_path))
    for step in range(3):
        trainer.step = step
        trainer._train_step(trainer.task.batch(step))
        assert [optimiser.param_groups[0]["lr"] for optimiser in trainer.optimisers] == pytest.approx(
            [0.05 * (step + 1) / 100] * 2
        )
