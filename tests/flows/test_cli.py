"""The command line: what a user types, what comes out, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from PIL import Image

from editmill.flows.cli import main
from editmill.generators.models.loading import Models
from editmill.manifests.verify import verify_dataset
from tests.checkpoints import write_pack
from tests.evaluators.attribute.edits import build_edits
from tests.manifests.builder import build_dataset
from tests.pipelines.masks.scenes import boxes, write_scenes
from tests.pipelines.photos import write_labels, write_photos

COMMANDS = (
    "audit",
    "build",
    "calibrate",
    "convert",
    "demo",
    "evaluate",
    "export",
    "keys",
    "masks",
    "models",
    "plan",
    "preview",
    "recipes",
    "regate",
    "show",
    "verify",
)
CHANGES = (
    "generator.edits=[{name: original}, {name: size, levels: [0.05]}]",
    "generator.render.steps=1",
    "guard.label_margin=-1",
)
SMALL = [argument for change in CHANGES for argument in ("--set", change)]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"), 3)


def assert_one_message(result: Result, *words: str, code: int = 2) -> None:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.output.count("error:") == 1
    for word in words:
        assert word in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_recipes_show_and_models() -> None:
    assert "imagenet-e" in run("recipes").output
    assert yaml.safe_load(run("show", "imagenet-e", "--set", "guard.attempts=7").output)["guard"]["attempts"] == 7
    listing = json.loads(run("models", "--json").output)
    assert listing["sd15"]["inpaint"]["present"] is False
    assert len(listing["sd15"]["inpaint"]["revision"]) == 40
    assert listing["tabletop"]["inpaint"]["licence"] == "Apache-2.0"


def test_plan_counts_without_models(labels: Path) -> None:
    result = run("plan", "imagenet-e", "--source", f"folder:{labels}", "--models", "sd15", "--json")
    document = json.loads(result.output)
    assert document["edits"]["size-005"] == 3
    assert sum(document["shards"]) == sum(document["edits"].values()) == 42
    assert document["network_evaluations"] > 0
    # A crash loses the edits of one photograph.
    assert document["lost_in_a_crash"] == 14


def test_plan_says_why_a_source_can_not_be_used(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 3)
    Image.new("L", (96, 64), 1).save(tmp_path / "masks/p1.png")
    (tmp_path / "images/p2.png").write_bytes(b"")
    arguments = ["plan", "imagenet-e", "--source", f"folder:{labels}"]
    text = run(*arguments).stderr
    assert "source p1 can't be used: mask_empty (masks/p1.png: no pixel of the mask is object: its values" in text
    assert "--set source.mask_from=1" in text
    assert "source p2 can't be used: source_unreadable (images/p2.png: not a picture of a known format)" in text
    # The field reads the mask, in which everything is object.
    assert "a build of this plan is refused" not in text
    lost = run(*arguments, "--set", "source.mask_from=1", "--json")
    assert "none of the sources can be used, such as p0 (masks/p0.png: no pixel" in lost.stderr
    assert "a build of this plan is refused" in lost.stderr
    problems = json.loads(lost.stdout)["problems"]
    assert problems == {"p0": "mask_empty", "p1": "mask_full", "p2": "source_unreadable"}


def test_a_mask_in_the_alpha_channel_is_read_by_its_field(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 1)
    with Image.open(tmp_path / "masks/p0.png") as grey:
        mask = grey.copy()
    with Image.open(tmp_path / "images/p0.png") as photo:
        cut = photo.copy()
    cut.putalpha(mask)
    cut.save(tmp_path / "masks/p0.png")
    arguments = ["plan", "imagenet-e", "--source", f"folder:{labels}", "--json"]
    assert json.loads(run(*arguments).stdout)["problems"] == {"p0": "mask_unreadable"}
    assert json.loads(run(*arguments, "--set", "source.mask_from=alpha").stdout)["problems"] == {}
    assert_one_message(run(*arguments, "--set", "source.mask_from=red"), "source.mask_from", "red")


def test_build_verify_evaluate(labels: Path, pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    arguments = [
        "build",
        "imagenet-e",
        "--source",
        f"folder:{labels}",
        "--models",
        pack,
        "--out",
        out,
        "--workers",
        1,
        "--device",
        "cpu",
        *SMALL,
    ]
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "6 samples in 2 shards" in result.output
    assert run("verify", out).exit_code == 0
    again = run(*arguments)
    assert "complete and intact" in again.output
    table = run("evaluate", out, "--model", "tests.flows.test_cli:always_zero", "--format", "csv")
    assert table.exit_code == 0, table.output
    assert "size 0.05" in table.output
    pytest.importorskip("matplotlib")
    report = run(
        "evaluate",
        out,
        "--model",
        "tests.flows.test_cli:always_zero",
        "--format",
        "html",
        "--output",
        tmp_path / "r.html",
    )
    assert report.exit_code == 0
    assert "<svg" in (tmp_path / "r.html").read_text()
    assert_one_message(run(*arguments, "--set", "seed=1"), "another fingerprint", "--out")


def always_zero(images: list[object]) -> list[int]:
    """A classifier for the tests above."""
    return [0] * len(images)


def fails(images: list[object]) -> list[int]:
    """A classifier with a mistake."""
    raise KeyError("weights")


def test_a_function_that_fails_is_one_message(tmp_path: Path) -> None:
    build_dataset(tmp_path / "set")
    result = run("evaluate", tmp_path / "set", "--model", "tests.flows.test_cli:fails")
    assert_one_message(result, "tests.flows.test_cli:fails failed", "KeyError: 'weights'", "test_cli.py:", "fix:")


def test_a_file_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not one")
    result = run("evaluate", tmp_path / "README.md", "--model", "tests.flows.test_cli:always_zero")
    assert_one_message(result, "a dataset is a folder, and this is a file", "README.md", "fix:")


def test_a_dataset_is_shown_on_one_page_with_its_tables_in_every_form(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    build_dataset(tmp_path / "set")
    stored = ("--format", "json", "--output", tmp_path / "e.json", "--predictions", tmp_path / "e.parquet")
    asked = run("evaluate", tmp_path / "set", "--model", "tests.flows.test_cli:always_zero", *stored)
    assert asked.exit_code == 0, asked.output
    page, tables = ("--out", tmp_path / "page.html"), ("--tables", tmp_path / "tables")
    # What it cost is told of a run file that is as it was written, and left out of another one.
    for cost in ('{"spent": 5}', "junk"):
        (tmp_path / "set" / "run.json").write_text(cost)
        shown = run("report", tmp_path / "set", "--evaluation", tmp_path / "e.json", *page, *tables)
        assert shown.exit_code == 0, shown.output
    assert "tests.flows.test_cli:always_zero" in (tmp_path / "page.html").read_text()
    assert {path.suffix for path in (tmp_path / "tables").iterdir()} == {".txt", ".csv", ".json", ".tex", ".md"}
    refused = run("report", tmp_path / "set", "--evaluation", tmp_path / "set" / "manifest.json", *page)
    assert_one_message(refused, "not an evaluation in JSON", "manifest.json", "fix:")


def test_pages_without_their_packages_are_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_dataset(tmp_path / "set")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = ("--format", "html", "--output", tmp_path / "page.html")
    for command in (("evaluate", "--model", "tests.flows.test_cli:fails", *page), ("report", "--out", page[-1])):
        result = run(command[0], tmp_path / "set", *command[1:])
        assert_one_message(result, "pages need the package 'matplotlib'", "fix:", "[report]")


def test_baselines_are_for_generated_pictures_and_named_once(tmp_path: Path) -> None:
    build_dataset(tmp_path / "set")
    model = "tests.flows.test_cli:always_zero"
    result = run("evaluate", tmp_path / "set", "--model", model, "--baseline", "tests.flows.test_cli:fails")
    assert_one_message(result, "attribute datasets takes no baselines", "--baseline")
    result = run("evaluate", tmp_path / "set", "--model", model, "--baseline", model)
    assert_one_message(result, "named both as a model and as a baseline", "fix:")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("file/report.txt", "can't be written: Not a directory"),
        ("report.html", "does not end in .txt"),
        ("report", "does not end in .txt"),
    ],
)
def test_a_bad_output_is_refused_before_the_evaluation(tmp_path: Path, output: str, words: str) -> None:
    (tmp_path / "file").write_text("mine")
    build_dataset(tmp_path / "set")
    # The classifier's own message would come first if it were asked.
    result = run("evaluate", tmp_path / "set", "--model", "tests.flows.test_cli:fails", "--output", tmp_path / output)
    assert_one_message(result, words, "--output", "fix:")


def test_a_report_goes_into_a_new_folder(tmp_path: Path) -> None:
    build_dataset(tmp_path / "set")
    report = tmp_path / "new/deep/table.json"
    result = run(
        "evaluate",
        tmp_path / "set",
        "--model",
        "tests.flows.test_cli:always_zero",
        "--format",
        "json",
        "--output",
        report,
    )
    assert result.exit_code == 0, result.output
    json.loads(report.read_text())


def test_shards_can_be_built_apart(labels: Path, pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    common = [
        "build",
        "imagenet-e",
        "--source",
        f"folder:{labels}",
        "--models",
        pack,
        "--out",
        out,
        "--workers",
        1,
        "--device",
        "cpu",
        *SMALL,
    ]
    for part in ("0/2", "1/2"):
        result = run(*common, "--shard", part)
        assert result.exit_code == 0, result.output
        assert not (out / "manifest.json").exists()
    assert run(*common).exit_code == 0
    assert verify_dataset(out).ok
    assert_one_message(run(*common, "--shard", "2/2"), "--shard")


def test_verify_says_what_is_wrong(tmp_path: Path) -> None:
    build_dataset(tmp_path / "set")
    tar = next((tmp_path / "set").rglob("*.tar"))
    tar.write_bytes(tar.read_bytes()[:-512])
    result = run("verify", tmp_path / "set")
    assert result.exit_code == 1
    assert tar.name in result.output
    assert json.loads(run("verify", tmp_path / "set", "--json").output)["ok"] is False


def test_export_writes_folders_and_says_what_is_left_out(tmp_path: Path) -> None:
    build_edits(
        tmp_path / "set",
        (("original", 0.0, 0), ("full", 0.0, 0), ("paste-back", 0.0, 0)),
        rejected=frozenset({("n02", "full", 0)}),
    )
    arguments = ["export", tmp_path / "set", "--format", "imagenet-e", "--to"]
    result = run(*arguments, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "5 images of 3 sources" in result.stdout
    assert "left out: 3 samples of paste-back" in result.stderr
    assert "no image in folder rec: the dataset has no edit round-trip" in result.stderr
    assert len(list((tmp_path / "out/full").iterdir())) == 2
    paired = json.loads(run(*arguments, tmp_path / "paired", "--pairs", "complete", "--json").stdout)
    assert paired["images"] == {"ori": 2, "full": 2}
    assert_one_message(run(*arguments, tmp_path / "out"), "not an empty folder", str(tmp_path / "out"))
    assert_one_message(run("export", tmp_path / "none", "--format", "imagenet-e", "--to", tmp_path / "x"), "none")


def test_the_help_of_export_says_what_is_made() -> None:
    text = " ".join(run("export", "--help").output.split())
    assert "All are made; README.md says why one is empty" in text
    assert "complete: only sources that have an image in every folder that has any" in text


def test_masks_make_a_source(tmp_path: Path) -> None:
    photos = write_scenes(tmp_path / "photos", columns=boxes())
    arguments = ["masks", f"folder:{photos}", "--to", tmp_path / "masked", "--device", "cpu"]
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "3 of 3 photographs have a mask" in result.output
    assert json.loads(run(*arguments, "--json").stdout)["reused"] == 3
    plan = run("plan", "imagenet-e", "--source", f"folder:{tmp_path}/masked/labels.csv", "--json")
    assert json.loads(plan.stdout)["problems"] == {}
    assert_one_message(run(*arguments, "--least-score", 1), "no photograph has a mask", "refused.csv", code=1)


def test_mask_requests_that_are_wrong(tmp_path: Path) -> None:
    photos = write_scenes(tmp_path / "photos", columns=boxes())
    target = ["--to", tmp_path / "masked", "--device", "cpu"]
    assert_one_message(run("masks", "coco:instances.json", *target), "masks of their own")
    assert_one_message(run("masks", f"folder:{tmp_path}/none.csv", *target), "none.csv")
    assert_one_message(run("masks", f"folder:{photos}", "--to", photos.parent, "--device", "cpu"), "--to")
    assert_one_message(run("masks", f"folder:{photos}", "--models", "sd15", *target), "segmenter")
    assert_one_message(run("plan", "imagenet-e", "--source", f"folder:{photos}"), "editmill masks")
    assert not (tmp_path / "masked").exists()


def test_preview_writes_a_picture(labels: Path, pack: Path, tmp_path: Path) -> None:
    picture = tmp_path / "new/p.png"
    result = run(
        "preview",
        "imagenet-e",
        "--source",
        f"folder:{labels}",
        "--models",
        pack,
        "-n",
        2,
        "--out",
        picture,
        "--device",
        "cpu",
        *SMALL,
    )
    assert result.exit_code == 0, result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("out", "words"), [("file/p.png", "Not a directory"), ("p.jgp", "does not end in .png")])
def test_a_bad_picture_name_is_refused_before_rendering(labels: Path, tmp_path: Path, out: str, words: str) -> None:
    (tmp_path / "file").write_text("mine")
    result = run("preview", "imagenet-e", "--source", f"folder:{labels}", "--models", "nosuch", "--out", tmp_path / out)
    assert_one_message(result, words, "--out", "fix:")


def test_one_class_alone_has_no_partners(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 3)
    write_labels(labels, [[f"images/p{number}.png", f"masks/p{number}.png", 0, "w", "disc"] for number in range(3)])
    result = run("plan", "imagenet-e", "--source", f"folder:{labels}", "--json")
    assert json.loads(result.stdout)["edits"]["random-background"] == 3
    for words in (
        "random-background can't be made of 3 of 3 sources",
        "another label",
        "fix: add photographs of at least one other class",
    ):
        assert words in result.stderr
    assert (
        "warning"
        not in run(
            "plan", "imagenet-e", "--source", f"folder:{labels}", "--set", "generator.edits=[{name: full}]"
        ).stderr
    )


def test_requests_that_are_wrong(labels: Path, tmp_path: Path) -> None:
    assert_one_message(run("plan", "imagenet-x"), "imagenet-x", "imagenet-e")
    assert_one_message(run("plan", "imagenet-e", "--set", "guard.atempts=1"), "unknown key", "guard.atempts")
    assert_one_message(run("plan", "imagenet-e", "--source", "zip:a.zip"), "folder:LABELS.csv")
    assert_one_message(run("plan", "imagenet-e", "--source", f"folder:{tmp_path}/none.csv"), "none.csv")
    nolabel = write_labels(tmp_path / "labels.csv", [["a.png", "b.png", "c"]], header=("file", "mask", "name"))
    assert_one_message(run("plan", "imagenet-e", "--source", f"folder:{nolabel}"), "no label column", "imagenet_index")
    assert_one_message(run("plan", "imagenet-e", "--models", "nosuch"), "tabletop")


TABLETOP = {
    "imagenet-e": "generator.edits=[{name: original}, {name: background}]",
    "xmai": "generator.edits=[{name: original}, {name: grounded}]",
    "watermark": "generator.schemes=[{name: dwtDctSvd}]",
    "fmr": "calibration=null",
    "imagenet-g": "calibration=null",
}


@pytest.mark.parametrize("recipe", TABLETOP)
@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()], ids=["torch", "python"]
)
def test_out_of_memory_is_one_message_in_every_family(
    recipe: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(models: Models, role: str) -> None:
        raise error

    monkeypatch.setattr(Models, "get", full)
    small = ("--set", "source.count=2", "--set", TABLETOP[recipe], "--device", "cpu", "--workers", "1")
    result = run("build", recipe, *small, "--out", tmp_path / "out")
    assert_one_message(result, "out of memory", "fewer --workers", "batch", "--offload", code=1)


def test_out_of_memory_in_a_calibration_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(models: Models, role: str) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Models, "get", full)
    result = run("calibrate", "fmr", "--set", "source.count=2", "--out", tmp_path, "--device", "cpu")
    assert_one_message(result, "out of memory: CUDA out of memory.", "--offload", code=1)


def test_a_missing_public_checkpoint_names_the_download(labels: Path, tmp_path: Path) -> None:
    result = run(
        "build",
        "imagenet-e",
        "--source",
        f"folder:{labels}",
        "--models",
        "sd15",
        "--models-dir",
        tmp_path,
        "--out",
        tmp_path / "out",
    )
    assert_one_message(result, "hf download stable-diffusion-v1-5/stable-diffusion-inpainting", "--revision 8a4288a7")
    assert not (tmp_path / "out").exists()


def test_evaluating_nothing_or_with_nothing(tmp_path: Path) -> None:
    assert_one_message(run("evaluate", tmp_path / "none", "--model", "tests.flows.test_cli:always_zero"), "none")
    build_dataset(tmp_path / "set")
    assert_one_message(run("evaluate", tmp_path / "set", "--model", "nokind:x"), "nokind")
    (tmp_path / "set/manifest.json").unlink()
    assert_one_message(
        run("evaluate", tmp_path / "set", "--model", "tests.flows.test_cli:always_zero"), "incomplete", code=1
    )


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "editmill", "show", "imagenet-e"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        result = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert result.stderr == b""


def test_help_cuts_no_sentence_and_breaks_no_name() -> None:
    listed = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    assert "..." not in listed.replace("[ARGS]...", "")
    helped = CliRunner().invoke(main, ["plan", "--help"], terminal_width=80).output
    assert "coco-captions:CAPTIONS.json[,INSTANCES.json]" in helped


def test_models_are_listed_in_columns() -> None:
    text = run("models").output
    sd3 = text[text.index("sd3:") :].splitlines()[1:5]
    assert len({line.index("missing") for line in sd3}) == 1
    assert len({line.rindex("  ") for line in sd3}) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("build", "imagenet-e", "--out", "https://host/set"),
        ("masks", "folder:x.csv", "--to", "gs://bucket/set"),
        ("export", "x", "--format", "imagenet-e", "--to", "http://host/set"),
        ("calibrate", "imagenet-g", "--out", "hf://org/set"),
        ("preview", "imagenet-e", "--out", "s3://bucket/a.png"),
        ("preview", "fmr", "--report", "s3://bucket/guard_report.json"),
    ],
)
def test_urls_are_refused_where_only_folders_work(arguments: tuple[str, ...]) -> None:
    assert_one_message(run(*arguments), "URL", arguments[-2], "fix:")


@pytest.mark.parametrize("path", ["a\0b", "a\udcff\0b", "n" * 300])
def test_paths_that_no_file_can_have_are_refused(path: str) -> None:
    assert_one_message(run("build", "imagenet-e", "--out", path), "--out", "fix:")
