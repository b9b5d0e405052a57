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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker

from editmill.flows.cli import main
from editmill.flows.deployments import FLOWS
from editmill.manifests.reader import open_dataset
from editmill.manifests.verify import verify_dataset
from tests.flows.conftest import ROOT, START_TIMEOUT, Cli, prefect_cli
from tests.flows.tiny import RECIPE, SAMPLES, tiny_arguments
from tests.pipelines.photos import write_photos

pytestmark = pytest.mark.prefect

DEPLOYMENT = "build-imagenet-e/build-imagenet-e"


@pytest.fixture(scope="module")
def deployed(prefect_environment: dict[str, str]) -> Cli:
    cli = prefect_cli(prefect_environment)
    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="local", type="process", base_job_template=template))
    cli("--no-prompt", "deploy", "--all")
    return cli


def test_a_deployed_run_on_a_worker_builds_a_dataset_that_verifies(deployed: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    started = editmill("run", "build-imagenet-e", *tiny_arguments(out))
    assert started.exit_code == 0, started.output
    worker = deployed("worker", "start", "--pool", "local", "--run-once")

    with get_client(sync_client=True) as client:
        states = [run.state.name for run in client.read_flow_runs() if run.deployment_id and run.state]
    assert states == ["Completed"], worker.stdout + worker.stderr
    report = verify_dataset(out)
    assert report.ok, report.problems
    assert open_dataset(out).table.num_rows == SAMPLES


def editmill(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build-imagenet",), "one of build-"),
        (("other/build-imagenet-e",), "no deployment 'other/build-imagenet-e'"),
        ((DEPLOYMENT, "-p", "steps=3"), "no parameter 'steps'"),
        ((DEPLOYMENT, "-p", "shards=0"), "less than the minimum of 1"),
        ((DEPLOYMENT, "-p", "shards"), "not of the form NAME=VALUE"),
    ],
    ids=lambda value: str(value[-1]),
)
def test_a_run_that_can_not_start_says_why(deployed: Cli, arguments: tuple[str, ...], said: str) -> None:
    result = editmill("run", *arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:9/api"])
def test_without_a_server_run_and_serve_say_how_to_start_one(address: str | None) -> None:
    with temporary_settings({PREFECT_API_URL: address}):
        for arguments in (("run", DEPLOYMENT), ("serve",)):
            result = editmill(*arguments)
            assert (result.exit_code, "prefect server start" in result.stderr) == (2, True), result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--schedule", "refresh-dataset=daily"), "'daily' is not a cron line"),
        (("--schedule", "refresh=0 2 * * *"), "no deployment 'refresh'"),
        (("-p", "refresh-dataset:rot=out"), "no parameter 'rot'"),
        (("-p", "root=out"), "not of the form DEPLOYMENT:NAME=VALUE"),
    ],
    ids=lambda value: str(value[-1]),
)
def test_what_can_not_be_served_is_refused(arguments: tuple[str, ...], said: str) -> None:
    result = editmill("serve", *arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output


@pytest.mark.slow
def test_one_process_serves_all_deployments(server: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "home"), "PREFECT_API_URL": server}
    command = [sys.executable, "-m", "editmill"]
    schedule = ["--schedule", "build-xmai=0 4 * * 1"]
    with (
        (tmp_path / "serve.log").open("wb") as log,
        subprocess.Popen([*command, "serve", *schedule], cwd=tmp_path, env=environment, stderr=log) as serving,
    ):
        try:
            deadline = time.monotonic() + START_TIMEOUT
            while len(found := ask(server, "deployments/filter", {})) < len(FLOWS) and time.monotonic() < deadline:
                time.sleep(1)
            assert {one["name"] for one in found} == set(FLOWS)
            crons = {one["name"]: [each["schedule"]["cron"] for each in one["schedules"]] for one in found}
            assert [name for name, mine in crons.items() if mine] == ["build-xmai"]
            run = [*command, "run", "build-imagenet-e", *tiny_arguments(Path("out")), "--watch"]
            assert subprocess.run(run, env=environment, timeout=START_TIMEOUT).returncode == 0
        finally:
            serving.terminate()
    assert (serving.returncode, "Warning" in (tmp_path / "serve.log").read_text()) == (0, False)
    assert verify_dataset(tmp_path / "out").ok


@pytest.mark.slow
def test_a_schedule_refreshes_what_changed_and_nothing_else(server: str, tmp_path: Path) -> None:
    labels, root = write_photos(tmp_path / "photos"), tmp_path / "set"
    given: dict[str, object] = {
        "recipe": RECIPE,
        "source": f"folder:{labels}",
        "root": str(root),
        "device": "cpu",
        "max_change": 1,
    }
    edits = "generator.edits=[{name: original}, {name: paste-back}]"
    given["overrides"] = json.dumps([edits, "shards=2", "version=1.0.0"])
    parameters = [word for name, value in given.items() for word in ("-p", f"refresh-dataset:{name}={value}")]
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "home"), "PREFECT_API_URL": server}
    command = [sys.executable, "-m", "editmill", "serve", "--schedule", "refresh-dataset=* * * * *", *parameters]

    def wait_for(what: Callable[[], object]) -> None:
        deadline = time.monotonic() + 2 * START_TIMEOUT
        while not what():
            assert time.monotonic() < deadline, completed(server)
            time.sleep(1)

    with subprocess.Popen(command, cwd=tmp_path, env=environment) as serving:
        try:
            wait_for(lambda: (root / "current.json").exists())
            assert open_dataset(root).manifest.version == "1.0.0"
            Image.new("RGB", (96, 64), "gray").save(tmp_path / "photos/images/p1.png")
            wait_for(lambda: open_dataset(root).manifest.version == "2.0.0")
            runs = len(completed(server))
            wait_for(lambda: len(completed(server)) > runs + 1)
        finally:
            serving.terminate()
    assert open_dataset(root, verify=True).manifest.version == "2.0.0"
    changes = json.loads((root / "current/changes.json").read_text())
    assert (changes["causes"], changes["counts"]["made_anew"], changes["counts"]["kept"]) == ({"source": 2}, 2, 6)
    last = completed(server)[-1]
    assert last["auto_scheduled"]
    tasks = ask(server, "task_runs/filter", {"flow_runs": {"id": {"any_": [last["id"]]}}})
    assert [task["name"] for task in tasks] == ["find-device"], "models are loaded by other tasks"
    (said,) = ask(server, "artifacts/filter", {"flow_runs": {"id": {"any_": [last["id"]]}}})
    assert said["description"] == f"{RECIPE} 2.0.0 is up to date, nothing was built"


def completed(api: str) -> list[dict[str, Any]]:
    """Return the runs that are completed, the oldest first."""
    body = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}, "sort": "START_TIME_ASC"}
    runs: list[dict[str, Any]] = ask(api, "flow_runs/filter", body)
    return runs


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


def test_the_file_names_every_flow_and_entrypoints_that_exist() -> None:
    import yaml
    from prefect.flows import load_flow_from_entrypoint

    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert [entry["name"] for entry in entries] == list(FLOWS)
    for entry in entries:
        flow = load_flow_from_entrypoint(entry["entrypoint"])
        assert flow.name == entry["name"]
        # Of a file, Prefect makes a module that schedulers and workers of Dask can't import.
        assert flow.fn.__module__ in entry["entrypoint"]
        assert set(entry.get("parameters", {})) <= set(flow.parameters.properties)
