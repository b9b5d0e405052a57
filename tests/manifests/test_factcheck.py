from __future__ import annotations

import json

import pytest

from editmill.manifests.errors import DataError
from editmill.manifests.factcheck import parse_alike
from editmill.manifests.jsontypes import check_same_types, parse_typed

FIRST = b'{"area":0.5,"boxes":[1.0,2.5],"edit":"size","kept":true,"names":["a"],"seed":7}'


@pytest.mark.parametrize(
    "change",
    [
        (b"0.5", b"1e-07"),
        (b"0.5", b"1"),
        (b"0.5", b"NaN"),
        (b"0.5", b"null"),
        (b"0.5", b'"0.5"'),
        (b"2.5", b"2.5,3.5"),
        (b"2.5", b"2"),
        (b"2.5", b"null"),
        (b'["a"]', b"[]"),
        (b'"size"', b'"\\"area\\":1.0"'),
        (b'"size"', '"Gr\u00f6\u00dfe"'.encode()),
        (b'"size"', b'"\xff"'),
        (b"true", b"1"),
        (b'"a"', b"1"),
        (b'"a"', b'"a",1'),
        (b"7", b"9223372036854775807"),
        (b"7", b"7.0"),
        (b"7}", b'7,"area":1}'),
        (b"7}", b'7,"other":1}'),
        (b'"kept"', b'"held"'),
        (b"7}", b"7"),
        (b"7}", b"7}}"),
    ],
)
@pytest.mark.parametrize("space", [b"", b" "])
def test_facts_are_alike_where_their_types_are(change: tuple[bytes, bytes], space: bytes) -> None:
    spaced = FIRST.replace(b":", b":" + space).replace(b",", b"," + space)
    text = spaced.replace(*change)
    assert text != spaced
    first, types = parse_typed(spaced)
    try:
        facts, found = parse_typed(text)
        check_same_types(types, found, "")
    except DataError:
        with pytest.raises(ValueError, match=r"."):
            parse_alike(first, [spaced, text, spaced])
    else:
        assert parse_alike(first, [spaced, text, spaced]).to_pylist() == [first, facts, first]


@pytest.mark.parametrize("text", [(b"size", b"a.b"), (b'"a"', b'"a."')])
def test_dots_in_texts_make_no_floats(text: tuple[bytes, bytes]) -> None:
    dotted = FIRST.replace(*text)
    assert parse_alike(json.loads(FIRST), [FIRST, dotted]).num_rows == 2
    with pytest.raises(ValueError, match="not alike"):
        parse_alike(json.loads(FIRST), [FIRST, dotted.replace(b"0.5", b"1")])
