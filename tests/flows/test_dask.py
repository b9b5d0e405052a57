"""The flow on Dask, as docs/orchestration.md describes it: one process per slot."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.flows.builds import build_imagenet_e
from editmill.flows.tasks import accelerator_slot
from editmill.manifests.errors import DataError
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.stats import shard_stem, stats_path
from editmill.manifests.verify import verify_dataset
from tests.flows.tiny import OVERRIDES, RECIPE, tiny_prepared

prefect_dask = pytest.importorskip("prefect_dask", reason="needs the extra `dask`")

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.usefixtures("prefect_environment")]


def test_shards_run_on_dask_workers_and_failed_ones_are_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepared = tiny_prepared(out)
    damaged = stats_path(out / prepared.plan.recipe.split, shard_stem(prepared.plan.recipe.name, 0))
    damaged.parent.mkdir(parents=True)
    damaged.write_text("not a stats file")
    runner = prefect_dask.DaskTaskRunner(
        cluster_kwargs={"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    )
    flow = build_imagenet_e.with_options(task_runner=runner)

    with pytest.raises(DataError, match="1 of 2 shards failed"):
        flow(recipe=RECIPE, overrides=OVERRIDES, out=out, device="cpu")
    assert not (out / MANIFEST).exists()
    damaged.unlink()
    flow(recipe=RECIPE, overrides=OVERRIDES, out=out, device="cpu")
    assert verify_dataset(out).ok


def test_a_cuda_device_asks_dask_for_a_gpu() -> None:
    import dask

    with accelerator_slot("cuda"):
        assert dask.get_annotations() == {"resources": {"GPU": 1}}
    with accelerator_slot("cpu"):
        assert dask.get_annotations() == {}
