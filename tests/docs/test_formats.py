"""The page on formats names every column of the rows."""

from __future__ import annotations

import re
from pathlib import Path

from editmill.manifests.rows import row_schema

PAGE = (Path(__file__).parents[2] / "docs/formats.md").read_text()


def test_every_column_is_named() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.partition("## Columns of")[2].partition("\n## ")[0]))
    columns = {
        re.sub("^png_", "MEMBER_", re.sub("^score_.*", "score_NAME", one)) for one in row_schema(["png"], ["s"]).names
    }
    assert columns - named == set()
