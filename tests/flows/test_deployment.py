"""Deployments: real servers, a real worker, and Prefect's own command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from editmill.manifests.reader import open_dataset
from editmill.manifests.verify import verify_dataset
from tests.flows.conftest import ROOT, START_TIMEOUT, Cli, prefect_cli
from tests.flows.tiny import SAMPLES, tiny_arguments

pytestmark = pytest.mark.prefect

DEPLOYMENT = "build-imagenet-e/build-imagenet-e"


@pytest.fixture
def deployed(cli: Cli) -> Cli:
    cli("work-pool", "create", "local", "--type", "process", "--overwrite")
    cli("--no-prompt", "deploy", "--all")
    return cli


def test_a_deployed_run_on_a_worker_builds_a_dataset_that_verifies(deployed: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    deployed("deployment", "run", DEPLOYMENT, *tiny_arguments(out))
    worker = deployed("worker", "start", "--pool", "local", "--run-once")

    with get_client(sync_client=True) as client:
        states = [run.state.name for run in client.read_flow_runs() if run.deployment_id and run.state]
    assert states == ["Completed"], worker.stdout + worker.stderr
    report = verify_dataset(out)
    assert report.ok, report.problems
    assert open_dataset(out).table.num_rows == SAMPLES

    refused = deployed("deployment", "run", "build-imagenet-e", check=False)
    assert refused.returncode == 1
    assert "Invalid deployment name" in refused.stdout + refused.stderr
    unknown = deployed("deployment", "run", DEPLOYMENT, "-p", "steps=3", check=False)
    assert unknown.returncode == 1
    assert "overrides" in unknown.stdout + unknown.stderr, "the parameters that exist should be listed"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The API address of a whole server: the temporary one of the harness runs no scheduler."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (
        (tmp_path / "server.log").open("wb") as log,
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/api", process)
            yield f"http://127.0.0.1:{port}/api"
        finally:
            process.terminate()


def wait_until_healthy(api: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"{api}/health", timeout=5):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.5)
    raise TimeoutError(api)


def ask(api: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{api}/{path}", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def scheduled_runs(api: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = ask(
        api, "flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    )
    return runs


@pytest.mark.slow
def test_the_weekly_schedule_is_off_until_it_is_turned_on(server: str, tmp_path: Path) -> None:
    """Guards the bounds on fastapi and sqlalchemy too: with versions beyond them no run is ever scheduled, without an
    error.
    """
    cli = prefect_cli({**os.environ, "PREFECT_HOME": str(tmp_path / "home"), "PREFECT_API_URL": server})
    cli("work-pool", "create", "local", "--type", "process", "--overwrite")
    cli("--no-prompt", "deploy", "--all")
    (schedule,) = json.loads(cli("deployment", "schedule", "ls", DEPLOYMENT, "--output", "json").stdout)
    assert schedule["active"] is False
    assert not scheduled_runs(server)

    cli("deployment", "schedule", "resume", DEPLOYMENT, schedule["id"])
    deadline = time.monotonic() + 120
    while not scheduled_runs(server) and time.monotonic() < deadline:
        time.sleep(1)
    runs = scheduled_runs(server)
    assert runs
    assert all(run["auto_scheduled"] and run["parameters"]["recipe"] == "imagenet-e" for run in runs)
    assert all(time.strptime(run["expected_start_time"][:10], "%Y-%m-%d").tm_wday == 0 for run in runs), "not Mondays"


@pytest.mark.parametrize("number", [0, 1, 3, 5])
def test_the_file_names_entrypoints_that_exist(number: int) -> None:
    import yaml
    from prefect.flows import load_flow_from_entrypoint

    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert len(deployments) == 6
    deployment = deployments[number]
    flow = load_flow_from_entrypoint(str(ROOT / deployment["entrypoint"]))
    names = (
        DEPLOYMENT,
        "build-xmai/build-xmai",
        "build-watermark/build-watermark",
        "build-imagenet-g/build-imagenet-g",
        "build-fmr/build-fmr",
        "refresh-dataset/refresh-dataset",
    )
    assert f"{flow.name}/{deployment['name']}" == names[number]
    assert set(deployment["parameters"]) <= set(flow.parameters.properties)
