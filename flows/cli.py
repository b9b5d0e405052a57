"""The command line: thin commands over pipelines, manifests and evaluators."""

from __future__ import annotations

import logging
import sys
from concurrent.futures.process import BrokenProcessPool

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
from editmill.flows.commands.regate import regate
from editmill.flows.extras import extra_of
from editmill.manifests.errors import EditmillError, RequestError, exhausted, out_of_memory


class Group(click.Group):
    """Turns errors that a user can put right into one message and an exit code, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except EditmillError as error:
            code, message = error.exit_code, f"error: {error}"
        except KeyboardInterrupt:
            # 128 + SIGINT, as shells count.
            code, message = 130, "stopped; run the same command again to go on"
        except BrokenProcessPool:
            what = "a worker process was killed, perhaps for memory"
            code, message = 1, f"error: {what}\n  fix: run the same command again with fewer --workers"
        except BrokenPipeError:
            # A reader such as `head` has seen enough; click ends quietly.
            raise
        except OSError as error:
            lines = (
                f"error: {error.strerror or error}",
                f"where: {error.filename or 'disk'}",
                "fix: put it right and run the same command again",
            )
            code, message = 1, "\n  ".join(lines)
        except ModuleNotFoundError as error:
            extra = extra_of(error.name or "")
            if not extra:
                raise
            missing = f"this command needs the package {error.name!r}\n  fix: pip install 'editmill[{extra}]'"
            code, message = RequestError.exit_code, f"error: {missing}"
        except Exception as error:
            if not out_of_memory(error):
                raise
            told = exhausted(error)
            code, message = told.exit_code, f"error: {told}"
        click.echo(message, err=True)
        sys.exit(code)


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
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )


for command in (
    audit,
    build,
    calibrate,
    convert,
    demo,
    evaluate,
    export,
    keys,
    masks,
    models,
    plan,
    preview,
    recipes,
    regate,
    show,
    verify,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
