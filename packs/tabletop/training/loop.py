"""The training loop that every role shares: deterministic data, resume, log, moving average."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, get_worker_info
from tqdm import tqdm

from editmill.packs.tabletop.training.optim import make_optimisers

logger = logging.getLogger("editmill.training")


class Task(Protocol):
    """What a role brings to the loop."""

    name: str
    steps: int
    lr: float
    adam_lr: float
    ema: float

    def module(self) -> nn.Module:
        """Return the network to train, freshly made (weights are initialised from the seed that the loop has set)."""

    def batch(self, step: int) -> Any:
        """Return training data of one step: a pure function of the step, made in a loader process."""

    def loss(self, module: Any, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of one batch and figures for the log."""

    def save(self, module: nn.Module, folder: Path) -> None:
        """Write the trained network in the format that ``from_pretrained`` reads."""


@dataclass(frozen=True)
class Run:
    """Where and how to train.

    ``threads`` is the number of CPU threads of the network itself; the loader adds ``loaders`` processes. ``first`` is
    the number of the first step's data: training that goes on from other weights sees what those have not seen.
    """

    folder: Path
    weights: Path
    device: str = "cpu"
    threads: int = 2
    loaders: int = 1
    seed: int = 0
    first: int = 0
    checkpoint_every: int = 50
    log_every: int = 20


class _Steps(Dataset[Any]):
    def __init__(self, task: Task, first: int) -> None:
        self.task, self.first = task, first

    def __len__(self) -> int:
        return self.task.steps

    def __getitem__(self, step: int) -> Any:
        # Loaders run beside the threads of the network; with several of their own they would only compete.
        if get_worker_info() is not None:
            torch.set_num_threads(1)
        return self.task.batch(self.first + step)


def learning_rate(step: int, steps: int, *, warmup: int = 100) -> float:
    """Return linear warm-up, then a cosine to zero, as a factor in [0, 1]."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))


def _move(batch: Any, device: str) -> Any:
    if isinstance(batch, Tensor):
        moved = batch.to(device)
        return moved.contiguous(memory_format=torch.channels_last) if moved.ndim == 4 else moved
    if isinstance(batch, dict):
        return {name: _move(value, device) for name, value in batch.items()}
    return batch


class Trainer:
    """Trains one task, continuing from its checkpoint when there is one."""

    def __init__(self, task: Task, run: Run) -> None:
        torch.manual_seed(run.seed)
        torch.set_num_threads(run.threads)
        self.task, self.run = task, run
        # On the CPU most convolutions are faster on channels-last pictures.
        self.module = task.module().to(run.device).to(memory_format=torch.channels_last)
        self.average = {name: value.detach().clone().float() for name, value in self.module.state_dict().items()}
        self.optimisers = make_optimisers(self.module, lr=task.lr, adam_lr=task.adam_lr)
        self.base_rates = [[group["lr"] for group in optimiser.param_groups] for optimiser in self.optimisers]
        self.step = 0
        self.checkpoint = run.folder / "checkpoint.pt"
        if self.checkpoint.exists():
            self._resume()

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True, map_location=self.run.device)
        self.module.load_state_dict(state["module"])
        self.average, self.step = state["average"], state["step"]
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        logger.info("%s: resumed at step %d", self.task.name, self.step)

    def _write_checkpoint(self) -> None:
        state = {
            "module": self.module.state_dict(),
            "average": self.average,
            "step": self.step,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }
        # A run that is killed while it saves keeps the checkpoint before.
        temporary = self.checkpoint.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def _update_average(self) -> None:
        # Early on the average follows faster, or it would remember the random start for long.
        decay = min(self.task.ema, (self.step + 1) / (self.step + 10))
        for name, value in self.module.state_dict().items():
            # Counters, as of batch norms, have no average.
            if value.is_floating_point():
                self.average[name].lerp_(value.detach().float(), 1 - decay)
            else:
                self.average[name] = value.detach().clone()

    def _train_step(self, batch: Any) -> dict[str, float]:
        factor = learning_rate(self.step, self.task.steps)
        for optimiser, rates in zip(self.optimisers, self.base_rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        # By the step, so that a resumed run draws what an uninterrupted one draws.
        generator = torch.Generator().manual_seed(self.run.seed * 1_000_003 + self.step)
        with torch.autocast(self.run.device.split(":")[0], dtype=torch.bfloat16):
            loss, figures = self.task.loss(self.module, _move(batch, self.run.device), generator)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        # A step that overflowed is left out, or it would spoil the weights for good.
        if torch.isfinite(norm):
            for optimiser in self.optimisers:
                optimiser.step()
        self.module.zero_grad(set_to_none=True)
        self._update_average()
        return {"loss": loss.item(), **figures}

    def train(self) -> None:
        """Run to the last step, then save the averaged weights."""
        self.run.folder.mkdir(parents=True, exist_ok=True)
        loader = DataLoader(
            _Steps(self.task, self.run.first),
            # A task makes whole batches.
            batch_size=None,
            # A resumed run goes on behind the data of its last step.
            sampler=range(self.step, self.task.steps),
            num_workers=self.run.loaders,
            prefetch_factor=4 if self.run.loaders else None,
        )
        started, first, logged, totals = time.time(), self.step, self.step, dict[str, float]()
        self.module.train()
        with (self.run.folder / "log.jsonl").open("a") as log:
            for batch in tqdm(loader, initial=self.step, total=self.task.steps, desc=self.task.name, mininterval=10):
                figures = self._train_step(batch)
                totals = {name: totals.get(name, 0.0) + value for name, value in figures.items()}
                self.step += 1
                if self.step % self.run.log_every == 0:
                    entry = {name: round(value / (self.step - logged), 5) for name, value in totals.items()}
                    rate = (self.step - first) / (time.time() - started)
                    log.write(json.dumps({"step": self.step, **entry, "steps_per_s": round(rate, 3)}) + "\n")
                    log.flush()
                    logged, totals = self.step, {}
                if self.step % self.run.checkpoint_every == 0 or self.step == self.task.steps:
                    self._write_checkpoint()
        self.export()

    def export(self) -> None:
        """Save the averaged weights to the pack's folder.

        A folder that is there is replaced as a whole or not at all.
        """
        self.module.load_state_dict(
            {name: value.to(self.module.state_dict()[name].dtype) for name, value in self.average.items()}
        )
        # What a role measures while it saves runs where its data lies.
        self.module.cpu().eval()
        weights = self.run.weights
        weights.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that both moves are renames; the former weights go with this folder.
        with TemporaryDirectory(dir=weights.parent, prefix=f".{weights.name}-") as folder:
            fresh, former = Path(folder) / "fresh", Path(folder) / "former"
            self.task.save(self.module, fresh)
            if weights.exists():
                weights.rename(former)
            fresh.rename(weights)
