from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from editmill.evaluators.attribute.cautions import find_warnings
from editmill.manifests import Dataset
from tests.evaluators.builder import PixelClassifier, build, drops


def warnings_of(dataset: Dataset, classifier: PixelClassifier | None = None) -> str:
    return "\n".join(find_warnings(drops(dataset, classifier or PixelClassifier(), resamples=20)))


def test_few_pairs_and_replicas_are_named(dataset: Dataset) -> None:
    lines = warnings_of(dataset).splitlines()
    assert lines[0] == "n < 30: intervals are wide (paste-back, size 0.1, size 0.05, background, full)"
    assert lines[1].startswith("several samples per source in background:")
    assert len(lines) == 2


def test_enough_sources_without_replicas_need_no_warning(tmp_path: Path) -> None:
    dataset = build(tmp_path, sources=30)
    assert warnings_of(dataset.select(edit=["original", "paste-back", "size", "full"])) == ""


@pytest.mark.parametrize(
    ("rejected", "text"),
    [
        ({(0, "full"), (1, "full"), (2, "full")}, "no accepted sample of full"),
        ({(0, "full")}, "edits rest on different sources (2 to 3 pairs)"),
        ({(0, "original"), (1, "original"), (2, "original")}, "no unedited sample to compare with"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, rejected: set[tuple[int, str]], text: str) -> None:
    assert text in warnings_of(build(tmp_path, sources=3, rejected=rejected))


def test_a_level_without_an_accepted_sample_is_named(tmp_path: Path) -> None:
    dataset = build(tmp_path, sources=3)
    table = dataset.table
    rejected = pa.array(["rejected" if level == 0.1 else "ok" for level in table["level"].to_pylist()])
    dataset.table = table.set_column(table.column_names.index("status"), "status", rejected)
    assert warnings_of(dataset).splitlines()[0] == "no accepted sample of size 0.1"


def test_a_model_that_fails_unedited_may_have_other_labels(dataset: Dataset) -> None:
    text = warnings_of(dataset, PixelClassifier(lambda number, edit, replica: True, name="shifted"))
    assert "shifted has only 0.0 % on unedited samples" in text


def test_adversarial_columns_name_the_classifier_that_they_were_made_against(tmp_path: Path) -> None:
    dataset = build(tmp_path / "set", plan=(("original", 0.0, 0), ("adversarial", 20.0, 0)))
    assert "adversarial backgrounds were made against a classifier" in warnings_of(dataset)
