"""A dataset that the tests of evaluators read."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.manifests import Dataset
from tests.evaluators.builder import IMAGENET_E, build


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eight sources with every edit, all accepted."""
    return build(tmp_path_factory.mktemp("evaluated"))


@pytest.fixture(scope="session")
def imagenet_e(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Twelve sources with the columns of ImageNet-E, all accepted.

    Larger numbers are larger and easier, but the last two unjudged.
    """

    def scores(number: int) -> dict[str, float]:
        judged = {"label_judged": 1.0, "label_source_margin": number / 20}
        return {"area": (number + 1) / 100} | (judged if number < 10 else {"label_judged": 0.0})

    return build(tmp_path_factory.mktemp("imagenet-e"), sources=12, plan=IMAGENET_E, scores=scores)


@pytest.fixture
def module_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path
