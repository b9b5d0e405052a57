"""Labels files: delimiters, encodings, heads, short and long rows, labels and paths."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.faults.case import Case, Expected, built, error
from tests.faults.drawing import encoded, mask, photo, plan_from, put

ROW = "good.png,good-mask.png"
HEAD = "file,mask,label_index"
GOOD = f"{HEAD}\n{ROW},0\n"


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for name, (content, expected) in {**_heads(), **_encodings(), **_labels(), **_rows()}.items():
        make = partial(_folder, content=content)
        quick = name in ("empty", "semicolons", "UTF-16", "NUL", "label -1", "short row", "no label column")
        yield Case(f"labels/{name}", make, plan_from("folder:labels.csv"), expected, quick)
    for field, value in (("label_column", "nope"), ("image_column", "nope"), ("mask_column", "nope")):
        command = plan_from("folder:labels.csv", "--set", f"source.{field}={value}")
        yield Case(f"labels/{field} that is missing", partial(_folder, content=GOOD), command, error("nope"))
    for form in ("xlsx", "json", "parquet"):
        content = {"xlsx": b"PK\x03\x04" + bytes(40), "json": b'[{"file": "a"}]', "parquet": b"PAR1" + bytes(40)}[form]
        command = plan_from(f"folder:labels.{form}")
        yield Case(
            f"labels/a .{form} file", partial(_folder, content=content, name=f"labels.{form}"), command, error("labels")
        )


def _folder(folder: Path, content: str | bytes, name: str = "labels.csv") -> None:
    put(folder / "good.png", encoded(photo()))
    put(folder / "good-mask.png", encoded(mask()))
    from tests.faults.drawing import bare_pack

    bare_pack(folder)
    put(folder / name, content)


def _heads() -> dict[str, tuple[str | bytes, Expected]]:
    semicolons = GOOD.replace(",", ";")
    return {
        "plain": (GOOD, built(good="")),
        "empty": ("", error("labels.csv")),
        "a line break": ("\n", error("labels.csv")),
        "head alone": (f"{HEAD}\n", error("no rows")),
        "no head": (f"{ROW},0\n", error("labels.csv")),
        "no file column": (f"mask,label_index\n{ROW},0\n", error("file", "missing")),
        "no mask column": (f"file,label_index\n{ROW},0\n", error("mask", "missing")),
        "no label column": (f"file,mask\n{ROW}\n", error("label column")),
        "capital head": (GOOD.replace("file", "File"), error("file", "missing")),
        "blanks in the head": (GOOD.replace("mask,", " mask,"), error("mask", "missing")),
        "a column twice": (f"file,mask,label_index,label_index\n{ROW},0,1\n", error("label_index", "twice")),
        "the file column twice": (f"file,file,mask,label_index\n{ROW},x,0\n", error("file", "twice")),
        "semicolons": (semicolons, error(";", "delimiter")),
        "tabs": (GOOD.replace(",", "\t"), error("delimiter")),
        "bars": (GOOD.replace(",", "|"), error("delimiter")),
        "a comment first": (f"# labels\n{GOOD}", error("labels.csv")),
        "quotes never closed": (f'{HEAD}\n"good.png,good-mask.png,0\n', error("labels.csv")),
    }


def _encodings() -> dict[str, tuple[str | bytes, Expected]]:
    return {
        "UTF-8 with a mark": (b"\xef\xbb\xbf" + GOOD.encode(), built(good="")),
        "UTF-16": (GOOD.encode("utf-16"), error("labels.csv", "UTF")),
        "UTF-32": (GOOD.encode("utf-32"), error("labels.csv")),
        "latin-1": (GOOD.replace("good.png", "gö.png").encode("latin-1"), error("labels.csv", "UTF-8")),
        "EBCDIC": (GOOD.encode("cp500"), error("labels.csv")),
        "NUL": (GOOD.replace("good.png", "go\0od.png"), error("labels.csv", "NUL")),
        "NUL in the head": (GOOD.replace("mask,", "ma\0sk,"), error("labels.csv")),
        "carriage returns": (GOOD.replace("\n", "\r"), built(good="")),
        "Windows line ends": (GOOD.replace("\n", "\r\n"), built(good="")),
        "no line end": (GOOD.rstrip(), built(good="")),
        "a PNG": (encoded(photo()), error("labels.csv")),
        "zeros": (bytes(10_000), error("labels.csv")),
        "a field of 200,000 characters": (f"{HEAD}\n{'a' * 200_000},good-mask.png,0\n", error("labels.csv")),
    }


def _labels() -> dict[str, tuple[str | bytes, Expected]]:
    found: dict[str, tuple[str | bytes, Expected]] = {}
    for label in ("-1", "1.0", "cat", "", " ", "١", "0x1", "1e3", "99999999", "NaN", "True", "²", "1,000"):
        cell = f'"{label}"' if "," in label else label
        found[f"label {label or 'empty'}"] = (f"{HEAD}\n{ROW},{cell}\n", error("label_index", "line 2"))
    found["imagenet_index 1000"] = (f"file,mask,imagenet_index\n{ROW},1000\n", error("imagenet_index", "999"))
    found["label 007"] = (f"{HEAD}\n{ROW},007\n", built(good=""))
    found["label 9999999"] = (f"{HEAD}\n{ROW},9999999\n", error("label_index", "9999999"))
    two = f"file,mask,label_index,class_name\n{ROW},0,cat\n{ROW},0,dog\n"
    found["one label with two names"] = (two, error("cat", "dog"))
    return found


def _rows() -> dict[str, tuple[str | bytes, Expected]]:
    unreadable = built(bad="source_unreadable")
    return {
        "short row": (f"{HEAD}\n{ROW}\n", error("label_index", "line 2")),
        "row of one cell": (f"{HEAD}\ngood.png\n", error("label_index", "line 2")),
        "long row": (f"{HEAD}\n{ROW},0,7,8\n", error("line 2")),
        "blank lines": (f"{HEAD}\n\n{ROW},0\n\n", built(good="")),
        "the same photograph twice": (f"{GOOD}{ROW},0\n", built()),
        "missing file": (f"{HEAD}\nbad.png,good-mask.png,0\n", unreadable),
        "missing mask": (f"{HEAD}\ngood.png,none.png,0\n", built(good="mask_unreadable")),
        "empty path": (f"{HEAD}\n,good-mask.png,0\n", built(**{"row-1": "source_unreadable"})),
        "empty mask": (f"{HEAD}\ngood.png,,0\n", built(good="mask_unreadable")),
        "backslashes": (f"{HEAD}\nimages\\bad.png,good-mask.png,0\n", built(**{"images\\bad": "source_unreadable"})),
        "a folder": (f"{HEAD}\n.,good-mask.png,0\n", built(**{"row-1": "source_unreadable"})),
        "a long name": (f"{HEAD}\n{'n' * 300}.png,good-mask.png,0\n", built(**{"n" * 300: "source_unreadable"})),
        "a control character": (f"{HEAD}\nb\x07ad.png,good-mask.png,0\n", built(**{"b\x07ad": "source_unreadable"})),
        "a URL": (f"{HEAD}\nhttps://example.org/bad.png,good-mask.png,0\n", unreadable),
        "braces": (f"{HEAD}\nbad{{0..9}}.png,good-mask.png,0\n", built(**{"bad{0..9}": "source_unreadable"})),
    }
