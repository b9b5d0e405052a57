"""Training scenes of the tests lie in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from editmill.packs.tabletop.training import store


@pytest.fixture(scope="session", autouse=True)
def scene_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the store of training scenes out of the working directory."""
    before, store.FOLDER = store.FOLDER, tmp_path_factory.mktemp("scenes")
    store._shared.cache_clear()
    yield
    store.FOLDER = before
    store._shared.cache_clear()
