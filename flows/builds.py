"""The flows that build datasets and keep them up to date: plan, one task per shard, assemble, report. They only
orchestrate.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import Flow, flow

from editmill.flows.building import (
    BatchSize,
    Device,
    RecipeName,
    ShardCount,
    Share,
    VersionCount,
    build_dataset,
    refresh_versions,
)
from editmill.flows.engines import Engine
from editmill.generators.models.choices import Offload, Precision
from editmill.generators.models.placement import Placement
from editmill.pipelines.recipe import load_recipe


def place(
    device: Device = "auto",
    dtype: Precision = "auto",
    offload: Offload = "none",
    batch: BatchSize | None = None,
    compile: bool = False,
    models_dir: Path | None = None,
) -> Placement:
    """Return where models run; these parameters are those of every flow that makes samples."""
    return Placement(device=device, dtype=dtype, offload=offload, models_dir=models_dir, batch=batch, compile=compile)


# Stands for the parameters of `place` in the signatures below.
_PLACED = Placement()


def build_flow(name: str, what: str) -> Flow[..., dict[str, Any]]:
    """Return the flow ``build-NAME``, whose recipe and folder are those of ``name`` unless a run says otherwise.

    Args:
        name: Of a recipe.
        what: What it builds, for the description of the flow.
    """

    def build(
        recipe: RecipeName = name,
        source: str = "",
        models: str = "",
        out: Path = Path("out") / name,
        shards: ShardCount | None = None,
        overrides: list[str] = [],  # noqa: B006 - Prefect shows the default; nothing changes it.
        placement: Placement = _PLACED,
        allow_code: bool = False,
        engine: Engine = "local",
    ) -> dict[str, Any]:
        changes = [*overrides, *([f"shards={shards}"] if shards is not None else [])]
        return build_dataset(
            recipe, source, models, out, changes, placement=placement, allow_code=allow_code, engine=engine
        )

    return _flow(build, f"build-{name}", f"Build {what}, or what is missing of it, and assemble it.\n{_BUILD}")


def refresh_flow() -> Flow[..., dict[str, Any]]:
    """Return the flow ``refresh-dataset``, which a schedule may run again and again."""

    def refresh(
        recipe: RecipeName = "imagenet-e",
        source: str = "",
        models: str = "",
        root: Path = Path("out") / "refreshed",
        max_change: Share = 0.2,
        keep: VersionCount | None = None,
        overrides: list[str] = [],  # noqa: B006 - Prefect shows the default; nothing changes it.
        placement: Placement = _PLACED,
        allow_code: bool = False,
        allow_mixed_environment: bool = False,
        engine: Engine = "local",
    ) -> dict[str, Any]:
        asked = load_recipe(recipe, source=source, models=models, overrides=overrides, allow_code=allow_code)
        mixed = allow_mixed_environment
        return refresh_versions(
            asked, root, placement=placement, most=max_change, keep=keep, mixed=mixed, engine=engine
        )

    return _flow(refresh, "refresh-dataset", _REFRESH)


def _flow(function: Callable[..., dict[str, Any]], name: str, what: str) -> Flow[..., dict[str, Any]]:
    placed = _placed(function)
    placed.__name__ = placed.__qualname__ = name.replace("-", "_")
    # Prefect shows it, arguments included, beside the parameters of a run.
    placed.__doc__ = what
    made: Flow[..., dict[str, Any]] = flow(placed, name=name, flow_run_name="{recipe}-{device}")
    return made


def _placed(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a flow's function that takes the parameters of `place` where ``function`` takes a placement."""
    own, shared = inspect.signature(function, eval_str=True), inspect.signature(place, eval_str=True).parameters
    parameters: list[inspect.Parameter] = []
    for one in own.parameters.values():
        parameters += shared.values() if one.name == "placement" else [one]
    signature = own.replace(parameters=parameters)

    def placed(*args: Any, **kwargs: Any) -> dict[str, Any]:
        given = signature.bind(*args, **kwargs).arguments
        where = place(**{name: given.pop(name) for name in shared if name in given})
        return function(**given, placement=where)

    # Prefect makes the fields of a run from it.
    placed.__signature__ = signature  # type: ignore[attr-defined]
    return placed


_RECIPE = """recipe: A recipe's name, or the path of a YAML file that the worker can read.
    source: Replaces the recipe's source, for example folder:labels.csv; empty keeps it.
    models: Name of a model pack; empty keeps the recipe's."""

_WHERE = """overrides: Further changes of the recipe, each as a.b=value.
    device: auto, cpu, mps, cuda or cuda:0; auto is what the first of the engine's workers has.
    dtype: float32, bfloat16, float16, or auto for bfloat16 where an accelerator computes in it, else float32.
    offload: none, or model to keep idle models in host memory.
    batch: Pictures in one call of a network; none for 1 on the CPU and 8 on an accelerator.
    compile: Whether the networks of pipelines are compiled.
    models_dir: Folder with public checkpoints on the worker; none for the hub cache.
    allow_code: Whether functions that the recipe names may run.
    engine: Where models run: local for this process; dask:tcp://HOST:PORT for the workers of a Dask scheduler;
        dask-local:N for N workers on this machine, each with an accelerator of its own where there are several."""

_BUILD = f"""
Args:
    {_RECIPE}
    out: The dataset's folder, or its URL in an object store; on several machines a shared one.
    shards: Number of shards; none keeps the recipe's, or chooses by estimated cost.
    {_WHERE}

Returns:
    Name, folder, manifest path, fingerprint, number of shards and of accepted samples.

Raises:
    RequestError: The recipe, the source, the models or the folder do not fit.
    DataError: Shards failed, which it names, stored bytes are damaged, the guards err more than the recipe allows, or
        nothing survived of a part of the dataset, such as an edit.
"""

_REFRESH = f"""Bring a dataset up to date: a new version beside the current one, verified before it is switched to.

Args:
    {_RECIPE}
    root: Folder of the versions, or its URL in an object store; on several machines a shared one.
    max_change: Largest share of the current samples that may be gone or made anew.
    keep: How many versions stay; none for all.
    {_WHERE}
    allow_mixed_environment: Whether what other versions of libraries made may be copied.

Returns:
    Folder, version, whether it is new, and how many samples were kept, added, removed and made anew.

Raises:
    RequestError: The recipe, the source, the models or the folder do not fit, or too much would change.
    DataError: As the flows that build; the current version then stays.
"""

build_imagenet_e = build_flow("imagenet-e", "a dataset of attribute edits")
build_xmai = build_flow("xmai", "a dataset of edited captions")
build_watermark = build_flow("watermark", "a dataset of regenerated watermarks")
build_imagenet_g = build_flow("imagenet-g", "a dataset of generated pictures of every class")
build_fmr = build_flow("fmr", "a dataset of latent ascents with their round trips and random walks")
refresh_dataset = refresh_flow()
