"""Images and texts in JSON lines: exact texts, and errors that name the line."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests.errors import SourceError
from editmill.pipelines.sources.jsonl import JsonLinesSource, JsonLinesSpec

text_of_any_kind = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: bool(text.strip()))


def write(folder: Path, *rows: Any, ascii_only: bool = True, end: str = "\n") -> JsonLinesSource:
    """Rows that are strings are written as they are."""
    (folder / "photos").mkdir(exist_ok=True)
    Image.new("RGB", (30, 20), (1, 2, 3)).save(folder / "photos/a.png")
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=ascii_only) for row in rows]
    (folder / "texts.jsonl").write_bytes(end.join([*lines, ""]).encode())
    return JsonLinesSource(JsonLinesSpec(file=folder / "texts.jsonl", licence="CC0"))


def test_every_field(tmp_path: Path) -> None:
    absolute = str(tmp_path / "photos/a.png")
    source = write(
        tmp_path,
        {"image": "photos/a.png", "texts": ["one", "two "], "id": "x", "label": "contradiction", "licence": "CC BY"},
        "",
        {"image": absolute, "text": "three", "id": 5, "label": 0},
        {"image": "photos/a.png", "text": "four", "label": None, "id": None},
    )
    first, second, third = source.records()
    assert [(one.id, one.text, one.label) for one in first.captions] == [("0", "one", 2), ("1", "two ", 2)]
    assert (first.id, first.image, first.width, first.height, first.licence, first.label) == (
        "x",
        "photos/a.png",
        30,
        20,
        "CC BY",
        -1,
    )
    assert (second.id, second.captions[0].label, second.licence) == ("5", 0, "CC0")
    assert (third.id, third.captions[0].label) == ("a", -1)
    assert all(source.load(record).image[0, 0].tolist() == [1, 2, 3] for record in (first, second, third))


def test_messages_name_no_folder_of_an_absolute_path(tmp_path: Path) -> None:
    names = [str(tmp_path / "none.png"), str(tmp_path / "broken.png"), str(tmp_path / "photos/a.png")]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    source = write(tmp_path, *({"image": name, "text": "a"} for name in names))
    *bad, good = source.records()
    Image.new("RGB", (30, 20)).save(tmp_path / "photos/a.png")
    for record, name in zip((*bad, good), ("none.png", "broken.png", "a.png"), strict=True):
        assert record.image_name == name
        with pytest.raises(Unusable) as caught:
            source.load(record)
        assert str(caught.value).startswith(f"{name}: ")
        for text in (str(caught.value), record.detail, json.dumps(record.released())):
            assert str(tmp_path) not in text


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_texts_are_kept_exactly(tmp_path: Path, ascii_only: bool, end: str) -> None:
    texts = [
        " a  b\t",
        "line\r\nline\n",
        "caf\u00e9 cafe\u0301",
        "\U0001f600\u200d",
        "a\u2028b\u0085c",
        "\ufeffa",
        "\u00a0x",
        '"\\n"',
    ]
    (record,) = write(tmp_path, {"image": "photos/a.png", "texts": texts}, ascii_only=ascii_only, end=end).records()
    assert [one.text for one in record.captions] == texts


@given(texts=st.lists(text_of_any_kind, min_size=1, max_size=3), ascii_only=st.booleans())
def test_any_text_is_kept_exactly(tmp_path_factory: pytest.TempPathFactory, texts: list[str], ascii_only: bool) -> None:
    (record,) = write(
        tmp_path_factory.mktemp("texts"), {"image": "photos/a.png", "texts": texts}, ascii_only=ascii_only
    ).records()
    assert [one.text for one in record.captions] == texts


def test_empty_texts_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = write(
        tmp_path, {"image": "photos/a.png", "texts": ["", "a", " \n"]}, {"image": "photos/a.png", "texts": [""]}
    )
    with caplog.at_level(logging.WARNING):
        (record,) = source.records()
    assert [(one.id, one.text) for one in record.captions] == [("1", "a")]
    assert "3 empty texts are left out" in caplog.text


def test_equal_ids_are_made_distinct(tmp_path: Path) -> None:
    row = {"image": "photos/a.png", "text": "a"}
    records = list(write(tmp_path, row, row, {**row, "id": "a-1"}, {**row, "id": ""}).records())
    assert records[0].id == "a"
    assert len({record.id for record in records}) == 4


def test_an_unreadable_image_is_a_record_with_its_problem(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG no more")
    rows = [{"image": name, "text": "a"} for name in ("broken.png", "none.png", "photos/a.png", "photos")]
    source = write(tmp_path, *rows)
    records = list(source.records())
    assert [record.problem for record in records] == [
        Reason.SOURCE_UNREADABLE,
        Reason.SOURCE_UNREADABLE,
        "",
        Reason.SOURCE_UNREADABLE,
    ]
    with pytest.raises(Unusable):
        source.load(records[0])


def test_a_file_saved_with_a_byte_order_mark(tmp_path: Path) -> None:
    write(tmp_path, {"image": "photos/a.png", "text": "a"})
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(list(JsonLinesSource(JsonLinesSpec(file=path)).records())) == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{'image': 1}", "not JSON"),
        ("[1]", "not an object"),
        ("[" * 5000, "not JSON"),
        ('{"image": "a.png", "text": "a", "text": "b"}', "'text' stands in one object twice"),
        ({"image": "a.png", "texts": None, "text": "a"}, "neither"),
        ({"image": "a.png", "text": 5}, "neither"),
        ({"image": "a.png", "texts": [["a"]]}, "neither"),
        ({"image": ["a.png"], "text": "a"}, "with an image"),
        ('{"image": "\\ud83d.png", "text": "a"}', "surrogate"),
        ({"text": "a"}, "with an image"),
        ({"image": "", "text": "a"}, "with an image"),
        ({"image": "a.png"}, "neither"),
        ({"image": "a.png", "texts": "a"}, "neither"),
        ({"image": "a.png", "texts": ["a", None]}, "neither"),
        ({"image": "a.png", "text": "a", "label": "maybe"}, "'maybe'"),
        ({"image": "a.png", "text": "a", "label": True}, "True"),
        ({"image": "a.png", "text": "a", "label": 1.0}, r"1\.0"),
        ({"image": "a.png", "text": "a", "label": [0]}, "label"),
        ({"image": "a.png", "text": "a", "label": -1}, "label"),
        ({"image": "a.png", "text": "a", "id": []}, "the id"),
        ({"image": "a.png", "text": "a", "licence": 4}, "licence"),
        ('{"image": "a.png", "text": "\\ud83d"}', "surrogate"),
        ('{"image": "a.png", "text": "a", "id": "\\ude00"}', "surrogate"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: Any, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        list(write(tmp_path, {"image": "photos/a.png", "text": "a"}, "", row).records())
    assert caught.value.where.endswith("texts.jsonl, line 3")
    assert '"image"' in caught.value.fix
    assert caught.value.exit_code == 2


def test_what_no_field_needs_may_be_anything(tmp_path: Path) -> None:
    deep = "[" * 600 + "]" * 600
    row = f'{{"image": "photos/a.png", "text": "a", "more": {deep}, "half": "\\ud83d", "number": NaN}}'
    assert len(list(write(tmp_path, row).records())) == 1


def test_long_texts_and_names_that_no_file_can_have(tmp_path: Path) -> None:
    rows = [{"image": name, "text": "word " * 10_000} for name in ("photos/a.png", "a\x00.png", "x" * 5000, "photos")]
    source = write(tmp_path, *rows)
    good, *bad = source.records()
    assert (good.problem, len(good.captions[0].text)) == ("", 50_000)
    assert {record.problem for record in bad} == {Reason.SOURCE_UNREADABLE}
    assert source.load(good).record is good


@pytest.mark.parametrize("kind", ["FIFO", "folder"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.jsonl"
    os.mkfifo(path) if kind == "FIFO" else path.mkdir()
    with pytest.raises(SourceError, match=f"not a regular file, but a {kind}"):
        list(JsonLinesSource(JsonLinesSpec(file=path)).records())


def test_a_surrogate_pair_is_one_character(tmp_path: Path) -> None:
    (record,) = write(tmp_path, '{"image": "photos/a.png", "text": "\\ud83d\\ude00"}').records()
    assert record.captions[0].text == "\U0001f600"


def test_files_without_anything_to_edit(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no lines"):
        list(write(tmp_path, "", "  ").records())
    with pytest.raises(SourceError, match="no image with a text"):
        list(write(tmp_path, {"image": "photos/a.png", "texts": [" "]}).records())
    with pytest.raises(SourceError, match="can't be read"):
        list(JsonLinesSource(JsonLinesSpec(file=tmp_path / "none.jsonl")).records())
    (tmp_path / "latin.jsonl").write_bytes('{"image": "é"}'.encode("latin-1"))
    with pytest.raises(SourceError, match="can't be read"):
        list(JsonLinesSource(JsonLinesSpec(file=tmp_path / "latin.jsonl")).records())
