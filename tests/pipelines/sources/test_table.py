"""Tables that can't be read as meant are refused by name, never read otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.manifests.errors import SourceError
from editmill.pipelines.sources.table import Table, read_table

HEAD = "file,mask,imagenet_index,class_name\n"


def table(folder: Path, text: str | bytes) -> Table:
    path = folder / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "a\0.png,m.png,1,cup\n", "line 2 holds the character NUL"),
        ("\0", "line 1 holds the character NUL"),
        (HEAD.replace(",", ";") + "a.png;m.png;1;cup\n", r"separated by semicolons \(delimiter ';'\)"),
        ("file;label_index\na.png;1\n", "separated by semicolons"),
        (HEAD.replace(",", "\t") + "a.png\tm.png\t1\tcup\n", r"separated by tabs \(delimiter"),
        (HEAD.replace(",", "|") + "a.png|m.png|1|cup\n", r"separated by bars \(delimiter"),
        ("file,mask,mask,label_index\na,b,c,1\n", "column 'mask' is there twice"),
        (HEAD + '"a.png,m.png,1,cup\nb.png,m.png,2,bowl\n', "line 3 is no CSV"),
        (HEAD + 'a.png,m.png,1,"cup\nb.png,m.png,2,bowl\n', "line 3 is no CSV"),
        (HEAD + f"a.png,m.png,1,{'c' * 200_000}\n", "line 2 is no CSV: field larger"),
        ((HEAD + "a.png,m.png,1,café\n").encode("latin-1"), r"byte 53 \(line 2\) is 0xe9"),
        ((HEAD + "a.png,m.png,1,cup\n").encode("utf-16"), "the text is UTF-16"),
    ],
)
def test_what_is_no_table_with_commas_is_named(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        table(tmp_path, text)
    assert caught.value.where == str(tmp_path / "labels.csv")
    assert caught.value.fix


def test_a_table_that_is_no_regular_file_is_refused_unopened(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(SourceError, match="not a regular file"):
            read_table(path)


def test_spreadsheets_mark_the_text_and_leave_columns_and_lines_empty(tmp_path: Path) -> None:
    made = table(tmp_path, "\ufefffile,label_index,,\r\n\r\na.png,1,,\r\n\r\n\r\nb.png,2,,\r\n")
    assert made.columns == ("file", "label_index")
    assert made.rows == [{"file": "a.png", "label_index": "1"}, {"file": "b.png", "label_index": "2"}]
    assert made.lines == [3, 6]
    made.check_cells()
    assert table(tmp_path, "").rows == []


@pytest.mark.parametrize(
    ("line", "cells"),
    [("a.png,m.png,1", 3), ("a.png,m.png,1,cup, blue", 5), ("a.png", 1)],
    ids=["short", "long", "one cell"],
)
def test_a_row_with_too_few_or_too_many_cells_names_its_line(tmp_path: Path, line: str, cells: int) -> None:
    made = table(tmp_path, f"{HEAD}\na.png,m.png,1,cup,,\n{line}\n")
    assert list(made.odd) == [1]
    with pytest.raises(SourceError, match=f"line 4 has {cells} cells, and the first line names 4 columns"):
        made.check_cells()


def labels(folder: Path, column: str, *rows: str) -> dict[int, str]:
    made = table(folder, "\n".join((f"file,{column},class_name,wnid", *rows, "")))
    return made.class_names(made.label_column())


@pytest.mark.parametrize(
    ("column", "rows", "words"),
    [
        ("label_index", ("a,1,cup,", "b,2,bowl,", "c,1,mug,"), "label 1 is 'cup' in line 2 and 'mug' in line 4"),
        ("imagenet_index", ("a,1,cup,", "b,1,bowl,"), "label 1 is 'cup' in line 2 and 'bowl' in line 3"),
        ("label_index", ("a,1,cup,", "b,2,bowl,", "c,3,cup,"), "'cup' has the label 1 in line 2 and 3 in line 4"),
        ("label_index", ("a,9999999,cup,",), "label_index is 9999999 in line 2, too much for 1 class"),
        ("label_index", ("a,0,cup,", "b,100000,bowl,"), "in line 3, too much for 2 classes: labels are below 100,000"),
        ("imagenet_index", ("a,1,cup,", "b,1000,bowl,"), "imagenet_index is 1000 in line 3"),
    ],
)
def test_labels_that_contradict_each_other_name_both_lines(
    tmp_path: Path, column: str, rows: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        labels(tmp_path, column, *rows)


def test_classes_may_share_a_name_where_imagenet_or_a_wnid_tells_them_apart(tmp_path: Path) -> None:
    assert labels(tmp_path, "imagenet_index", "a,134,crane,", "b,517,crane,") == {134: "crane", 517: "crane"}
    rows = ("a,1,crane,n02012849", "b,2,crane,n03126707")
    assert labels(tmp_path, "label_index", *rows) == {1: "crane", 2: "crane"}


def test_a_row_without_a_name_has_that_of_its_label(tmp_path: Path) -> None:
    assert labels(tmp_path, "label_index", "a,1,,", "b,1,cup,", "c,2,,", "d,99999,,n1") == {
        1: "cup",
        2: "2",
        99999: "n1",
    }
