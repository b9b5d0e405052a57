"""Command lines: every command with arguments that are missing, unknown or malformed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.faults.case import Case, Expected, error, nothing, usage
from tests.faults.drawing import BARE, ORIGINAL, labelled, put

COMMANDS = (
    "audit", "build", "calibrate", "convert", "demo", "evaluate", "export", "keys", "masks", "models", "plan", "preview",
    "recipes", "regate", "report", "show", "verify",
)  # fmt: skip
BUILD = ("build", "imagenet-e", "--source", "folder:labels.csv", "--device", "cpu", "--workers", "1", *BARE, *ORIGINAL)
# What each needs to get as far as its options are read.
NEEDED = {
    "audit": ("imagenet-e",),
    "build": ("imagenet-e", "--out", "out"),
    "plan": ("imagenet-e",),
    "show": ("imagenet-e",),
}


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for command in COMMANDS:
        yield _case(f"{command} --nope", (command, "--nope"), usage("--nope"), quick=command == "plan")
        if command not in ("demo", "recipes", "models", "convert"):
            yield _case(f"{command} without arguments", (command,), usage("missing"))
        if command not in ("demo", "recipes", "models"):
            yield _case(f"{command} with too many arguments", (command, *["x"] * 9), usage(""))
    yield _case("an unknown command", ("nope",), usage("nope"), quick=True)
    for name, arguments, expected in (*_sets(), *_values()):
        yield _case(name, arguments, expected)
    for name, (make, out, expected) in _outs().items():
        yield Case(f"commands/out {name}", make, (*BUILD, "--out", out), expected, name in ("/", "a file"))


def _case(name: str, arguments: tuple[str, ...], expected: Expected, *, quick: bool = False) -> Case:
    return Case(f"commands/{name}", nothing, arguments, expected, quick)


def _sets() -> Iterator[tuple[str, tuple[str, ...], Expected]]:
    malformed = {
        "nothing": ("", "a.b=value"),
        "no equals sign": ("source.count", "a.b=value"),
        "no name": ("=7", "a.b=value"),
        "a dot alone": (".=7", "unknown key"),
        "two dots": ("source..count=7", "source"),
        "a list's place": ("generator.edits.0=x", "edits"),
        "a field of a number": ("seed.a=7", "seed"),
        "no YAML": ("source.count=[1", "source.count"),
        "a tab": ("source.count=\t- 7", "source.count"),
        "30,000 levels": (f"source.count={'[' * 30_000}", "levels"),
        "5,000 digits": (f"source.count={'9' * 5_000}", "source.count"),
        "a Python object": ("source.count=!!python/name:os.system", "source.count"),
        "an unknown field": ("nope=7", "nope: unknown key"),
        "an unknown inner field": ("guard.nope=7", "guard.nope: unknown key"),
        "an empty value": ("source.count=", "source.count"),
        "a control character": ("source.count=\x07", "source.count"),
        "half a surrogate": ("description=\udcff", "description"),
        "a name with blanks": ("source count=7", "unknown key"),
        "NUL": ("description=a\0b", "description"),
        "a kind of another family": ("generator.kind=text", "generator"),
    }
    for name, (text, says) in malformed.items():
        yield f"--set {name}", ("show", "imagenet-e", "--set", text), error(says)
        if name not in ("a list's place", "a kind of another family", "two dots"):
            regate = ("regate", "data", "--set", text, "--out", "new")
            yield f"regate --set {name}", regate, error()


def _values() -> Iterator[tuple[str, tuple[str, ...], Expected]]:
    for option, values in {
        "--shards": ("0", "-1", "1.5", "many", "", "1e9"),
        "--workers": ("0", "-1", "1.5", "many"),
        "--dtype": ("int8", ""),
        "--offload": ("disk",),
    }.items():
        for value in values:
            yield f"build {option} {value or 'empty'}", (*BUILD, "--out", "out", option, value), usage(option)
    yield "build --shards 1e6", ("plan", "imagenet-e", "--shards", "1000000"), error("shards")
    for device in ("tpu", "cuda:99", "cuda:x", "", "cpu:1:1"):
        yield f"preview --device {device or 'empty'}", ("preview", "imagenet-e", "--device", device), error("device")
    for source in (
        "nope",
        "nope:x",
        ":",
        "folder",
        "folder:",
        "coco",
        "jsonl:",
        "webdataset:",
        "imagenet-s:",
        "tabletop:nope",
        "images:",
    ):
        yield f"--source {source}", ("plan", "imagenet-e", "--source", source), error("source")
    for recipe in ("nope", "", "imagenet-e.yaml", "../imagenet-e", "mine.yml", "IMAGENET-E"):
        yield f"recipe {recipe or 'empty'}", ("plan", recipe), error("recipe")
    yield "text from photographs", ("plan", "xmai", "--source", "tabletop"), error("captions")
    yield "objects from captions", ("plan", "imagenet-e", "--source", "tabletop-captions"), error("labelled objects")
    yield "preview into .jpg", ("preview", "imagenet-e", "--out", "a.jpg"), error("--out", ".png")
    yield "preview -n 0", ("preview", "imagenet-e", "-n", "0"), usage("-n")
    yield "calibrate without a calibration", ("calibrate", "imagenet-e", "--out", "out"), error("calibration")
    yield "audit of captions", ("audit", "xmai"), error("audited")
    yield "check of an unknown role", ("models", "check", "tabletop", "--roles", "nope"), error("'nope'")
    yield (
        "measuring a pack without checks",
        ("models", "check", "sd15", "--roles", "nli", "--measure"),
        error("--measure"),
    )
    yield "check of an unknown pack", ("models", "check", "nope"), error("'nope'")
    yield "convert of nothing", ("convert", "adm", "none.pt", "--to", "new"), error("none.pt")
    yield "masks from captions", ("masks", "jsonl:x.jsonl", "--to", "new"), error("x.jsonl")
    for spec in ("0", "0/0", "3/2", "-1/2", "a/b", "1/2/3", "1.5/2", "/"):
        yield (
            f"--shard {spec}",
            ("build", "imagenet-e", "--set", "source.count=1", "--out", "out", "--shard", spec),
            error("--shard"),
        )
    for fields in ("--least", "--most"):
        yield f"audit {fields} 2", ("audit", "imagenet-e", fields, "2"), usage(fields)


def _file(folder: Path) -> None:
    labelled(folder, name="good.png")
    put(folder / "taken", b"x")
    put(folder / "full" / "notes.txt", b"x")
    (folder / "loop").symlink_to("loop")


def _outs() -> dict[str, tuple[partial[None], str, Expected]]:
    make = partial(_file)
    return {
        "/": (make, "/", error("not empty")),
        "/proc": (make, "/proc/x", error("/proc/x")),
        "/dev/null": (make, "/dev/null", error("/dev/null")),
        "a file": (make, "taken", usage("taken")),
        "below a file": (make, "taken/out", error("taken")),
        "a full folder": (make, "full", error("full", "not empty")),
        "a link loop": (make, "loop", error("loop")),
        "here": (make, ".", error("not empty")),
        "empty": (make, "", error("--out")),
    }
