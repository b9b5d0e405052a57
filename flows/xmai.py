"""The flow ``build-xmai``: edited captions. It only orchestrates; the work is in `pipelines`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from editmill.flows.building import Device, RecipeName, ShardCount, build_dataset


# One thread: the models of a process serve one shard at a time. Several accelerators are several Dask workers.
@flow(  # type: ignore[untyped-decorator]
    name="build-xmai", flow_run_name="{recipe}-{device}", task_runner=ThreadPoolTaskRunner(max_workers=1)
)
def build_xmai(
    recipe: RecipeName = "xmai",
    source: str = "",
    models: str = "",
    out: Path = Path("out/xmai"),
    shards: ShardCount | None = None,
    overrides: list[str] = [],  # noqa: B006 - Prefect shows the default in the deployment's form; nothing changes it.
    device: Device = "auto",
    models_dir: Path | None = None,
) -> dict[str, Any]:
    """Build a dataset of edited captions, or what is missing of it, and assemble it.

    Args:
        recipe: A recipe's name, or the path of a YAML file that the worker can read.
        source: Replaces the recipe's source, for example coco-captions:captions.json; empty keeps it.
        models: Name of a model pack; empty keeps the recipe's.
        out: The dataset's folder; on several machines a shared one.
        shards: Number of shards; none keeps the recipe's.
        overrides: Further changes of the recipe, each as a.b=value.
        device: Auto, cpu, mps, cuda or cuda:0. On Dask, cuda takes one GPU resource per shard.
        models_dir: Folder with public checkpoints on the worker; none for the hub cache.

    Returns:
        Name, folder, manifest path, fingerprint, number of shards and of accepted samples.

    Raises:
        RequestError: The recipe, the source, the models or the folder do not fit.
        DataError: Shards failed, which it names, or stored bytes are damaged.
    """
    return build_dataset(recipe, source, models, out, shards, overrides, device, models_dir)
