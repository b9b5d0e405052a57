"""Files written at a command's end: what can't be written is known before the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.flows.commands import outputs
from editmill.flows.commands.outputs import check_output, write_output
from editmill.manifests.errors import RequestError


def check(path: Path) -> None:
    check_output(path, "--out", suffixes=(".png", ".jpg"))


def test_a_file_below_missing_folders_is_fine_and_the_check_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new/deep/sheet.PNG"
    check(path)
    assert list(tmp_path.iterdir()) == []
    write_output(path, b"one")
    check(path)
    write_output(path, b"two")
    assert path.read_bytes() == b"two"
    assert [one.name for one in path.parent.iterdir()] == ["sheet.PNG"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    link = tmp_path / "link.png"
    link.symlink_to("real.png")
    check(link)
    write_output(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "real.png").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["sheet", "sheet.gif", "png"])
def test_an_ending_that_does_not_fit_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match=r"does not end in \.png or \.jpg") as caught:
        check(tmp_path / name)
    assert caught.value.where == "--out"
    assert caught.value.fix.endswith(".png")


@pytest.mark.parametrize("name", ["file/sheet.png", "file/deep/sheet.png"])
def test_a_folder_that_can_not_be_made_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RequestError, match="can't be written") as caught:
        check(tmp_path / name)
    assert caught.value.exit_code == 2


def test_a_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sheet.png").mkdir()
    with pytest.raises(RequestError, match="is not a regular file"):
        check(tmp_path / "sheet.png")


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="can't be written"):
        check(tmp_path / f"{'x' * 300}.png")


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Permissions don't bind root, as whom tests may run.
    def refuse(*, dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(outputs, "TemporaryFile", refuse)
    with pytest.raises(RequestError, match="can't be written: Permission denied"):
        check(tmp_path / "sheet.png")
