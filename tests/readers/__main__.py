"""Print what each loader reads from a dataset of each family: ``make readers``.

    python -m tests.readers                  on tiny datasets, written for it
    python -m tests.readers --datasets DIR   on the datasets DIR/NAME, such as those of ``python -m tests.golden build``

The exit code is 1 where a loader fails; a dash has its reason below the table.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from contextlib import redirect_stdout
from pathlib import Path


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=Path, help="folder of finished datasets to take instead")
    parser.add_argument("--reader", action="append", help="only this one; may be given several times")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="editmill-readers-") as scratch:
        # Read at their import.
        names = ("CROISSANT_CACHE", "HF_HOME", "HF_HUB_OFFLINE")
        os.environ |= dict(zip(names, (f"{scratch}/croissant", f"{scratch}/hub", "1"), strict=True))
        warnings.simplefilter("ignore")
        # Loaders talk as they read.
        with redirect_stdout(sys.stderr):
            table, failures = matrix(asked.datasets, Path(scratch), asked.reader)
    print(table)
    return int(failures > 0)


def matrix(datasets: Path | None, scratch: Path, only: list[str] | None) -> tuple[str, int]:
    """Return the table with its reasons, and the number of failures."""
    from tests.readers.families import FAMILIES
    from tests.readers.readers import READERS, attempt

    if datasets is None:
        datasets = scratch / "datasets"
        for family, write in FAMILIES.items():
            write(datasets / family)
    roots = sorted(path.parent for path in datasets.glob("*/manifest.json"))
    lines = [f"| reader | {' | '.join(root.name for root in roots)} |", "| --- |" + " --- |" * len(roots)]
    reasons: dict[str, list[str]] = {}
    for number, name in enumerate(only or READERS):
        shown = []
        for root in roots:
            own = scratch / f"{number}-{root.name}"
            own.mkdir()
            result, why = attempt(name, root, own)
            shown.append(result)
            if why:
                reasons.setdefault(f"{name}: {why}", []).append(root.name)
        lines.append(f"| {name} | {' | '.join(shown)} |")
    notes = [f"* {reason} ({', '.join(names)})" for reason, names in reasons.items()]
    return "\n".join([*lines, "", *notes]), sum(line.count("| fails") for line in lines)


if __name__ == "__main__":
    # Threads of loaders outlive what they read.
    code = main()
    sys.stdout.flush()
    os._exit(code)
