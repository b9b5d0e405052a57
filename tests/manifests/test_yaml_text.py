"""YAML within bounds: every refusal is one sentence with its line, in well under a second."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from editmill.manifests.yaml_text import MOST_LEVELS, YamlProblem, parse_yaml, read_yaml

LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
)
REFUSED = {
    "a: 1\nb: 2\na: 3": "the key 'a' stands there twice (line 3",
    'a: 1\n"a": 2': "the key 'a' stands there twice (line 2",
    "x: {b: 1, c: 2, b: 3}": "the key 'b' stands there twice (line 1",
    "- a: 1\n  a: 2": "the key 'a' stands there twice (line 2",
    "[" * 5_000 + "]" * 5_000: f"nested more than {MOST_LEVELS} levels deep",
    "[" * 30_000: f"nested more than {MOST_LEVELS} levels deep",
    "{a: " * 30_000: f"nested more than {MOST_LEVELS} levels deep",
    "- " * 30_000 + "a": f"nested more than {MOST_LEVELS} levels deep",
    LAUGHS: "values, those that aliases stand for included",
    "a: &a [*a]": "the alias 'a' stands within what it names (line 1",
    "a: *b": "found undefined alias 'b' (line 1",
    "a: " + "9" * 5_000: "the number or date can't be read (line 1",
    "a: 2024-13-45": "the number or date can't be read (line 1",
    "a: [1": "expected ',' or ']'",
    "a:\n\t- b": "cannot start any token (line 2",
    "a: !!python/object/apply:os.getcwd []": "could not determine a constructor",
    "a: 1\nb: \x00": "the character U+0000 can't stand in it (line 2)",
    "a: 1\n---\nb: 2": "another document (line 2",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text: str) -> None:
    started = time.process_time()
    with pytest.raises(YamlProblem) as caught:
        parse_yaml(text)
    assert REFUSED[text] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.process_time() - started < 1


def test_anchors_and_merge_keys_are_taken() -> None:
    text = "base: &base {a: 1, b: 2}\nmine: {<<: *base, a: 3}\nsame: *base\n"
    assert parse_yaml(text) == yaml.safe_load(text)
    assert parse_yaml(text)["mine"] == {"a": 3, "b": 2}


def test_files_are_utf8_and_no_more_than_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: caf\xc3\xa9\n")
    assert read_yaml(path) == {"a": "café"}
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(YamlProblem, match=r"line 2.* not UTF-8"):
        read_yaml(path)
    path.write_bytes(b"a: " + b"x" * 300_000)
    with pytest.raises(YamlProblem, match="at most 200,000"):
        read_yaml(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("ab \n:-é", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab1", max_size=3), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert parse_yaml(yaml.safe_dump(value, allow_unicode=True)) == value
