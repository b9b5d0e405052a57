"""What the light installation serves, each command once, where nothing but its own packages can be imported.

To be run with ``python -c`` in a folder that holds ``set``, ``guarded``, ``photos`` and ``mine.py``.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

OWN = {"editmill", "mine", "flows", "manifests"}
PACKAGES = {"click", "fsspec", "numpy", "PIL", "pyarrow", "pydantic", "pydantic_core", "scipy", "tqdm", "yaml"}
# What these require in turn.
FURTHER = {"annotated_types", "typing_extensions", "typing_inspection"}
SOURCE = "--source folder:photos/labels.csv"
COMMANDS = (
    "recipes",
    "models",
    f"show imagenet-e {SOURCE}",
    f"plan imagenet-e {SOURCE} --models sd15",
    f"plan imagenet-g {SOURCE} --models sd15 --set calibration=null",
    "plan watermark --source images:photos/images --models sd15",
    "verify set",
    "evaluate set --model mine:zero --format latex --output table.tex",
    "diff set set",
    "push set --to my-lab/set --dry-run",
    "regate guarded --set guard.contrast=50 --out regated",
    *(
        f"export set --format {layout} --to exported-{layout}"
        for layout in ("clip-benchmark", "coco", "dali", "imagefolder", "imagenet-e", "paired-folders")
    ),
)


class Bare(MetaPathFinder):
    """Finds no module of another package, as if none was installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        top = name.partition(".")[0]
        known = top in sys.stdlib_module_names | OWN | PACKAGES | FURTHER or top.startswith("_")
        if not known or name == "editmill.packs.tabletop":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Bare())

from click.testing import CliRunner  # noqa: E402

from editmill.flows.cli import main  # noqa: E402

for command in COMMANDS:
    result = CliRunner().invoke(main, command.split(), catch_exceptions=False)
    assert result.exit_code == 0, f"{command}\n{result.output}"

# Pages need what the extra brings.
result = CliRunner().invoke(main, ["report", "set"])
assert (result.exit_code, "'.[report]'" in result.output) == (2, True), result.output
