"""The version stands in pyproject.toml; every other place that names it says the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NAMED = r"(?:editmill(?:-tabletop)?(?:\[generate\])?(?:==|:)|image\.version=\"|^version[:=] ?\"?|^version = \")"
PLACES = ("pyproject.toml", "packs/tabletop/pyproject.toml", "docker/Dockerfile", "docker/compose.yaml")


@pytest.mark.parametrize("place", [*PLACES, "docker/README.md", "CITATION.cff"])
def test_one_version_everywhere(place: str) -> None:
    found = re.findall(NAMED + r"(\d+\.\d+\.\d+)", (ROOT / place).read_text(), re.MULTILINE)
    assert found, place
    assert set(found) == {VERSION}


def test_changes_of_this_version_are_listed() -> None:
    assert VERSION in (ROOT / "CHANGELOG.md").read_text()
