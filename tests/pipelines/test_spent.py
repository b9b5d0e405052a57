"""What a build has cost is summed over its processes and over the times that it was begun."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
import torch

from editmill.manifests.stages import stage
from editmill.pipelines.build import Display
from editmill.pipelines.shard import Done
from editmill.pipelines.spent import Account, described, total
from editmill.pipelines.workspace import write_run
from tests.manifests.builder import make_row, make_sources

CPU = torch.device("cpu")


def spend(out: Path, *, cost: int) -> None:
    (source,) = make_sources(1)
    row = make_row(source, "original", shards=1).model_copy(update={"cost": cost})
    with stage("fills"):
        # Of what the process did before.
        time.sleep(0.001)
    with Account(out, CPU) as account:
        with stage("networks"):
            pass
        account.add([row, row])


def test_accounts_of_processes_and_of_an_earlier_run_are_added_up(tmp_path: Path) -> None:
    assert described(tmp_path) == ""
    spend(tmp_path, cost=3)
    with pytest.raises(KeyboardInterrupt), Account(tmp_path, CPU):
        raise KeyboardInterrupt
    assert total(tmp_path)["evaluations"] == 6
    told = {"seconds": 2.0, "stages": {"networks": 1.5}, "evaluations": 6, "peak_bytes": 10**10}
    told["accelerator_seconds"] = 5400.0
    write_run(tmp_path, {"spent": told})
    spend(tmp_path, cost=1)
    (tmp_path / ".cache" / "spent" / "damaged.json").write_bytes(b"{")
    spent = total(tmp_path)
    assert spent["evaluations"] == 6 + 6 + 2
    assert spent["stages"]["networks"] >= 1.5
    assert "fills" not in spent["stages"]
    assert spent["accelerator_seconds"] == 5400
    told = "6 network evaluations, 1.50 accelerator hours, at most 10.0 GB of memory a process"
    assert described(tmp_path) == f"time: networks 75%; {told}"


def test_the_display_tells_speed_and_accepted_share_of_what_this_run_did() -> None:
    shown = io.StringIO()
    with Display(total=100, desc="editing", file=shown, disable=False) as display:
        display.advance(Done(0, 0))
        display.advance(Done(60, 45, earlier=True))
        display.start_t -= 30
        display.advance(Done(20, 15))
    last = shown.getvalue().splitlines()[-1]
    assert "80/100 [00:30<00:" in last
    assert "40.0 samples/min, 75% accepted" in last
