"""Some of the mutations that ``make faults`` runs more of."""

from __future__ import annotations

from pathlib import Path

from tests.faults.mutations import run


def test_damaged_datasets_raise_nothing_but_errors_of_editmill(tmp_path: Path) -> None:
    assert run(50, tmp_path, seed=1) == []
