"""The deployments of all flows: registered and served from one process, and started by their names."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import httpx
from prefect import serve
from prefect.cli.flow_runs_watching import FlowRunWatchError, watch_flow_run
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import ConcurrencyLimitConfig, DeploymentStatus, FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import EntrypointType, RunnerDeployment
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL
from pydantic import ValidationError
from rich.console import Console

from editmill.flows import builds, finished_datasets
from editmill.manifests.errors import RequestError, first_line

# Every flow, and its deployment of the same name.
FLOWS = {
    made.name: made
    for made in (
        builds.build_imagenet_e,
        builds.build_xmai,
        builds.build_watermark,
        builds.build_imagenet_g,
        builds.build_fmr,
        builds.refresh_dataset,
        finished_datasets.evaluate_dataset,
        finished_datasets.publish_dataset,
    )
}
# The server hands out so many at a time.
PAGE = 200


def deployments(
    crons: Mapping[str, str], parameters: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> list[RunnerDeployment]:
    """Return a deployment per flow, by the flow's name; two runs of one never write a folder at the same time.

    Args:
        crons: When some of them run by themselves, in UTC.
        parameters: What runs of some of them get unless they say otherwise, by the deployment's name.

    Raises:
        RequestError: There is no flow of a name, it has no such parameter, or a line is no cron's.
    """
    for name in (*crons, *parameters):
        if name not in FLOWS:
            raise RequestError(f"no deployment {name!r}", where="--schedule, -p", fix=f"one of {', '.join(FLOWS)}")
        _check_names(name, parameters.get(name, {}), FLOWS[name].parameters.properties)
    for cron in crons.values():
        try:
            CronSchedule(cron=cron)
        except ValidationError as error:
            fix = "minute, hour, day, month, weekday, such as '0 3 * * 1'"
            raise RequestError(f"{cron!r} is not a cron line", where="--schedule", fix=fix) from error
    return [
        flow.to_deployment(
            name,
            cron=crons.get(name),
            parameters=dict(parameters.get(name, {})),
            paused=False,
            concurrency_limit=ConcurrencyLimitConfig(limit=1),
            tags=["editmill"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for name, flow in FLOWS.items()
    ]


def serve_all(crons: Mapping[str, str], parameters: Mapping[str, Mapping[str, Any]], *, limit: int) -> None:
    """Register all deployments and run what is asked of them, until a signal comes.

    Args:
        crons: As for `deployments`.
        parameters: As for `deployments`.
        limit: Runs at the same time.

    Raises:
        RequestError: There is no server; or as `deployments`.
    """
    made = deployments(crons, parameters)
    with _client():
        pass
    # On SIGTERM, Prefect's own handler asks for an end without waiting for it, and the process ends all the same.
    warnings.filterwarnings("ignore", r"coroutine 'Runner\.astop' was never awaited", RuntimeWarning)
    serve(*made, limit=limit)


def start_run(name: str, parameters: Mapping[str, Any]) -> tuple[FlowRun, bool]:
    """Start a run of a deployment, as `prefect deployment run` does.

    Args:
        name: Of the deployment, or FLOW/DEPLOYMENT.
        parameters: Those that differ from the deployment's.

    Returns:
        The run, and whether a worker or `editmill serve` asked for such runs within the last minute.

    Raises:
        RequestError: There is no server, no such deployment, or a parameter does not fit.
    """
    with _client() as client:
        deployment = _find(client, name)
        _check_names(name, parameters, (deployment.parameter_openapi_schema or {}).get("properties", {}))
        try:
            run = client.create_flow_run_from_deployment(deployment.id, parameters=dict(parameters))
        except PrefectHTTPStatusError as error:
            raise _refused(error) from error
        return run, deployment.status == DeploymentStatus.READY


def watch_run(run: FlowRun) -> State[Any] | None:
    """Print what happens in a run until it ends, and return its last state.

    Raises:
        RequestError: The server can't be asked any more.
    """
    try:
        return asyncio.run(watch_flow_run(run.id, Console(soft_wrap=True, highlight=False))).state
    except (FlowRunWatchError, httpx.TransportError) as error:
        raise RequestError(f"the run can't be watched any more: {error}", where=api(), fix="it goes on") from error


def api() -> str:
    """Return the address of the server.

    Raises:
        RequestError: None is set; what is registered on a temporary one would be gone with it.
    """
    url: str | None = PREFECT_API_URL.value()
    if not url:
        fix = "start one with `prefect server start`, then `export PREFECT_API_URL=http://127.0.0.1:4200/api`"
        raise RequestError("no Prefect server is named", where="PREFECT_API_URL", fix=fix)
    return url


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    """Open a client of a server that answers."""
    url = api()
    with get_client(sync_client=True) as client:
        if (error := client.api_healthcheck()) is not None:
            what = f"the Prefect server does not answer: {first_line(error)}"
            fix = "start it with `prefect server start`, or put PREFECT_API_URL right"
            raise RequestError(what, where=url, fix=fix)
        yield client


def _find(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    flow, _, bare = name.rpartition("/")
    wanted = DeploymentFilter(name=DeploymentFilterName(any_=[bare]))
    found = {_full(client, one): one for one in client.read_deployments(deployment_filter=wanted)}
    mine = [one for full, one in found.items() if not flow or full == name]
    if len(mine) == 1:
        return mine[0]
    if mine:
        raise RequestError(f"several deployments are called {name!r}", fix=f"one of {', '.join(sorted(found))}")
    there = ", ".join(sorted(_full(client, one) for one in client.read_deployments(limit=PAGE)))
    register = "register them with `editmill serve`, or with `prefect deploy --all` as docs/orchestration.md says"
    raise RequestError(f"no deployment {name!r}", where=api(), fix=f"one of {there}" if there else register)


def _check_names(deployment: str, parameters: Iterable[str], known: Iterable[str]) -> None:
    for given in parameters:
        if given not in known:
            what = f"{deployment!r} has no parameter {given!r}"
            raise RequestError(what, where="-p", fix=f"one of {', '.join(known)}")


def _full(client: SyncPrefectClient, deployment: DeploymentResponse) -> str:
    return f"{client.read_flow(deployment.flow_id).name}/{deployment.name}"


def _refused(error: PrefectHTTPStatusError) -> RequestError:
    """Return what the server has against the parameters."""
    try:
        said = error.response.json().get("detail")
    except json.JSONDecodeError:
        said = None
    return RequestError(f"the server refuses the run: {said or error}", where="-p", fix="change the parameter")


def parse_parameters(pairs: Sequence[str]) -> dict[str, Any]:
    """Return NAME=VALUE pairs as a mapping; values are JSON, or else text as it stands.

    Raises:
        RequestError: A pair has no equals sign.
    """
    parameters: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise RequestError(f"{pair!r} is not of the form NAME=VALUE", where="-p", fix="such as -p shards=4")
        try:
            parameters[name] = json.loads(value)
        except json.JSONDecodeError:
            parameters[name] = value
    return parameters
