"""The flow ``build-imagenet-e``: plan, one task per shard, assemble, report. It only orchestrates; the work is in `pipelines`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.artifacts import ProgressBar, post_dataset
from flows.tasks import collect, log_core_messages, submit_shards
from generators.models.loading import Placement
from manifests.manifest import MANIFEST
from manifests.records import Manifest
from pipelines.build import Prepared, check_complete, finish, prepare
from pipelines.plan import make_plan
from pipelines.recipe import load_recipe

RecipeName = Annotated[str, Field(min_length=1)]
ShardCount = Annotated[int, Field(ge=1, le=100_000)]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|mps|(cuda|xpu)(:\d+)?)$")]


# One thread: the models of a process serve one shard at a time. Several accelerators are several Dask workers.
@flow(  # type: ignore[untyped-decorator]
    name="build-imagenet-e", flow_run_name="{recipe}-{device}", task_runner=ThreadPoolTaskRunner(max_workers=1)
)
def build_imagenet_e(
    recipe: RecipeName = "imagenet-e",
    source: str = "",
    models: str = "",
    out: Path = Path("out/imagenet-e"),
    shards: ShardCount | None = None,
    overrides: list[str] = [],  # noqa: B006 - Prefect shows the default in the deployment's form; nothing changes it.
    device: Device = "auto",
    models_dir: Path | None = None,
) -> dict[str, Any]:
    """Build a dataset, or what is missing of it, and assemble it.

    Args:
        recipe: a recipe's name, or the path of a YAML file that the worker can read.
        source: replaces the recipe's source, for example folder:labels.csv; empty keeps it.
        models: name of a model pack; empty keeps the recipe's.
        out: the dataset's folder; on several machines a shared one.
        shards: number of shards; none keeps the recipe's.
        overrides: further changes of the recipe, each as a.b=value.
        device: auto, cpu, mps, cuda or cuda:0. On Dask, cuda takes one GPU resource per shard.
        models_dir: folder with public checkpoints on the worker; none for the hub cache.

    Returns:
        Name, folder, manifest path, fingerprint, number of shards and of accepted samples.

    Raises:
        RequestError: the recipe, the source, the models or the folder do not fit.
        DataError: shards failed, which it names, or stored bytes are damaged.
    """
    log_core_messages()
    changes = [*overrides, *([f"shards={shards}"] if shards is not None else [])]
    plan = make_plan(load_recipe(recipe, source=source, models=models, overrides=changes))
    # Resolved here, once: a worker with other hardware must not render what this fingerprint does not say.
    resolved = Placement().resolve().type if device == "auto" else device
    prepared = prepare(plan, out.resolve(), Placement(device=resolved, models_dir=models_dir))
    manifest = check_complete(prepared) if prepared.complete else _built(prepared, device)
    post_dataset(manifest, prepared.out)
    return {
        "name": manifest.name, "out": str(prepared.out), "manifest": str(prepared.out / MANIFEST), "fingerprint": manifest.fingerprint,
        "shards": len(manifest.shards), "samples": sum(shard.nsamples for shard in manifest.shards),
    }


def _built(prepared: Prepared, device: str) -> Manifest:
    started = time.time()
    bar = ProgressBar(prepared.plan.recipe.name, shards=prepared.plan.recipe.shards)
    collect(submit_shards(prepared, device=device), out=str(prepared.out), advance=bar.advance)
    return finish(prepared, started=started, engine="prefect")
