"""Tiny random models of the real classes, written once per session."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, read_pack
from editmill.generators.models.placement import Placement
from tests.checkpoints import write_pack, write_sd15_models_dir


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> PackSpec:
    """A pack of tiny random checkpoints; do not change its files."""
    return read_pack(write_pack(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="session")
def models(pack: PackSpec) -> Models:
    """The pack's models on the CPU."""
    return Models(pack, Placement(device="cpu"))


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of public checkpoints by name, tiny ones in their place; do not change its files."""
    return write_sd15_models_dir(tmp_path_factory.mktemp("public"))
