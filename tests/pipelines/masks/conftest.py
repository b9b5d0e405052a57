"""The embedded pack's models."""

from __future__ import annotations

import pytest

from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.pipelines.packs import find_pack


@pytest.fixture(scope="session")
def models() -> Models:
    """Models of the tabletop pack on the CPU."""
    return Models(find_pack("tabletop"), Placement(device="cpu"))
