"""Errors of the machine are one message with a mend; faults of our own keep their traceback."""

from __future__ import annotations

import errno
import signal

import pytest
import torch

from editmill.flows.failures import failure_of, stopping_cleanly
from editmill.manifests.errors import DataError


def test_errors_of_the_machine() -> None:
    no_space = OSError(errno.ENOSPC, "No space left on device", "out/set/shard.tar")
    assert failure_of(no_space) == (
        1,
        "error: No space left on device\n  where: out/set/shard.tar\n"
        "  fix: free space there, or name another folder, and run the same command again",
    )
    assert failure_of(KeyboardInterrupt()) == (130, "stopped; run the same command again to go on")


def test_a_signal_to_end_is_told_like_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt) as stopped, stopping_cleanly():
        signal.raise_signal(signal.SIGTERM)
    assert failure_of(stopped.value) == (143, "stopped; run the same command again to go on")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert failure_of(DataError("no", where="x")) == (1, "error: no\n  where: x")


def _real() -> BaseException:
    """Return what torch itself raises where the CPU's memory is too small."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize("kind", ["python", "accelerator", "torch", "system"])
def test_memory(kind: str) -> None:
    errors = {
        "python": MemoryError(),
        "accelerator": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        "torch": _real(),
        "system": OSError(errno.ENOMEM, "Cannot allocate memory"),
    }
    found = failure_of(errors[kind])
    assert found is not None
    assert found[0] == 1
    assert found[1].startswith("error: out of memory")
    assert "--workers" in found[1]


def test_a_fault_of_our_own_keeps_its_traceback() -> None:
    assert failure_of(TypeError("ours")) is None
    assert failure_of(ModuleNotFoundError("no", name="nothing_like_it")) is None


def test_a_package_that_is_missing() -> None:
    found = failure_of(ModuleNotFoundError("no", name="editmill.packs.tabletop.source"))
    assert found is not None
    assert "'.[generate]' ./packs/tabletop" in found[1]
