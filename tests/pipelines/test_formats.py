"""The page names every field of a sample's JSON, with the value that stands where it does not apply."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from editmill.generators.attribute.candidates import Candidate
from editmill.generators.attribute.members import describe, masks
from editmill.generators.base.edits import make_edit
from editmill.generators.base.images import encode_image
from editmill.generators.base.making import Frame, Maker, SampleBuilder
from editmill.generators.base.samples import Job, Made, PlannedSample
from editmill.manifests.records import SourceRecord

PAGE = (Path(__file__).parents[2] / "docs/formats-attribute.md").read_text().partition("\n## Rows\n")[0]
SOURCE = SourceRecord(id="s", image="s.png", label=3, class_name="cup", width=4, height=4, sha256="0" * 64)


class Copier(Maker[None]):
    """Gives a blank picture for every job."""

    def load(self, sample: PlannedSample) -> None:
        return None

    def make(self, jobs: Sequence[Job[None]]) -> list[Made]:
        blank = np.zeros((4, 4), np.uint8)
        candidate = Candidate(None, blank, parameters={"area": 0.1, "scale": 1, "matrix": [1, 0, 0, 0, 1, 0]})
        return [
            Made(
                {"png": b"", **{name: encode_image(mask, "png") for name, mask in masks(candidate).items()}},
                facts={**describe(job.sample, job.sample.edit, candidate), "attempt": job.attempt},
            )
            for job in jobs
        ]


def members() -> dict[str, bytes]:
    sample = PlannedSample("k", SOURCE, make_edit("attribute", "original"))
    ((_, found),) = SampleBuilder(Copier(), Frame(0, "test")).build([sample], shard=0)
    return found


def rows() -> dict[str, str]:
    """The last cell of every row by the names in its first."""
    cells = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
    return {name: row[-1] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


def test_every_field_has_a_row() -> None:
    fields = set(json.loads(members()["json"]))
    assert fields == {name for name in rows() if not name.startswith((".", "KEY"))}


def test_every_member_has_a_row() -> None:
    assert {f"KEY.{member}" for member in members()} == {name for name in rows() if name.startswith("KEY")}


def test_values_that_stand_for_nothing_are_the_stored_ones() -> None:
    stored, written = json.loads(members()["json"]), rows()
    for name in (
        "wnid",
        "licence",
        "source_caption",
        "level",
        "prompt",
        "partner",
        "angle",
        "x",
        "y",
        "scale",
        "first_t",
        "surrogate",
        "complexity_control",
        "evaluations",
    ):
        assert written[name].startswith(f"`{json.dumps(stored[name])}`"), name
