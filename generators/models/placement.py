"""Where models run; torch is imported only to ask which accelerators there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from editmill.manifests.errors import RequestError, first_line

if TYPE_CHECKING:
    import torch

# CUDA's compute capability of the first accelerators that have it (Ampere).
NATIVE_BFLOAT16 = (8, 0)


@dataclass(frozen=True)
class Placement:
    """Where models run.

    Attributes:
        device: A torch device, or "auto" for the one that accelerate finds.
        dtype: Float32, bfloat16, float16, or "auto" for bfloat16 where the accelerator computes in it, else float32.
        offload: "none", or "model" to keep models in host memory until they are used (accelerators only).
        models_dir: Folder with public checkpoints, or None for the hub cache.
        batch: Pictures that share a call of a network; None for 1 on the CPU and 8 elsewhere.
        compile: Whether the networks of pipelines are compiled.
    """

    device: str = "auto"
    dtype: str = "auto"
    offload: str = "none"
    models_dir: Path | None = None
    batch: int | None = None
    compile: bool = False

    @property
    def pictures(self) -> int:
        """Pictures that share a call of a network, chosen."""
        return self.batch or (1 if self.kind == "cpu" else 8)

    @property
    def kind(self) -> str:
        """The kind of device, such as "cuda"; of one that is named this machine needs none."""
        return self.resolve().type if self.device == "auto" else self.device.partition(":")[0]

    @property
    def name(self) -> str:
        """The device, chosen: one that is named, else the kind of those that there are."""
        return self.kind if self.device == "auto" else self.device

    @property
    def precision(self) -> str:
        """The precision, chosen: bfloat16 where every accelerator that the device stands for computes in it."""
        if self.dtype != "auto" or self.kind != "cuda":
            return "float32" if self.dtype == "auto" else self.dtype
        import torch

        capable = all(torch.cuda.get_device_capability(name) >= NATIVE_BFLOAT16 for name in visible(self))
        return "bfloat16" if capable else "float32"

    def settled(self) -> Placement:
        """Return the placement with every choice made: processes with other hardware must make none of their own."""
        return replace(
            self,
            device=self.name,
            dtype=self.precision,
            batch=self.pictures,
            compile=self.compile and self._compiles(),
        )

    def _compiles(self) -> bool:
        from editmill.generators.models.compiling import can_compile

        # A driver may lack what its workers have.
        here = self.kind == "cpu" or visible(self)
        return not here or can_compile(self.resolve())

    def check(self) -> None:
        """Refuse a device that this machine does not have.

        Raises:
            RequestError: It is one.
        """
        if self.device != "cpu":
            self.resolve()

    def resolve(self) -> torch.device:
        """Return the device to run on.

        Raises:
            RequestError: This machine has no such device.
        """
        if self.device != "auto":
            return _usable_device(self.device)
        import torch
        from accelerate import PartialState

        return torch.device(PartialState().device)


def visible(placement: Placement) -> list[str]:
    """Return what a device stands for: every visible accelerator of its kind, unless it names one."""
    if placement.kind not in ("cuda", "xpu") or ":" in placement.name:
        return [placement.name]
    import torch

    return [f"{placement.kind}:{index}" for index in range(getattr(torch, placement.kind).device_count())]


def _usable_device(name: str) -> torch.device:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        fix = "use auto, cpu, cuda, mps or xpu; of several accelerators, cuda:1 is the second"
        raise RequestError(f"there is no device {name!r}", where="--device", fix=fix) from error
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        # A torch without CUDA raises an AssertionError when it is asked for it.
        what = f"the device {name!r} can't be used: {first_line(error)}"
        raise RequestError(what, where="--device", fix="use cpu, or auto for what is there") from error
    return device
