"""The Python of docs/adding.md is that of the package which the page is about, and which is built with elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "adding.md").read_text()
FILES = [path.read_text() for path in sorted((ROOT / "tests" / "plugin").rglob("*.py"))]
BLOCKS = re.findall(r"^ *```python\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("block", BLOCKS)
def test_what_the_page_shows_is_what_the_package_does(block: str) -> None:
    wanted = "\n".join(lines(block))
    assert any(wanted in "\n".join(lines(file)) for file in FILES), wanted


def test_the_page_shows_the_package() -> None:
    assert len(BLOCKS) >= 8
