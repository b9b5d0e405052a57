"""The page on formats names every field of a caption's JSON."""

from __future__ import annotations

import json
from pathlib import Path

from editmill.manifests.reader import open_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from tests.pipelines.conftest import PLACEMENT

PAGE = Path(__file__).parents[2] / "docs" / "formats-captions.md"


def test_every_field_is_documented(tmp_path: Path) -> None:
    changes = ("source.count=6", "shards=1", "generator.edits=[{name: original}, {name: grounded}]")
    build(prepare(make_plan(load_recipe("xmai", overrides=changes)), tmp_path / "out", PLACEMENT), progress=False)
    samples = list(open_dataset(tmp_path / "out"))
    fields = {name for sample in samples for name in sample.json()}
    entries = {name for sample in samples for one in json.loads(sample.json()["insertions"]) for name in one}
    text = PAGE.read_text()
    assert entries
    assert not {name for name in fields | entries if f"`{name}`" not in text}
