"""A dataset that the tests of evaluators read."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import Dataset
from tests.evaluators.builder import build


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eight sources with every edit, all accepted."""
    return build(tmp_path_factory.mktemp("evaluated"))


@pytest.fixture
def module_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path
