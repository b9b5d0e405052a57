"""How much memory a piece of work took at most."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
# Resets the peak of the process that Linux keeps.
RESET_PEAK = "5"


class PeakMemory:
    """The peak from when it is made: of a CUDA device, else of the whole process."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(device)
        elif CLEAR.exists():
            CLEAR.write_text(RESET_PEAK)

    def peak(self) -> int:
        """Return the bytes; without Linux's peak, that since the process started."""
        if self.device.type == "cuda":
            import torch

            return int(torch.cuda.max_memory_allocated(self.device))
        if STATUS.exists():
            lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
            return int(lines["VmHWM"].split()[0]) * 1024
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
