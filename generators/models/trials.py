"""Trying every role of a pack on this machine: does it load, how long does it take, how exact is it."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, replace

import torch

from editmill.generators.models.checkpoints import is_present, tell_variant
from editmill.generators.models.loading import Models, forget
from editmill.generators.models.memory import PeakMemory
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.generators.models.trial import count_parameters, deviation, try_forward, try_samples
from editmill.manifests.errors import ModelError, first_line, out_of_memory


@dataclass(frozen=True)
class Trial:
    """The outcome of one role.

    Attributes:
        role: Its name.
        checkpoint: Hub id or folder.
        revision: Commit of what lies on the disk, "" for embedded weights.
        licence: As the pack says.
        parameters: Of all networks.
        load_seconds: Time to load.
        run_seconds: Time of one tiny forward pass.
        peak_bytes: Most memory: of the device, or of the whole process on the CPU.
        precision: What it ran in.
        deviation: Largest difference from float32 on ten samples, relative to the largest value; None in float32.
        missing: Whether its checkpoint is not on this machine, as the pack describes it.
        problem: What is wrong, or "".
        fix: What to do about it, such as the download command.
    """

    role: str
    checkpoint: str
    licence: str
    revision: str = ""
    parameters: int = 0
    load_seconds: float = 0.0
    run_seconds: float = 0.0
    peak_bytes: int = 0
    precision: str = ""
    deviation: float | None = None
    missing: bool = False
    problem: str = ""
    fix: str = ""


def try_role(pack: PackSpec, role: str, placement: Placement) -> Trial:
    """Load a role, run it once, and compare it with float32 where the placement has another precision.

    What was loaded before is let go of, so that memory is the role's own.
    """
    entry = pack.entry(role)
    trial = Trial(role, entry.repo or entry.made or entry.path, entry.licence)
    try:
        return _measured(trial, pack, placement)
    except ModelError as error:
        missing = not is_present(pack, role, placement.models_dir)
        return replace(trial, missing=missing, problem=error.what, fix=error.fix)
    # Whatever a model's own code raises is a result here.
    except Exception as error:
        problem = "out of memory" if out_of_memory(error) else f"{type(error).__name__}: {first_line(error)}"
        return replace(trial, problem=problem)
    finally:
        _release()


def _measured(trial: Trial, pack: PackSpec, placement: Placement) -> Trial:
    models, precision = Models(pack, placement), placement.precision
    found_at = models.checkpoint(trial.role)
    tell_variant(pack, trial.role, found_at)
    memory, started = PeakMemory(models.device), time.perf_counter()
    parameters = count_parameters(models.get(trial.role))
    loaded = time.perf_counter()
    found = try_forward(models, trial.role)
    ended = time.perf_counter()
    trial = replace(
        trial,
        revision=found_at.revision,
        precision=precision,
        parameters=parameters,
        load_seconds=loaded - started,
        run_seconds=ended - loaded,
        peak_bytes=memory.peak(),
    )
    if any(value.isnan().any() for value in found):
        return replace(trial, problem=f"it gives values that are no numbers in {precision}")
    if precision == "float32":
        return trial
    rounded = try_samples(models, trial.role)
    del models
    _release()
    exact = try_samples(Models(pack, replace(placement, dtype="float32")), trial.role)
    return replace(trial, deviation=deviation(rounded, exact))


def _release() -> None:
    forget()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
