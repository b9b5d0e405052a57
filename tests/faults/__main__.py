"""``python -m tests.faults``: bad input, kills and damaged datasets, one table of what was handled."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tests.faults.harness import Verdict, run_cases, warm_up

# Parts beside the corpus, each with the function ``run(count, folder)`` that returns its failures, and those of which the
# function also takes a seed.
COUNTS = {"kills": 200, "mutations": 500, "verify_runs": 300}
SEEDED = ("kills", "mutations")
PARTS = ("corpus", *COUNTS)


def main() -> int:
    """Run the parts that were asked for; return 1 if anything was not handled."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
        folder = asked.keep or Path(temporary)
        failed = 0
        for part in asked.only or PARTS:
            failed += _corpus(asked, folder / part) if part == "corpus" else _part(part, folder / part, asked)
    return int(failed > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part only; may be repeated")
    parser.add_argument("--count", type=int, help="how many kills, mutations and runs of verify  [default: hundreds]")
    parser.add_argument("--seed", type=int, default=0, help="which kills and mutations")
    parser.add_argument("--match", default="", help="run the cases of the corpus whose names hold this text")
    parser.add_argument("--quick", action="store_true", help="run the cases of the corpus that every test run has")
    parser.add_argument("--json", type=Path, help="write what came of each case to this file")
    parser.add_argument("--keep", type=Path, help="keep the files of what was not handled in this new folder")
    parser.add_argument("--verbose", action="store_true", help="print every case, handled ones too")
    return parser.parse_args()


def _corpus(asked: argparse.Namespace, folder: Path) -> int:
    from tests.faults.corpus import corpus, representative

    warm_up()
    chosen = [case for case in (representative() if asked.quick else corpus()) if asked.match in case.name]
    started, verdicts = time.monotonic(), []
    for verdict in run_cases(chosen, folder):
        verdicts.append(verdict)
        if verdict.faults or asked.verbose:
            _print(verdict)
    if asked.json:
        asked.json.write_text(json.dumps([_document(verdict) for verdict in verdicts], indent=1))
    return _table(verdicts, time.monotonic() - started)


def _document(verdict: Verdict) -> dict[str, object]:
    case = {"name": verdict.case.name, "command": verdict.case.command, "expected": str(verdict.case.expected)}
    return {**case, "faults": verdict.faults, **asdict(verdict.outcome)}


def _print(verdict: Verdict) -> None:
    case, outcome = verdict.case, verdict.outcome
    print(f"{'NOT' if verdict.faults else 'ok':3} {case.name}: {case.expected}")
    for fault in verdict.faults:
        print(f"      {fault}")
    if verdict.faults:
        print("      $ editmill " + " ".join(case.command).encode("ascii", "backslashreplace").decode()[:400])
        for line in outcome.err.splitlines()[-8:]:
            print("      | " + line.encode("ascii", "backslashreplace").decode()[:300])
    sys.stdout.flush()


def _table(verdicts: list[Verdict], seconds: float) -> int:
    kinds = Counter(verdict.case.name.partition("/")[0] for verdict in verdicts)
    bad = Counter(verdict.case.name.partition("/")[0] for verdict in verdicts if verdict.faults)
    print(f"{'kind of input':20} {'cases':>6} {'handled':>8} {'not':>5}")
    for kind, count in kinds.items():
        print(f"{kind:20} {count:6} {count - bad[kind]:8} {bad[kind]:5}")
    print(f"{'all':20} {len(verdicts):6} {len(verdicts) - bad.total():8} {bad.total():5}")
    most = max((verdict.outcome.memory or 0 for verdict in verdicts), default=0)
    longest = max((verdict.outcome.seconds for verdict in verdicts), default=0.0)
    print(f"{seconds:.0f} s; at most {longest:.1f} s of processor time and {most >> 20} MiB in one case")
    return bad.total()


def _part(name: str, folder: Path, asked: argparse.Namespace) -> int:
    """Run one of the other parts."""
    run: Callable[..., list[str]] = importlib.import_module(f"tests.faults.{name}").run
    folder.mkdir(parents=True)
    count = asked.count or COUNTS[name]
    failures = run(count, folder, **({"seed": asked.seed} if name in SEEDED else {}))
    for failure in failures:
        print(f"NOT {name}: {failure}")
    print(f"{name:20} {count:6} {count - len(failures):8} {len(failures):5}")
    return len(failures)


if __name__ == "__main__":
    sys.exit(main())
