"""How far datasets of other batches may be apart."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]
import pytest

from tests.golden import close, compare
from tests.pipelines.regating.guarded import SETTINGS, build_guarded


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one dataset; do not change it."""
    folder = tmp_path_factory.mktemp("golden")
    build_guarded(folder / "set")
    return folder


def with_first(built: Path, folder: Path, **changes: Any) -> Path:
    """Return a copy in whose first row some fields have other values."""
    shutil.copytree(built, folder)
    path = folder / "set" / "samples.parquet"
    table = pq.read_table(path)
    first, *others = table.to_pylist()
    pq.write_table(pa.Table.from_pylist([{**first, **changes}, *others], table.schema), path)
    return folder


LIMIT = SETTINGS.contrast


@pytest.mark.parametrize(
    ("before", "after", "beyond"),
    [
        ({}, {}, 0),
        ({}, {"score_contrast": 40.005}, 0),
        ({}, {"score_contrast": 40.02}, 1),
        ({}, {"score_contrast": float("nan")}, 1),
        ({"score_contrast": LIMIT + 4e-3}, {"score_contrast": LIMIT - 4e-3, "status": "rejected"}, 0),
        ({"score_contrast": LIMIT + 4e-2}, {"score_contrast": LIMIT - 4e-2, "status": "rejected"}, 1),
        ({}, {"score_contrast": 40.005, "status": "rejected"}, 1),
    ],
)
def test_another_batch_changes_scores_within_tolerances_and_decisions_at_limits_alone(
    built: Path, tmp_path: Path, before: dict[str, Any], after: dict[str, Any], beyond: int
) -> None:
    old, new = with_first(built, tmp_path / "old", **before), with_first(built, tmp_path / "new", **{**before, **after})
    assert close(old, new) == beyond


def test_what_one_folder_lacks_is_a_difference(built: Path, tmp_path: Path) -> None:
    for way in (compare, close):
        assert [
            way(*pair) for pair in ((built, built), (built, tmp_path), (tmp_path, built), (tmp_path, tmp_path))
        ] == [0, 1, 1, 1]
