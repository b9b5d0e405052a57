"""Commands that serve the deployments and start runs of them; they need a Prefect server."""

from __future__ import annotations

import sys

import click

from editmill.manifests.errors import RequestError


@click.command()
@click.argument("deployment")
@click.option(
    "-p",
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the run: JSON, or text as it stands.",
)
@click.option("--watch", is_flag=True, help="Print what happens until the run ends; exit 1 unless it completes.")
def run(deployment: str, parameters: tuple[str, ...], watch: bool) -> None:
    """Start a run of a deployment on a Prefect server, by the deployment's name alone.

    The same as `prefect deployment run build-imagenet-e/build-imagenet-e`, which takes the longer name only.

    \b
    Examples:
      editmill run build-imagenet-e --watch
      editmill run build-imagenet-e -p recipe=demo -p out=out/trial -p shards=4 -p 'overrides=["source.count=8"]'
    """
    from editmill.flows.deployments import parse_parameters, start_run, watch_run

    started, served = start_run(deployment, parse_parameters(parameters))
    click.echo(f"run {started.name} of {deployment}: {started.id}")
    if not served:
        click.echo("warning: nothing takes runs of it now; start `editmill serve` or a worker of its pool", err=True)
    if not watch:
        return
    try:
        state = watch_run(started)
    except KeyboardInterrupt:
        click.echo(f"no longer watched; `prefect flow-run cancel {started.id}` would stop the run", err=True)
        sys.exit(130)
    if state is None or not state.is_completed():
        click.echo(f"error: run {started.name}: {state}", err=True)
        sys.exit(1)
    click.echo(f"run {started.name}: {state.name}")


@click.command()
@click.option(
    "--schedule",
    "schedules",
    multiple=True,
    metavar="NAME=CRON",
    help="Also run a deployment by itself, in UTC, such as build-imagenet-e='0 3 * * 1'.",
)
@click.option(
    "-p",
    "--param",
    "parameters",
    multiple=True,
    metavar="DEPLOYMENT:NAME=VALUE",
    help="What a deployment's runs get unless they say otherwise, scheduled ones too.",
)
@click.option("--limit", type=click.IntRange(1), default=1, show_default=True, help="Runs at the same time.")
def serve(schedules: tuple[str, ...], parameters: tuple[str, ...], limit: int) -> None:
    """Register all deployments on a Prefect server and run what is asked of them, from this one process.

    Relative folders of runs start where this command was started. A signal stops it, and with it what it runs; the
    same run goes on from its files when it is started again.

    \b
    Examples:
      editmill serve
      editmill serve --schedule refresh-dataset='0 2 * * *' -p refresh-dataset:source=folder:photos/labels.csv
    """
    from editmill.flows.deployments import parse_parameters, serve_all

    crons = {}
    for schedule in schedules:
        name, equals, cron = schedule.partition("=")
        if not equals:
            raise RequestError(f"{schedule!r} is not of the form NAME=CRON", where="--schedule", fix="see --help")
        crons[name] = cron
    given: dict[str, list[str]] = {}
    for parameter in parameters:
        name, colon, pair = parameter.partition(":")
        if not colon or "=" in name:
            raise RequestError(f"{parameter!r} is not of the form DEPLOYMENT:NAME=VALUE", where="-p", fix="see --help")
        given.setdefault(name, []).append(pair)
    serve_all(crons, {name: parse_parameters(pairs) for name, pairs in given.items()}, limit=limit)
