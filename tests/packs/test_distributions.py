"""The two distributions of this repository: what each carries, and that they go together."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from setuptools import find_packages

from editmill.packs.tabletop import PACK

ROOT = Path(__file__).parents[2]
TABLETOP = ROOT / "packs/tabletop"
PREFIX = "editmill.packs.tabletop"
# What lies beside the code without belonging to it.
ASIDE = ("__pycache__", "build", "*.egg-info")


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def files(folder: Path, *, without: tuple[Path, ...] = ()) -> set[Path]:
    """Every file below a folder, links to folders followed."""
    return set(_walk(folder, without))


def _walk(folder: Path, without: tuple[Path, ...]) -> Iterator[Path]:
    for path in folder.iterdir():
        if path in without or any(path.match(pattern) for pattern in ASIDE):
            continue
        if path.is_dir():
            yield from _walk(path, without)
        else:
            yield path


def carried(folders: dict[str, Path], patterns: dict[str, list[str]]) -> set[Path]:
    """The files that setuptools packs of packages in these folders."""
    return {
        path
        for package, folder in folders.items()
        for pattern in ("*.py", *patterns.get("*", ()), *patterns.get(package, ()))
        for path in folder.glob(pattern)
        if path.is_file()
    }


def test_the_light_distribution_carries_all_but_the_embedded_pack() -> None:
    tool = project(ROOT)["tool"]["setuptools"]
    packages = find_packages(where=str(ROOT / "src"), exclude=tool["packages"]["find"]["exclude"])
    assert not [name for name in packages if name.startswith(PREFIX)]
    found = carried({name: ROOT / "src" / name.replace(".", "/") for name in packages}, tool["package-data"])
    source = ROOT / "src/editmill"
    assert found == files(source, without=(source / "packs/tabletop",))
    assert {source / "packs/sdxl.yaml", source / "py.typed"} <= found
    assert any(path.match("generators/attribute/recipes/*.yaml") for path in found)


def test_the_embedded_packs_distribution_carries_its_whole_folder() -> None:
    tool = project(TABLETOP)["tool"]["setuptools"]
    assert tool["package-dir"] == {PREFIX: "."}
    folders = {name: TABLETOP / name.removeprefix(PREFIX).replace(".", "/").lstrip("/") for name in tool["packages"]}
    found = carried(folders, tool["package-data"])
    assert found == files(TABLETOP, without=(TABLETOP / "pyproject.toml", TABLETOP / "LICENSE"))
    assert set(folders.values()) == {path.parent for path in found if path.suffix == ".py"}


@pytest.mark.slow
def test_the_source_distribution_carries_no_test(tmp_path: Path) -> None:
    shutil.copytree(ROOT, tmp_path / "copy", symlinks=True, ignore=shutil.ignore_patterns(".*", "out", "weights"))
    code = f"from setuptools.build_meta import build_sdist; build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "copy", check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as tar:
        names = {name.split("/", 1)[-1] for name in tar.getnames()}
    assert "src/editmill/manifests/reader.py" in names
    assert not [name for name in names if name.startswith("tests")]


def test_the_two_require_each_other_in_their_own_versions() -> None:
    light, pack = project(ROOT)["project"], project(TABLETOP)["project"]
    assert f"{pack['name']}=={pack['version']}" in light["optional-dependencies"]["generate"]
    assert pack["dependencies"] == [f"{light['name']}[generate]=={light['version']}"]


@pytest.mark.parametrize(("group", "names"), [("packs", {"tabletop"}), ("sources", {"tabletop", "tabletop-captions"})])
def test_the_embedded_pack_is_found_as_any_plug_in_is(group: str, names: set[str]) -> None:
    points = [one for one in entry_points(group=f"editmill.{group}") if one.value.startswith(PREFIX)]
    assert {one.name for one in points} == names
    assert all(one.load() for one in points)
    assert PACK.samefile(TABLETOP / "tabletop.yaml")
