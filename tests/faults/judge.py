"""Whether what came of a case is its right outcome."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.case import Case, Expected

# Names of Python's and libraries' exceptions say nothing to a user.
FOREIGN = re.compile(r"\b[A-Za-z_.]*[A-Z][A-Za-z]*(?:Error|Exception|Warning)\b")
MESSAGE = re.compile(r"^(?:error|Error): ", re.MULTILINE)
FIX = re.compile(r"^\s+fix: \S", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code (negative for a signal), output, processor seconds, seconds waited, bytes of memory
    above the start (None where it was killed), new files.
    """

    code: int
    out: str
    err: str
    seconds: float
    waited: float
    memory: int | None
    left: tuple[str, ...]


def faults_of(case: Case, outcome: Outcome, work: Path, *, seconds: float, memory: int) -> Iterator[str]:
    """Yield everything that is wrong with an outcome."""
    expected = case.expected
    if outcome.memory is None:
        yield f"it did not end by itself within {outcome.seconds:.1f} s of processor time ({outcome.waited:.1f} s)"
        return
    if outcome.code != expected.code:
        yield f"exit code {outcome.code}, not {expected.code}"
    if outcome.seconds > seconds:
        yield f"{outcome.seconds:.1f} s of processor time"
    if outcome.memory > memory:
        yield f"{outcome.memory >> 20} MiB of memory"
    yield from _words(expected, outcome)
    if not expected.leaves and outcome.left:
        yield f"it left {', '.join(outcome.left[:3])}"
    if expected.rows and outcome.code == 0:
        yield from _rows(expected, found_rows(case, outcome, work))


def _words(expected: Expected, outcome: Outcome) -> Iterator[str]:
    err = outcome.err.lower()
    if "traceback" in err:
        yield "a traceback"
    if foreign := FOREIGN.search(outcome.err):
        yield f"it names {foreign[0]}"
    yield from (f"standard error lacks {part!r}" for part in expected.says if part.lower() not in err)
    yield from (f"standard output lacks {part!r}" for part in expected.prints if part not in outcome.out)
    if not expected.code or expected.listed:
        return
    if len(MESSAGE.findall(outcome.err)) != 1:
        yield f"{len(MESSAGE.findall(outcome.err))} messages"
    if expected.fix and not FIX.search(outcome.err):
        yield "no fix"


def found_rows(case: Case, outcome: Outcome, work: Path) -> dict[str, str]:
    """Return the reason by source, "" for those that can be used, of a plan in JSON or a built dataset."""
    if case.command[0] == "plan":
        document = json.loads(outcome.out)
        # A plan names no source that can be used; it counts them.
        usable = [identity for identity, reason in case.expected.rows.items() if not reason]
        planned = sum(document["edits"].values()) >= len(case.expected.rows)
        return {**(dict.fromkeys(usable, "") if planned else {}), **document["problems"]}
    import pyarrow.parquet as pq

    out = work / case.command[case.command.index("--out") + 1]
    rows: list[dict[str, Any]] = pq.ParquetFile(out / "samples.parquet").read(use_threads=False).to_pylist()
    return {row["source_id"]: next(iter(row["reasons"]), "") for row in rows}


def _rows(expected: Expected, found: dict[str, str]) -> Iterator[str]:
    for identity, reason in expected.rows.items():
        if identity not in found:
            yield f"the source {identity} is missing"
        elif found[identity] != reason:
            yield f"the source {identity} is {found[identity] or 'usable'}, not {reason or 'usable'}"
