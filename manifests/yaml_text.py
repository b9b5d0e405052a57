"""YAML that users write: read strictly, within bounds, and refused in one sentence that names the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from editmill.manifests.files import FileProblem, read_text

# A recipe is a page of text; more is some other file.
MOST_BYTES = 200_000
MOST_LEVELS = 64
# Values with aliases written out: nine lines of aliases can stand for a billion values.
MOST_VALUES = 50_000


class YamlProblem(ValueError):
    """Raised when a text is not YAML that can be taken; its words name the line and no path."""


def read_yaml(path: Path) -> Any:
    """Read a YAML file in UTF-8.

    Raises:
        YamlProblem: It can't be read, is no YAML, names a key twice in one mapping, or goes beyond the bounds.
    """
    try:
        return parse_yaml(read_text(path, most=MOST_BYTES))
    except FileProblem as error:
        raise YamlProblem(str(error)) from error


def parse_yaml(text: str) -> Any:
    """Read YAML; as ``read_yaml``."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        raise YamlProblem(f"not valid YAML: {error.problem}{_place(error.problem_mark)}") from error
    except yaml.reader.ReaderError as error:
        line = 1 + text.count("\n", 0, error.position)
        what = f"the character U+{ord(text[error.position]):04X} can't stand in it"
        raise YamlProblem(f"not valid YAML: {what} (line {line})") from error


def _place(mark: yaml.Mark | None) -> str:
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""


class _Loader(yaml.SafeLoader):
    """Keeps depth and size within the bounds, and refuses keys that stand twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._values = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        anchor, alias = getattr(event, "anchor", None) or "", isinstance(event, yaml.AliasEvent)
        if alias and anchor in self.anchors and anchor not in self._sizes:
            raise _problem(f"the alias {anchor!r} stands within what it names", event)
        before = self._values
        self._values += self._sizes.get(anchor, 0) if alias else 1
        if self._values > MOST_VALUES:
            raise _problem(f"more than {MOST_VALUES:,} values, those that aliases stand for included", event)
        self._depth += 1
        if self._depth > MOST_LEVELS:
            raise _problem(f"nested more than {MOST_LEVELS} levels deep", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor and not alias:
            self._sizes[anchor] = self._values - before
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, Any]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _problem(f"the key {key.value!r} stands there twice", key)
                seen.add((key.tag, key.value))
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:
            # Numbers of thousands of digits, and dates such as 2024-13-45.
            raise _problem("the number or date can't be read", node) from error


def _problem(what: str, found: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, what, found.start_mark)
