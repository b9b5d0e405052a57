"""Retries, device slots and the error that names failed shards."""

from __future__ import annotations

import errno

import pytest
import torch
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from editmill.flows.tasks import failed, is_infrastructure_fault, render_shard
from editmill.manifests.errors import CorruptDatasetError, EditmillError, ModelError, exhausted

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_environment")]


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (OSError(errno.EIO, "the disk failed"), 3),
        (ConnectionResetError("the network failed"), 3),
        (torch.OutOfMemoryError("the device is full"), 3),
        (MemoryError(), 3),
        (exhausted(MemoryError()), 3),
        (FileNotFoundError(errno.ENOENT, "gone"), 1),
        (PermissionError(errno.EACCES, "not yours"), 1),
        (ModelError("a checkpoint is missing"), 1),
        (CorruptDatasetError("damaged"), 1),
        (ValueError("a bug"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_only_infrastructure_faults_are_retried(error: Exception, attempts: int) -> None:
    seen = []

    @task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=0, retry_condition_fn=is_infrastructure_fault)
    def fail() -> None:
        seen.append(1)
        raise error

    @flow
    def failing() -> None:
        fail()

    with pytest.raises(type(error)):
        failing()
    assert len(seen) == attempts


def test_the_shards_task_retries_and_never_caches() -> None:
    assert render_shard.retries == 2
    assert render_shard.retry_condition_fn is is_infrastructure_fault
    assert render_shard.cache_policy is NO_CACHE
    assert render_shard.persist_result is False


def test_all_shards_end_before_the_failed_ones_are_named() -> None:
    ended: list[int] = []

    @task(cache_policy=NO_CACHE)
    def shard(number: int) -> dict[str, int]:
        if number in (1, 3):
            raise ModelError(f"no checkpoint for {number}", where="somewhere")
        ended.append(number)
        return {"shard": number}

    @flow
    def four() -> dict[int, EditmillError]:
        return failed({number: shard.submit(number) for number in range(4)})

    assert {number: error.what for number, error in four().items()} == {
        number: f"no checkpoint for {number}" for number in (1, 3)
    }
    assert sorted(ended) == [0, 2]
