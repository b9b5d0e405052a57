"""A dataset that tests read, and one that tests may damage."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tests.manifests.builder import build_dataset

# Read when huggingface_hub and datasets are imported, so set before any test imports them.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")

# Examples that write files take as long as a busy disk takes.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete dataset; do not change it."""
    root = tmp_path_factory.mktemp("dataset")
    build_dataset(root)
    return root


@pytest.fixture
def spoilable(built: Path, tmp_path: Path) -> Path:
    """A copy of the dataset to damage."""
    return Path(shutil.copytree(built, tmp_path / "copy"))
