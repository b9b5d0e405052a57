"""Builds the documentation site: stages the pages as they lie in the repository, and runs mkdocs over them.

    python -m docs.site [FOLDER]

Pages written from the code (commands, settings, benchmarks, Python) are staged beside those written by hand. Since the
staged tree is that of the repository, a link that works on the site works in the repository too, and mkdocs checks it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from docs.site.benchmarks import benchmark_pages
from docs.site.commands import command_pages
from docs.site.python_api import python_pages
from docs.site.settings import setting_pages

ROOT = Path(__file__).parents[2]
# What the site shows of the repository, with what its pages link to.
SHOWN = (
    "README.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "docker/README.md",
    "docs/*.md",
    "docs/benchmarks/*.json",
    "docs/examples/**/*",
    "docs/images/*",
    "generators/fmr/settings.py",
    "generators/synthesis/adaptation.py",
    "packs/tabletop/CARD.md",
    "packs/tabletop/photographs/README.md",
)


def stage(target: Path) -> None:
    """Copy the shown files into a folder, and write the generated pages beside them."""
    for path in [path for pattern in SHOWN for path in ROOT.glob(pattern) if path.is_file()]:
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    for name, text in {**command_pages(), **setting_pages(), **python_pages(), **benchmark_pages(ROOT)}.items():
        page = target / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text)


def build(folder: Path) -> int:
    """Build the site into ``folder/site``; return mkdocs' exit status, which is 1 for a broken link."""
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    stage(pages)
    configuration = folder / "mkdocs.yml"
    shutil.copyfile(Path(__file__).with_name("mkdocs.yml"), configuration)
    shutil.copyfile(Path(__file__).with_name("site.css"), pages / "site.css")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(configuration)]
    # The theme announces its successor at every start.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "EDITMILL_SOURCE": str(ROOT / "src")}
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    built = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/docs").absolute()
    status = build(built)
    if not status:
        print(f"open {built / 'site/index.html'}")
    sys.exit(status)
