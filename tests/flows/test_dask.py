"""Flows on Dask, chosen by the parameter ``engine``: one process per slot."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from prefect.task_runners import ThreadPoolTaskRunner

from editmill.flows.builds import build_imagenet_e, build_imagenet_g
from editmill.flows.engines import accelerator_slot, local_cluster
from editmill.generators.models import loading
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import DataError
from editmill.manifests.growing import PART_SUFFIX
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.stats import shard_stem, stats_path
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from tests.flows.tiny import OVERRIDES, RECIPE, tiny_prepared

distributed = pytest.importorskip("distributed", reason="needs the extra `dask`")
pytest.importorskip("prefect_dask", reason="needs the extra `dask`")

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.usefixtures("prefect_environment")]

LONGER = ["source.count=24", "shards=4", *OVERRIDES[1:]]
GUARDED = [
    "source.count=2",
    "shards=1",
    "generator.quota=1",
    "calibration.source.count=16",
    "guard.far_upper_limit=1",
    "guard.frr_limit=1",
]


@pytest.fixture
def client() -> Iterator[Any]:
    """A client of two workers, each with one thread."""
    with local_cluster(2) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


def test_shards_run_on_dask_workers_and_failed_ones_are_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepared = tiny_prepared(out)
    prepared.lock.release()
    # A folder where a shard's last file goes.
    blocked = stats_path(out / prepared.plan.recipe.split, shard_stem(prepared.plan.recipe.name, 0))
    blocked.mkdir(parents=True)
    asked: dict[str, Any] = {"recipe": RECIPE, "overrides": OVERRIDES, "out": out, "engine": "dask-local:2"}

    with pytest.raises(DataError, match="1 of 2 shards failed"):
        build_imagenet_e(device="cpu", **asked)
    assert not (out / MANIFEST).exists()
    blocked.rmdir()
    build_imagenet_e(device="auto", **asked)
    assert verify_dataset(out).ok


def kill_a_busy_worker(client: Any, out: Path, over: Event) -> int:
    """Kill one of two workers as soon as both have written a part of a shard; return how many such parts there are."""
    while not over.wait(0.01):
        busy = [worker for worker, tasks in client.processing().items() if any("shard" in task for task in tasks)]
        journals = [path for path in out.glob(f"test/.*.journal{PART_SUFFIX}") if path.read_bytes().count(b"\n") > 1]
        if len(busy) == len(journals) == 2:
            os.kill(client.run(os.getpid, workers=busy[:1])[busy[0]], signal.SIGKILL)
            return len(journals)
    raise TimeoutError("the flow was over before both workers were in the middle of a shard")


def test_a_worker_that_is_killed_changes_no_byte(client: Any, tmp_path: Path) -> None:
    core = make_plan(load_recipe(RECIPE, overrides=LONGER))
    build(prepare(core, tmp_path / "core", Placement(device="cpu", batch=2)), progress=False)
    out, before, over = tmp_path / "flow", client.run(os.getpid), Event()
    engine = f"dask:{client.scheduler.address}"
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill_a_busy_worker, client, out, over)
        try:
            build_imagenet_e(recipe=RECIPE, overrides=LONGER, out=out, device="cpu", batch=2, engine=engine)
        finally:
            # The pool waits for its thread, also where the flow fails or is interrupted.
            over.set()
        assert killed.result() == 2
    assert set(client.run(os.getpid).values()) != set(before.values())
    assert (tmp_path / "core" / MANIFEST).read_bytes() == (out / MANIFEST).read_bytes()
    assert verify_dataset(out).ok


def test_guards_are_calibrated_on_a_worker(tmp_path: Path) -> None:
    loading.forget()
    built = build_imagenet_g(overrides=GUARDED, out=tmp_path / "flow", device="cpu", engine="dask-local:1")
    assert not loading._loaded, "the flow's own process loaded a model"
    assert verify_dataset(tmp_path / "flow").ok
    plan = make_plan(load_recipe("imagenet-g", overrides=GUARDED))
    build(prepare(plan, tmp_path / "core", Placement(device="cpu")), progress=False)
    assert (tmp_path / "core" / MANIFEST).read_bytes() == Path(built["manifest"]).read_bytes()


def test_a_cuda_device_takes_a_gpu_where_workers_offer_one(client: Any) -> None:
    import dask

    class Runner:
        """As far as the slot asks Dask's runner."""

        def __init__(self) -> None:
            self.client = client

    for runner, device, taken in (
        (Runner(), "cuda", {"resources": {"GPU": 1}}),
        (Runner(), "cpu", {}),
        (ThreadPoolTaskRunner(), "cuda", {}),
    ):
        with accelerator_slot(runner, device):
            assert dask.get_annotations() == taken
