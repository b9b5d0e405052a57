"""Where the tasks of a run are done: by a thread of the flow's own process, or by workers of Dask."""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Annotated, Any

import torch
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from editmill.manifests.errors import RequestError
from editmill.manifests.plugins import install_hint

Engine = Annotated[str, Field(pattern=r"^(local|dask-local:[1-9]\d{0,2}|dask:(tcp|tls)://.+:\d+)$")]


def task_runner(engine: str) -> TaskRunner[Any]:
    """Return what runs the tasks of a flow.

    Args:
        engine: ``local``; ``dask:tcp://HOST:PORT`` for the workers of a scheduler; ``dask-local:N`` for N workers on
            this machine, which live as long as the run.

    Raises:
        RequestError: Dask is not installed.
    """
    if engine == "local":
        # One thread: the models of a process serve one shard at a time.
        return ThreadPoolTaskRunner(max_workers=1)
    try:
        dask = import_module("prefect_dask")
    except ImportError as error:
        what = f"the engine {engine!r} needs the package {error.name!r}"
        raise RequestError(what, where="engine", fix=install_hint("generate,dask")) from error
    place, _, rest = engine.partition(":")
    if place == "dask":
        return dask.DaskTaskRunner(address=rest)
    return dask.DaskTaskRunner(cluster_class=local_cluster, cluster_kwargs={"workers": int(rest)})


def local_cluster(workers: int) -> Any:
    """Start a scheduler and workers of one thread on this machine; of several accelerators each sees its own."""
    distributed = import_module("distributed")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    devices = visible if visible != [""] else [str(index) for index in range(torch.cuda.device_count())]

    def worker(number: int) -> dict[str, Any]:
        alone = {"env": {"CUDA_VISIBLE_DEVICES": devices[number % len(devices)]}} if devices else {}
        options = {"nthreads": 1, "resources": {"GPU": 1}, "dashboard": False, "silence_logs": logging.WARNING, **alone}
        return {"cls": distributed.Nanny, "options": options}

    # Its pages are not shown, but it opens a port for them, which a scheduler beside it may have.
    scheduler = {"host": "127.0.0.1", "port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    return distributed.SpecCluster(
        workers={number: worker(number) for number in range(workers)},
        scheduler={"cls": distributed.Scheduler, "options": scheduler},
    )


def accelerator_slot(runner: TaskRunner[Any], device: str) -> AbstractContextManager[Any]:
    """Have tasks that are submitted within the block take one ``GPU`` each of what Dask's workers offer.

    Nothing is taken on other devices than CUDA's, nor where no worker offers any.
    """
    client = getattr(runner, "client", None)
    if client is None or not device.startswith("cuda"):
        return nullcontext()
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    if not any(worker["resources"].get("GPU") for worker in workers):
        return nullcontext()
    slot: AbstractContextManager[Any] = import_module("dask").annotate(resources={"GPU": 1})
    return slot
