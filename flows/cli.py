"""The command line: thin commands over pipelines, manifests and evaluators."""

from __future__ import annotations

import logging
import sys

import click

from editmill.flows.commands.audit import audit
from editmill.flows.commands.build import build, demo, plan, preview
from editmill.flows.commands.calibrate import calibrate
from editmill.flows.commands.convert import convert
from editmill.flows.commands.dataset import evaluate, verify
from editmill.flows.commands.export import export
from editmill.flows.commands.keys import keys
from editmill.flows.commands.listing import models, recipes, show
from editmill.flows.commands.masks import masks
from editmill.flows.commands.push import push
from editmill.flows.commands.refresh import diff, refresh, rollback
from editmill.flows.commands.regate import regate
from editmill.flows.commands.report import report
from editmill.flows.failures import failure_of, stopping_cleanly
from editmill.flows.starting import run, serve
from editmill.manifests.garbage import collect_seldom


class Group(click.Group):
    """Turns errors that a user can put right into one message and an exit code, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            with stopping_cleanly():
                return super().invoke(ctx)
        except BrokenPipeError:
            # A reader such as `head` has seen enough; click ends quietly.
            raise
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (Exception, KeyboardInterrupt) as error:
            failure = failure_of(error)
            if failure is None:
                raise
        code, message = failure
        click.echo(message, err=True)
        sys.exit(code)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first sentence of every command, whole; click itself cuts it."""
        rows = [(name, command.get_short_help_str(limit=1000)) for name, command in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="editmill", prog_name="editmill")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens.")
def main(verbose: bool) -> None:
    """Build robustness benchmarks by generative editing, and evaluate models on them.

    \b
    Examples:
      editmill demo
      editmill plan imagenet-e --source folder:photos/labels.csv
      editmill build imagenet-e --source folder:photos/labels.csv --models tabletop --out out/photos
      editmill evaluate out/photos --model torchvision:squeezenet1_0@squeezenet.safetensors
      editmill export out/photos --format imagenet-e --to out/imagenet-e
    """
    collect_seldom()
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )


for command in (
    audit,
    build,
    calibrate,
    convert,
    demo,
    diff,
    evaluate,
    export,
    keys,
    masks,
    models,
    plan,
    preview,
    push,
    recipes,
    refresh,
    regate,
    report,
    rollback,
    run,
    serve,
    show,
    verify,
):
    main.add_command(command)
