"""Which sources there are, and how a command line names them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from editmill.manifests.errors import SourceError
from editmill.pipelines.sources import CaptionedSpec, LabelledSpec, SourceSpec, open_captions, open_source, parse_source
from editmill.pipelines.sources.coco_captions import CocoCaptionsSpec
from editmill.pipelines.sources.folder import FolderSpec
from editmill.pipelines.sources.jsonl import JsonLinesSpec
from editmill.pipelines.sources.table import distinct
from editmill.pipelines.sources.tabletop import TabletopSpec
from editmill.pipelines.sources.tabletop_captions import TabletopCaptionsSource, TabletopCaptionsSpec
from editmill.pipelines.sources.webdataset import WebDatasetSpec

ADAPTER: TypeAdapter[LabelledSpec | CaptionedSpec] = TypeAdapter(SourceSpec)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("tabletop-captions", TabletopCaptionsSpec()),
        ("tabletop-captions:shifted", TabletopCaptionsSpec(split="shifted")),
        ("coco-captions:/x/captions.json", CocoCaptionsSpec(captions=Path("/x/captions.json"))),
        (
            "coco-captions:/x/c.json,/x/i.json",
            CocoCaptionsSpec(captions=Path("/x/c.json"), instances=Path("/x/i.json")),
        ),
        ("jsonl:/x/a,b.jsonl", JsonLinesSpec(file=Path("/x/a,b.jsonl"))),
        ("webdataset:/x/{00000..00003}.tar", WebDatasetSpec(shards=Path("/x/{00000..00003}.tar"))),
        ("webdataset:/x/*.tar", WebDatasetSpec(shards=Path("/x/*.tar"))),
        ("folder:/x/labels.csv", FolderSpec(labels=Path("/x/labels.csv"))),
        ("tabletop:train", TabletopSpec(split="train")),
    ],
)
def test_the_command_line_names_a_source(text: str, spec: object) -> None:
    assert ADAPTER.validate_python(parse_source(text)) == spec


def test_a_path_is_relative_to_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_source("jsonl:texts.jsonl") == {"kind": "jsonl", "file": str(tmp_path.resolve() / "texts.jsonl")}


@pytest.mark.parametrize("text", ["", "jsonl", "jsonl:", "webdataset", "coco-captions:", "parquet:/x"])
def test_an_unknown_source_says_which_there_are(text: str) -> None:
    with pytest.raises(SourceError, match="unknown source") as caught:
        parse_source(text)
    assert "webdataset" in caught.value.fix


def test_captions_and_labels_are_not_confused() -> None:
    assert isinstance(open_captions(TabletopCaptionsSpec()), TabletopCaptionsSource)
    with pytest.raises(SourceError, match="tabletop holds no captions"):
        open_captions(TabletopSpec())
    with pytest.raises(SourceError, match="tabletop-captions holds no labelled objects"):
        open_source(TabletopCaptionsSpec())


@given(st.lists(st.sampled_from(["", "a", "a-1", "a-2", "row-1", "b"]), max_size=12))
def test_distinct_names_are_distinct_and_the_first_of_each_is_kept(names: list[str]) -> None:
    found = distinct(names)
    assert len(set(found)) == len(names)
    assert all(one.startswith(name) for one, name in zip(found, names, strict=True))
    assert not names or not names[0] or found[0] == names[0]
