"""What all tests share: one thread per process, hypothesis without a deadline, a tiny pack and photographs."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.stores import Faults

# Tiny networks spend seconds instead of milliseconds on waking threads when other work fills the cores. Read when torch
# is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Shells have background processes ignore it, and what those start inherits that; some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What plans remember of files, apart from the user's own.
os.environ["EDITMILL_CACHE"] = tempfile.mkdtemp(prefix="editmill-tests-")
atexit.register(shutil.rmtree, os.environ["EDITMILL_CACHE"], ignore_errors=True)
# Read when mlcroissant is imported.
os.environ["CROISSANT_CACHE"] = f"{os.environ['EDITMILL_CACHE']}/croissant"

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The YAML file of a pack of tiny random checkpoints."""
    from tests.checkpoints import write_pack

    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labels file of four synthetic photographs."""
    from tests.pipelines.photos import write_photos

    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def s3() -> Iterator[Faults]:
    """S3 on loopback, with a bucket called ``bucket``; file systems of fsspec stay connected to it."""
    from tests.stores import s3_server

    with s3_server() as faults:
        yield faults
