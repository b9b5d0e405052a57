from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

from editmill import manifests

HEAVY = ("torch", "prefect", "diffusers", "transformers", "datasets", "webdataset", "mlcroissant")


def test_importing_and_reading_pulls_in_nothing_heavy(built: Path) -> None:
    code = (
        "import sys, json, pkgutil, importlib\n"
        "from editmill import manifests\n"
        "for module in pkgutil.iter_modules(manifests.__path__): "
        "importlib.import_module(f'editmill.manifests.{module.name}')\n"
        "dataset = manifests.open_dataset(sys.argv[1], verify=True)\n"
        "[(sample.image(), sample.mask(), sample.json()) for sample in dataset]\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(built)], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == []


def test_imports_nothing_of_ours_but_itself() -> None:
    for path in Path(manifests.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [
                name for name in names if name.startswith("editmill.") and not name.startswith("editmill.manifests.")
            ], path


def test_all_is_sorted_and_whole() -> None:
    assert manifests.__all__ == sorted(manifests.__all__)
    public = {
        name
        for name, value in vars(manifests).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("editmill.manifests.")
    }
    assert public == set(manifests.__all__)
