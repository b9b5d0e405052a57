from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from editmill.manifests.columncheck import check_columns
from editmill.manifests.errors import CorruptDatasetError
from editmill.manifests.rows import iter_rows, read_rows, row_schema, write_rows
from tests.manifests.builder import MEMBERS, SCORE_NAMES, make_members, make_row, make_sources

TRIED = {"attempt": 0, "seed": 1, "accepted": False, "reasons": ["dark"], "scores": [{"name": "area", "value": 1.0}]}


@pytest.mark.parametrize(
    ("column", "value", "right"),
    [
        ("split", "tar", False),
        ("split", "Test", False),
        ("shard", -1, False),
        ("status", "skipped", False),
        ("reasons", ["Too dark"], False),
        ("reasons", [None], False),
        ("source_sha256", "0" * 63, False),
        ("source_sha256", "", True),
        ("level", math.inf, False),
        ("replica", -1, False),
        ("seed", -1, False),
        ("parameters", "{", False),
        ("parameters", "[]", False),
        ("parameters", '{"a":' * 50_000 + "1" + "}" * 50_000, False),
        ("attempts", -1, False),
        ("cost", -1, False),
        ("inputs", "F" * 64, False),
        ("png_size", -1, False),
        ("png_sha256", "", False),
        ("score_area", math.nan, True),
        ("candidates", [], True),
        ("candidates", [None], False),
        ("candidates", [TRIED], True),
        ("candidates", [{**TRIED, "attempt": -1}], False),
        ("candidates", [{**TRIED, "seed": None}], False),
        ("candidates", [{**TRIED, "accepted": None}], False),
        ("candidates", [{**TRIED, "reasons": None}], False),
        ("candidates", [{**TRIED, "reasons": [""]}], False),
        ("candidates", [{**TRIED, "scores": None}], False),
        ("candidates", [{**TRIED, "scores": [None]}], False),
        ("candidates", [{**TRIED, "scores": [{"name": None, "value": 1.0}]}], False),
        ("candidates", [{**TRIED, "scores": [{"name": "area", "value": math.nan}]}], False),
        ("candidates", [{**TRIED, "scores": [{"name": "area", "value": math.inf}]}], True),
    ],
)
def test_columns_are_right_where_records_are(row: dict[str, Any], column: str, value: object, right: bool) -> None:
    table = pa.Table.from_pylist([row, {**row, column: value}], row_schema(MEMBERS, SCORE_NAMES))
    try:
        list(iter_rows(table, members=MEMBERS, score_names=SCORE_NAMES))
    except CorruptDatasetError:
        assert not right
    else:
        assert right
    if right:
        check_columns(table, MEMBERS)
    else:
        with pytest.raises(ValueError, match=r"."):
            check_columns(table, MEMBERS)


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An accepted row, as columns have it."""
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    row = make_row(make_sources(1)[0], "size")
    spans = {name: {"offset": 512, "size": len(data), "sha256": "0" * 64} for name, data in make_members(row).items()}
    write_rows(path, [type(row)(**{**row.model_dump(), "members": spans})], members=MEMBERS, score_names=SCORE_NAMES)
    return dict(read_rows(path).to_pylist()[0])
