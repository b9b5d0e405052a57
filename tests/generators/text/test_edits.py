"""The table of edits."""

from __future__ import annotations

from typing import get_args

import yaml

from editmill.generators.text.edits import EDITS, TextEditName, kind_of
from editmill.generators.text.family import TextFamily


def test_every_edit_has_its_facts_and_a_recipe() -> None:
    assert tuple(EDITS) == get_args(TextEditName)
    documents = [yaml.safe_load(path.read_text()) for path in TextFamily().recipes().glob("*.yaml")]
    assert {edit["name"] for document in documents for edit in document["generator"]["edits"]} == set(EDITS)


def test_what_the_grounded_edit_is_needed_for() -> None:
    free = {name for name in EDITS if not kind_of(name).needs_grounding}
    assert free == {"original", "xmai-2023", "naive", "eda"}
    assert {kind.matched for kind in EDITS.values() if kind.way == "swapped"} == {True}
