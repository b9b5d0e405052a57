"""One kind of bad input: the files, the command, and the one outcome that is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Expected:
    """The right outcome of a case.

    Attributes:
        code: The exit code.
        says: Parts that standard error must hold, in any case of letters.
        prints: Parts that standard output must hold.
        rows: By the source's id: the reason that its row must carry, or "" for a source that must be usable.
        fix: Whether an error has to say how it is mended; click's own usage errors point at the help instead.
        leaves: Whether the command may leave new files.
        listed: Whether it lists problems, as ``verify`` does, instead of raising the first.
    """

    code: int = 0
    says: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()
    rows: Mapping[str, str] = field(default_factory=dict)
    fix: bool = True
    leaves: bool = False
    listed: bool = False

    def __str__(self) -> str:
        if self.code:
            return f"error containing {', '.join(map(repr, self.says))}"
        wanted = [f"{identity}: {reason or 'built'}" for identity, reason in self.rows.items()]
        wanted += [f"warning containing {part!r}" for part in self.says]
        return "; ".join(wanted) or "built"


def error(*says: str, code: int = 2, fix: bool = True, leaves: bool = False) -> Expected:
    """Expect one message that holds ``says``, and no file."""
    return Expected(code, says, fix=fix, leaves=leaves)


def usage(*says: str) -> Expected:
    """Expect the message of a malformed command line."""
    return Expected(2, says, fix=False)


def built(*says: str, **rows: str) -> Expected:
    """Expect a plan or a build in which exactly these sources have these reasons; ``says`` are parts of warnings."""
    return Expected(0, says, rows=rows, leaves=True)


def fine(*prints: str) -> Expected:
    """Expect exit code 0 and these parts of the output."""
    return Expected(0, prints=prints, leaves=True)


@dataclass(frozen=True)
class Case:
    """One kind of bad input.

    Attributes:
        name: The kind and, behind a slash, what is wrong.
        make: Writes the files into the folder that the command runs in.
        command: The arguments of ``editmill``.
        expected: What must come of it.
        quick: Whether it is one of those that run with every test run.
    """

    name: str
    make: Make
    command: tuple[str, ...]
    expected: Expected
    quick: bool = False


def nothing(folder: Path) -> None:
    """Write no file."""
