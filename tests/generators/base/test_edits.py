"""Edits by name: labels and seeds."""

from __future__ import annotations

import pytest

from editmill.generators.base.edits import edit_label, edit_seed, edit_title, make_edit
from editmill.manifests.records import SourceRecord


@pytest.mark.parametrize(
    ("level", "label", "title"),
    [
        (0.0, "size", "size"),
        (0.05, "size-005", "size 0.05"),
        (1.0, "size-1", "size 1"),
        (1.5, "size-1p5", "size 1.5"),
        (-20.0, "size-minus20", "size -20"),
        (1e-05, "size-1em05", "size 1e-05"),
    ],
)
def test_labels_have_the_alphabet_of_keys_and_titles_are_for_people(level: float, label: str, title: str) -> None:
    assert (edit_label("size", level), edit_title("size", level)) == (label, title)


def test_every_level_replica_and_attempt_has_noise_of_its_own() -> None:
    source = SourceRecord(id="a", image="a.png", label=0, class_name="cup", width=4, height=4, sha256="0" * 64)
    edits = [make_edit("toy", "size", level=level) for level in (0.05, 0.1)]
    seeds = {edit_seed(5, source, edit, replica, attempt) for edit in edits for replica in (0, 1) for attempt in (0, 1)}
    assert len(seeds) == 8
    assert edit_seed(6, source, edits[0]) not in seeds
