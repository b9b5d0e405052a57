"""The tables of XMAI's published scripts as a source of captions."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from editmill.generators.base.loaded import Unusable
from editmill.manifests.errors import SourceError
from editmill.pipelines.sources.xmai_csv import XmaiCsvSource, XmaiCsvSpec

TABLE = """file,text,objects,attributes,label
a.png,"a dog, and a ball","['dog', 'ball']","['brown', 'red']",entailment
b.png,nothing,[],[],
a.png,two dogs,"['dog', 'ball']","['brown', 'red']",contradiction
"""


def source(folder: Path, table: str = TABLE) -> XmaiCsvSource:
    (folder / "pictures").mkdir(exist_ok=True)
    for number, name in enumerate(("a", "b")):
        Image.new("RGB", (30, 20), (number, 2, 3)).save(folder / f"pictures/{name}.png")
    (folder / "captions.csv").write_text(table)
    return XmaiCsvSource(XmaiCsvSpec(captions=folder / "captions.csv", images=folder / "pictures"))


def test_captions_of_a_picture_and_what_was_detected(tmp_path: Path) -> None:
    opened = source(tmp_path)
    first, second = opened.records()
    assert [(one.id, one.text, one.label) for one in first.captions] == [
        ("0", "a dog, and a ball", 0),
        ("1", "two dogs", 2),
    ]
    assert opened.load(first).detected == (("dog", "brown"), ("ball", "red"))
    assert opened.load(second).detected == ()
    assert (first.id, second.captions[0].label) == ("a", -1)
    apart = list(source(tmp_path, TABLE.replace("red']\",contra", "blue']\",contra")).records())
    assert [(one.image, len(one.captions)) for one in apart] == [("a.png", 1), ("b.png", 1), ("a.png", 1)]
    changed = source(tmp_path, TABLE.replace("brown", "black"))
    with pytest.raises(Unusable, match="its objects: changed"):
        changed.load(first)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("objects", "things", "column 'objects' is missing"),
        ("['brown', 'red']", "['brown']", "no lists of texts"),
        ("['brown', 'red']", "print(1)", "no lists of texts"),
        ("entailment", "true", "the label 'true'"),
    ],
)
def test_tables_that_do_not_fit(before: str, after: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        list(source(tmp_path, TABLE.replace(before, after)).records())
