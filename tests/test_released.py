"""The search for traces of a machine finds them wherever a dataset has text."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.manifests.builder import build_dataset
from tests.released import REPOSITORY, traces


def test_a_dataset_without_traces_has_none(tmp_path: Path) -> None:
    build_dataset(tmp_path / "set", sources=2)
    assert traces(tmp_path / "set") == []


@pytest.mark.parametrize("text", [socket.gethostname(), f"on {socket.gethostname()}.", str(REPOSITORY / "weights")])
def test_traces_are_found(tmp_path: Path, text: str) -> None:
    build_dataset(tmp_path / "set", sources=2)
    (tmp_path / "set" / "notes.json").write_text(f'{{"where":"{text}"}}')
    assert len(traces(tmp_path / "set")) == 1
