"""Options that several commands share, handed to them as one value each."""

from __future__ import annotations

import errno
import functools
import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from editmill.generators.models.choices import Offload, Precision
from editmill.manifests.errors import RequestError
from editmill.manifests.files import refuse_url
from editmill.manifests.threads import usable_cores
from editmill.manifests.urls import connect_store, is_url

if TYPE_CHECKING:
    from editmill.generators.models.placement import Placement
    from editmill.pipelines.plan import Plan
    from editmill.pipelines.recipe import Recipe

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Asked:
    """A recipe with the command line's changes."""

    recipe: str
    source: str
    models: str
    shards: int | None
    overrides: tuple[str, ...]
    allow_code: bool
    rehash: bool

    def load(self) -> Recipe:
        """Read the recipe."""
        from editmill.pipelines.recipe import load_recipe

        changes = (*self.overrides, *((f"shards={self.shards}",) if self.shards else ()))
        return load_recipe(
            self.recipe, source=self.source, models=self.models, overrides=changes, allow_code=self.allow_code
        )

    def plan(self, *, like: Path | None = None) -> Plan:
        """Plan the dataset, in as many shards as one that is like it, and print what a user should know before it is
        built.
        """
        from editmill.pipelines.plan import make_plan

        recipe = self.load()
        if like is not None:
            # It loads what makes samples, and torch with it, which plans do without.
            from editmill.pipelines.reuse import reusable, sharded_like

            recipe = sharded_like(recipe, reusable(like).manifest)
        made = make_plan(recipe, rehash=self.rehash)
        for notice in made.notices():
            click.echo(f"warning: {notice}", err=True)
        return made


@dataclass(frozen=True)
class Machine:
    """Where models run."""

    device: str
    dtype: str
    offload: str
    models_dir: Path | None
    batch: int | None
    compile: bool

    def placement(self) -> Placement:
        """Return the placement.

        Raises:
            RequestError: This machine has no such device.
        """
        from editmill.generators.models.placement import Placement

        placement = Placement(**vars(self))
        placement.check()
        return placement


class LocalPath(click.Path):
    """A path of this machine; addresses of the network are refused, as is what no file system can hold.

    Args:
        folder: Whether it is a folder; else it is a file.
        stores: Whether it may be the URL of an object store, which is given as text.
    """

    def __init__(self, *, folder: bool = False, stores: bool = False) -> None:
        super().__init__(path_type=Path, file_okay=not folder, dir_okay=folder)
        self.stores = stores

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path."""
        text, where = os.fspath(value), "" if param is None else param.get_error_hint(ctx).strip("'")
        if self.stores and is_url(text):
            connect_store(text, where=where)
            return text
        refuse_url(text, where=where)
        try:
            # Reports and rows could not name what is not UTF-8.
            text.encode()
            Path(text).stat()
        except ValueError as error:
            what = f"{text!a} is not UTF-8, or holds a character that no file name can have"
            raise RequestError(what, where=where, fix="name another path") from error
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                short = f"{text[:60]!a}{'…' if len(text) > 60 else ''}"
                what = f"{short} is no path that can be used: {error.strerror}"
                raise RequestError(what, where=where, fix="name another path") from error
        return super().convert(value, param, ctx)


class SourceOption(click.Option):
    """``--source``, whose help lists the sources that are installed."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the names and the help."""
        from editmill.pipelines.sources import source_help

        # Not where the option is made: looking for sources imports the packages that bring them.
        lines = f"{source_help()}; default: the recipe's.".split("; ")
        # Wrapped here, because click breaks names at their hyphens.
        wrapped = [part for line in lines for part in textwrap.wrap(line, 52, break_on_hyphens=False)]
        self.help = "\b\n" + "\n".join(wrapped)
        return super().get_help_record(ctx)


def recipe_options(function: F) -> F:
    """Add RECIPE with --source, --models, --shards, --set, --allow-code and --rehash; the command takes ``asked``."""
    options = (
        click.argument("recipe"),
        click.option("--source", cls=SourceOption, default=""),
        click.option(
            "--models", default="", help="Model pack: tabletop, sd15, or a pack's .yaml file; default: the recipe's."
        ),
        click.option(
            "--shards",
            type=click.IntRange(1),
            help="Number of shards; default: the recipe's, or by estimated cost where it says none.",
        ),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="A.B=VALUE",
            help="Change a field of the recipe, such as source.count=100.",
        ),
        click.option("--allow-code", is_flag=True, help="Run functions that the recipe names (factory)."),
        click.option(
            "--rehash", is_flag=True, help="Read all photographs again, also those that seem unchanged since a plan."
        ),
    )
    return _bundled(function, options, "asked", Asked)


def placement_options(function: F) -> F:
    """Add --device, --dtype, --offload, --batch, --compile and --models-dir; the command takes ``machine``."""
    dtypes, offloads = click.Choice(get_args(Precision)), click.Choice(get_args(Offload))
    folder = LocalPath(folder=True)
    options = (
        click.option(
            "--device",
            default="auto",
            show_default=True,
            help="cpu, cuda (every visible accelerator), cuda:1, mps, or auto.",
        ),
        click.option(
            "--dtype",
            type=dtypes,
            default="auto",
            show_default=True,
            help="Precision; auto is bfloat16 where an accelerator computes in it, else float32. Belongs to a build's "
            "identity.",
        ),
        click.option(
            "--offload", type=offloads, default="none", show_default=True, help="Keep idle models in host memory."
        ),
        click.option(
            "--batch",
            type=click.IntRange(1),
            help="Pictures in one call of a network; belongs to a build's identity.  [default: 1 on the CPU, else 8]",
        ),
        click.option(
            "--compile",
            is_flag=True,
            help="Compile the networks of pipelines, each size once; belongs to a build's identity. Without a compiler "
            "they run as they are.",
        ),
        click.option("--models-dir", type=folder, help="Folder with public checkpoints, as ORGANISATION/NAME."),
    )
    return _bundled(function, options, "machine", Machine)


def workers_option(function: F) -> F:
    """Add --workers; the command takes ``workers``, None for ``default_workers``."""
    option = click.option(
        "--workers",
        type=click.IntRange(1),
        help="Processes, of each accelerator where there are several; default: one per core on the CPU, one per "
        "accelerator.",
    )
    return option(function)


def _bundled(function: F, options: tuple[Callable[[Any], Any], ...], name: str, bundle: type[Any]) -> F:
    """Add options whose values reach the command as one ``bundle`` called ``name``."""

    @functools.wraps(function)
    def run(**given: Any) -> Any:
        values = {field.name: given.pop(field.name) for field in fields(bundle)}
        return function(**given, **{name: bundle(**values)})

    decorated: Any = run
    # click lists what was added last first.
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def scratch_option(function: F) -> F:
    """Add --scratch."""
    help = "Folder below which what goes to an object store is made first.  [default: one in the user's cache]"
    return click.option("--scratch", type=LocalPath(folder=True), help=help)(function)


def cache_option(function: F) -> F:
    """Add --cache; the command takes ``cache``."""
    help = "Folder that keeps removed backgrounds for later builds; without it only a refresh keeps them."
    return click.option("--cache", type=LocalPath(folder=True), help=help)(function)


def default_workers(placement: Placement) -> int:
    """Return one process per core on the CPU, one per accelerator."""
    if placement.kind != "cpu":
        return 1
    return usable_cores()
