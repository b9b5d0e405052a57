"""The documentation site: what is written from the code, and the strict build."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.site.commands import command_pages
from docs.site.settings import descriptions, nested, setting_pages
from editmill.flows.cli import main
from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.registry import families
from editmill.pipelines.sources.registry import SOURCES

ROOT = Path(__file__).parents[2]


def test_every_setting_is_described() -> None:
    parts = [part for family in families().values() for part in (family.settings, family.guard)]
    tops = [Recipe, *parts, *(source.spec_type for source in SOURCES.loaded().values())]
    models = dict.fromkeys(model for top in tops for model in (top, *nested(top)))
    missing = {model.__name__: sorted(set(model.model_fields) - set(descriptions(model))) for model in models}
    assert {name: fields for name, fields in missing.items() if fields} == {}


def test_settings_have_default_values_and_meaning() -> None:
    page = setting_pages()["docs/reference/settings/attribute.md"]
    (row,) = [line for line in page.splitlines() if line.startswith("| `least_share` |")]
    assert "Limits of the object's share" in row
    assert row.endswith(f"| number ≥ 0 and ≤ 1 | `{GuardSettings().least_share}` |")


def test_every_command_and_option_has_a_row() -> None:
    page = command_pages()["docs/reference/commands.md"]
    for name, command in main.commands.items():
        section = page.partition(f"## editmill {name}\n")[2].partition("\n## ")[0]
        missing = [option.opts[-1] for option in command.params if option.opts[-1].startswith("-")]
        assert [option for option in missing if option not in section] == [], name


@pytest.mark.slow
def test_the_site_builds_without_a_broken_link(tmp_path: Path) -> None:
    built = subprocess.run([sys.executable, "-m", "docs.site", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert "least_share" in (tmp_path / "site/docs/reference/settings/attribute.html").read_text()


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "docs/examples/editmill.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = str([cell.get("outputs") for cell in notebook.cells])
    assert "image/png" in shown
    assert "random-background" in shown
