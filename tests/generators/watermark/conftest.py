"""One tiny pack and one folder of pictures for all tests of watermarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generators.watermark.building import write_pack, write_photos


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(tmp_path_factory.mktemp("watermark-pack"))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"))
