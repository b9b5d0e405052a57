"""The commands around versions: what they refuse, and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from editmill.flows.cli import main
from editmill.flows.commands.refresh import Share
from editmill.manifests.errors import RequestError
from tests.manifests.builder import build_dataset


@pytest.mark.parametrize(("text", "share"), [("20%", 0.2), ("0.05", 0.05), ("100%", 1.0)])
def test_shares_are_percentages_or_fractions(text: str, share: float) -> None:
    assert Share().convert(text, None, None) == share


@pytest.mark.parametrize("text", ["20", "much", "-1%", "nan"])
def test_other_shares_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="is no share"):
        Share().convert(text, None, None)


def test_differences_of_datasets_are_told(tmp_path: Path) -> None:
    build_dataset(tmp_path / "old", sources=6)
    build_dataset(tmp_path / "new", sources=7)
    done = CliRunner().invoke(main, ["diff", str(tmp_path / "old"), str(tmp_path / "new")])
    assert done.exit_code == 0
    assert "3 samples added, 0 removed, 0 made anew" in done.output
    missing = CliRunner().invoke(main, ["rollback", str(tmp_path / "old"), "1.0.0"])
    assert missing.exit_code == 2
    assert "there is no version 1.0.0" in missing.output
