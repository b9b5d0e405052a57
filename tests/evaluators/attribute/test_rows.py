from __future__ import annotations

from pathlib import Path

import pytest

from editmill.evaluators.attribute.rows import Sources, read_sources
from editmill.manifests import Dataset
from tests.evaluators.builder import build


def test_sizes_and_margins_are_those_of_the_unedited_samples(imagenet_e: Dataset) -> None:
    sources = read_sources(imagenet_e)
    assert sources.count == 12
    assert sources.areas["img003"] == pytest.approx(0.04)
    assert sources.margins["img003"] == pytest.approx(0.15)
    assert "img011" not in sources.margins
    assert (sources.median_area, sources.median_margin) == (pytest.approx(0.065), pytest.approx(0.225))
    assert sources.judged == pytest.approx(10 / 12)


def test_rejected_sources_and_scores_that_were_not_measured_are_left_out(tmp_path: Path) -> None:
    dataset = build(
        tmp_path,
        sources=3,
        rejected={(0, "original")},
        # The last source is judged to are asked, but its margin is missing.
        scores=lambda number: {"label_judged": 1.0} | ({"label_source_margin": 0.5} if number < 2 else {}),
    )
    sources = read_sources(dataset)
    assert sources.count == 2
    assert set(sources.areas) == {"img001", "img002"}
    assert sources.margins == {"img001": 0.5}


def test_without_unedited_samples_or_scores_there_is_nothing_to_say(dataset: Dataset) -> None:
    assert read_sources(dataset.select(edit="full")) == Sources(0, {}, {})
    nothing = Sources(0, {}, {})
    assert (nothing.median_area, nothing.median_margin, nothing.judged) == (None, None, None)
    assert read_sources(dataset).margins == {}
