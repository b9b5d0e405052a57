"""What a build has cost: time by stage, network evaluations and memory, summed over its processes and resumptions.

Each process keeps its sums in a small file of its own below the dataset's folder, so that neither a kill nor another
machine loses them; who finishes the dataset adds them up for ``run.json``.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from editmill.generators.models.memory import PeakMemory
from editmill.manifests.atomic import atomic_write
from editmill.manifests.errors import DataError
from editmill.manifests.manifest import RUN
from editmill.manifests.records import SampleRow
from editmill.manifests.seals import parse_object
from editmill.manifests.stages import STAGES, take_seconds
from editmill.manifests.store import Store
from editmill.manifests.versions import current_manifest

if TYPE_CHECKING:
    import torch

FOLDER = Path(".cache") / "spent"
# Seconds between two writes: a kill loses the account of no more.
EVERY = 5.0
# Of those who keep several accounts the highest counts.
PEAK = "peak_bytes"


class Account:
    """What this process spends on one shard.

    Args:
        out: The dataset's folder.
        device: Where the models run, whose memory counts.
    """

    def __init__(self, out: Path, device: torch.device) -> None:
        self._path = out / FOLDER / f"{secrets.token_hex(8)}.json"
        self._memory, self._evaluations, self._accelerated = PeakMemory(device), 0, device.type != "cpu"
        self._stages: dict[str, float] = {}
        self._began = self._wrote = time.monotonic()
        take_seconds()

    def __enter__(self) -> Account:
        return self

    def __exit__(self, *error: object) -> None:
        self.write()

    def add(self, rows: Iterable[SampleRow]) -> None:
        """Count a finished group, and write now and then."""
        self._evaluations += sum(row.cost for row in rows)
        if time.monotonic() - self._wrote >= EVERY:
            self.write()

    def write(self) -> None:
        """Put the sums so far on the disk."""
        self._wrote = time.monotonic()
        self._stages = _added([self._stages, take_seconds()])
        seconds = self._wrote - self._began
        facts = {
            "seconds": seconds,
            "accelerator_seconds": seconds * self._accelerated,
            "stages": self._stages,
            "evaluations": self._evaluations,
            PEAK: self._memory.peak(),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(self._path, json.dumps(facts).encode())


def total(out: Path) -> dict[str, Any]:
    """Return the sum of all accounts of a dataset, that of an earlier finished build of it included, as JSON values.

    Seconds are those of all processes together; of accelerators, those of the processes that ran on one.
    """
    earlier = _read(out / RUN).get("spent", {})
    accounts = [earlier, *map(_read, (out / FOLDER).glob("*.json"))]
    return _summed([account for account in accounts if account])


def _summed(accounts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    stages = _added([account["stages"] for account in accounts])
    return {
        "seconds": round(sum(account["seconds"] for account in accounts), 1),
        # Of a process that has one to itself; earlier programs did not note it.
        "accelerator_seconds": round(sum(account.get("accelerator_seconds", 0.0) for account in accounts), 1),
        "stages": {name: round(seconds, 1) for name, seconds in stages.items()},
        "evaluations": sum(account["evaluations"] for account in accounts),
        PEAK: max((account[PEAK] for account in accounts), default=0),
    }


def _added(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(part.get(name, 0.0) for part in parts) for name in STAGES if any(name in part for part in parts)}


def described(out: str | Path) -> str:
    """Return the account of a finished build, or of the current version, as a line for people; "" without one."""
    store = Store(out)
    try:
        current_manifest(store)
        spent = parse_object(store.read(RUN), where=RUN).get("spent", {})
    except (OSError, DataError):
        return ""
    if not spent.get("seconds"):
        return ""
    # The file's names are sorted.
    stages = {name: spent["stages"][name] for name in STAGES if name in spent["stages"]}
    shares = ", ".join(f"{name} {seconds / spent['seconds']:.0%}" for name, seconds in stages.items())
    memory = f"at most {spent[PEAK] / 1e9:.1f} GB of memory a process"
    hours = spent.get("accelerator_seconds", 0.0) / 3600
    accelerators = f", {hours:.2f} accelerator hours" if hours else ""
    return f"time: {shares}; {spent['evaluations']:,} network evaluations{accelerators}, {memory}"


def _read(path: Path) -> dict[str, Any]:
    """Return a file's JSON, nothing where there is none or it is damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
