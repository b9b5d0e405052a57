"""Which sources there are, and how a command line names them."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from editmill.generators.base.sources import Spec
from editmill.manifests.errors import SourceError
from editmill.packs.tabletop.captioned_source import TabletopCaptionsSource, TabletopCaptionsSpec
from editmill.packs.tabletop.source import TabletopSpec
from editmill.pipelines.sources import SourceSpec, open_source, parse_source, source_help
from editmill.pipelines.sources.coco import CocoSpec
from editmill.pipelines.sources.coco_captions import CocoCaptionsSpec
from editmill.pipelines.sources.folder import FolderSpec
from editmill.pipelines.sources.imagenet_s import ImageNetSSpec
from editmill.pipelines.sources.images import ImagesSource, ImagesSpec
from editmill.pipelines.sources.jsonl import JsonLinesSpec
from editmill.pipelines.sources.registry import SOURCES
from editmill.pipelines.sources.table import distinct
from editmill.pipelines.sources.webdataset import WebDatasetSpec

ADAPTER: TypeAdapter[Spec] = TypeAdapter(SourceSpec)
NOWHERE = Path("/nowhere/at/all")


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


@pytest.mark.parametrize("text", ["", "parquet:/x", "Folder:/x"])
def test_an_unknown_source_says_which_there_are(text: str) -> None:
    with pytest.raises(SourceError, match="unknown source") as caught:
        parse_source(text)
    for source in SOURCES.loaded().values():
        assert source.shorthand in caught.value.fix


@pytest.mark.parametrize(
    ("text", "shorthand"),
    [
        ("jsonl", "jsonl:FILE"),
        ("jsonl:", "jsonl:FILE"),
        ("photographs:", "photographs[:NAME,…]"),
        ("webdataset", "webdataset:SHARDS.tar"),
        ("coco-captions:", "coco-captions:CAPTIONS.json[,INSTANCES.json]"),
    ],
)
def test_a_source_without_its_path_says_what_is_expected(text: str, shorthand: str) -> None:
    with pytest.raises(SourceError, match="can't be read") as caught:
        parse_source(text)
    assert caught.value.fix == f"{shorthand} is expected"


@pytest.mark.parametrize("url", ["https://example.org/x", "hf://datasets/x", "file:///x"])
def test_urls_of_no_object_store_are_refused_wherever_a_source_names_a_path(url: str) -> None:
    for kind, source in SOURCES.loaded().items():
        paths = [name for name, field in source.spec_type.model_fields.items() if "Path" in str(field.annotation)]
        if not paths:
            continue
        with pytest.raises(SourceError, match="can't be read") as caught:
            parse_source(f"{kind}:{url}")
        assert f"{url!r} is a URL" in caught.value.fix
        required = {name: "x" for name in paths if source.spec_type.model_fields[name].is_required()}
        for name in paths:
            with pytest.raises(ValidationError, match=f"{name} '.*' is a URL"):
                source.spec_type.model_validate({**required, name: url})
    with pytest.raises(SourceError, match="can't be read"):
        parse_source(f"coco-captions:captions.json,{url}")


def test_paths_that_no_file_can_have_are_refused() -> None:
    with pytest.raises(SourceError, match="can't be read") as caught:
        parse_source("images:a\0b")
    assert "holds NUL" in caught.value.fix
    with pytest.raises(ValidationError, match="holds NUL"):
        ImagesSpec(root=Path("a\0b"))


def test_links_in_a_circle_are_told_by_whoever_reads_them(tmp_path: Path) -> None:
    (tmp_path / "odd").symlink_to("odd")
    (tmp_path / "odd-device").symlink_to("/dev/zero")
    for kind in ("folder", "jsonl", "coco", "images"):
        with pytest.raises(SourceError, match="odd-device"):
            list(open_source(ADAPTER.validate_python(parse_source(f"{kind}:{tmp_path / 'odd-device'}"))).records())
        source = open_source(ADAPTER.validate_python(parse_source(f"{kind}:{tmp_path / 'odd'}")))
        with pytest.raises(SourceError) as caught:
            list(source.records())
        assert caught.value.where == str(tmp_path / "odd")


def test_a_portable_source_has_the_names_of_its_fields_for_paths() -> None:
    spec = CocoSpec(instances=Path("/x/instances.json"), images=Path("/x/images"), least_area=0.1)
    assert spec.portable() == {**CocoSpec(instances=Path("INSTANCES"), least_area=0.1).model_dump(mode="json")}


def test_help_lists_sources_by_what_they_have() -> None:
    labelled, captions, pictures = source_help().split("; ")
    assert labelled.startswith("labelled objects with masks: folder:LABELS.csv")
    assert "tabletop[:SPLIT]" in labelled
    assert "jsonl:FILE" in captions
    assert pictures == "pictures: images:FOLDER"


def test_captions_and_labels_are_not_confused(tmp_path: Path) -> None:
    assert isinstance(open_source(TabletopCaptionsSpec(), needs="captions"), TabletopCaptionsSource)
    with pytest.raises(SourceError, match="tabletop has no captions") as caught:
        open_source(TabletopSpec(), needs="captions")
    assert "webdataset" in caught.value.fix
    with pytest.raises(SourceError, match="tabletop-captions has no labelled objects") as caught:
        open_source(TabletopCaptionsSpec(), needs="labelled")
    assert "imagenet-s" in caught.value.fix
    for needs in ("captions", "labelled"):
        with pytest.raises(SourceError, match="images has no"):
            open_source(ImagesSpec(root=tmp_path), needs=needs)


@pytest.mark.parametrize("spec", [TabletopSpec(count=1), TabletopCaptionsSpec(count=1)])
def test_any_source_gives_its_pictures(spec: Spec) -> None:
    source = open_source(spec, needs="pictures")
    assert source.load(next(source.records())).image.shape == (128, 128, 3)


class OtherSource(ImagesSource):
    """A source of a package under a name that its specification does not have."""


def test_a_source_under_another_name_than_its_specification_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(SOURCES._points, "other", EntryPoint("other", f"{__name__}:OtherSource", "editmill.sources"))
    try:
        assert "other" not in SOURCES.loaded()
        assert "the source 'other' does not fit: TypeError: its specification is of another kind" in caplog.text
    finally:
        monkeypatch.undo()
        SOURCES._refused.pop("other", None)


@pytest.mark.parametrize(
    "spec",
    [
        FolderSpec(labels=NOWHERE),
        CocoSpec(instances=NOWHERE),
        ImageNetSSpec(root=NOWHERE),
        CocoCaptionsSpec(captions=NOWHERE, instances=NOWHERE),
        JsonLinesSpec(file=NOWHERE),
        WebDatasetSpec(shards=NOWHERE),
        ImagesSpec(root=NOWHERE),
    ],
)
def test_opening_reads_nothing(spec: Spec) -> None:
    source = open_source(spec)
    with pytest.raises(SourceError):
        next(source.records())


@given(st.lists(st.sampled_from(["", "a", "a-1", "a-2", "row-1", "b"]), max_size=12))
def test_distinct_names_are_distinct_and_the_first_of_each_is_kept(names: list[str]) -> None:
    found = distinct(names)
    assert len(set(found)) == len(names)
    assert all(one.startswith(name) for one, name in zip(found, names, strict=True))
    assert not names or not names[0] or found[0] == names[0]
