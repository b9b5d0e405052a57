"""Progress in logs: lines, few of them, and none that a terminal would write over."""

from __future__ import annotations

import io

import pytest

from editmill.manifests import progress
from editmill.manifests.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_one_line_when_all_is_quick() -> None:
    log = io.StringIO()
    assert list(Progress(range(500), desc="masks", file=log)) == list(range(500))
    lines = log.getvalue().splitlines()
    assert len(lines) == 1
    assert "500/500" in lines[0]
    assert "\r" not in log.getvalue()


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LEAST", 0.0)
    log = io.StringIO()
    with Progress(total=3, file=log) as bar:
        for _ in range(3):
            bar.update()
    assert [line.split("|")[-1].split()[0] for line in log.getvalue().splitlines()][:3] == ["1/3", "2/3", "3/3"]


def test_what_did_not_move_or_is_turned_off_writes_nothing() -> None:
    log = io.StringIO()
    with Progress(total=3, file=log):
        pass
    with Progress(total=3, file=log, disable=True) as bar:
        bar.update()
    assert log.getvalue() == ""


def test_a_terminal_has_its_bar() -> None:
    terminal = Terminal()
    list(Progress(range(3), file=terminal))
    assert "\r" in terminal.getvalue()


def test_a_log_gets_about_ten_lines_of_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LEAST", 0.0)
    log = io.StringIO()
    with Progress(total=1000, file=log) as bar:
        for _ in range(1000):
            bar.update()
    assert 9 <= len(log.getvalue().splitlines()) <= 11
