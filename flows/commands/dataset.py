"""Commands on finished datasets; they need the light installation only, but for the evaluated model itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from editmill.flows.commands.outputs import check_output, write_output
from editmill.manifests.errors import RequestError

if TYPE_CHECKING:
    from editmill.manifests.reader import Dataset

# Endings of a report, by --format.
SUFFIXES = {"text": (".txt", ".md"), "csv": (".csv",), "json": (".json",), "html": (".html", ".htm")}


@click.command()
@click.argument("dataset")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(dataset: str, as_json: bool) -> None:
    """Check every digest, offset and count of a dataset; exit 1 when something is wrong.

    \b
    Example:
      editmill verify out/demo
    """
    from editmill.manifests.verify import verify_dataset

    report = verify_dataset(dataset)
    if as_json:
        problems = [{"path": problem.path, "key": problem.key, "what": problem.what} for problem in report.problems]
        click.echo(
            json.dumps(
                {"ok": report.ok, "shards": report.shards, "samples": report.samples, "problems": problems}, indent=2
            )
        )
    else:
        for problem in report.problems:
            click.echo(str(problem), err=True)
        click.echo(
            f"{report.samples} samples in {report.shards} shards: "
            f"{'intact' if report.ok else f'{len(report.problems)} problems'}"
        )
    sys.exit(0 if report.ok else 1)


@click.command()
@click.argument("dataset")
@click.option(
    "--model",
    "specs",
    multiple=True,
    metavar="SPEC",
    help="Model, or detector of watermarks; repeat for several side by side. Watermarks need none.",
)
@click.option("--format", "form", type=click.Choice(["text", "csv", "json", "html"]), default="text", show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write instead of printing, with the format's ending (.txt, .csv, .json or .html); folders above it "
    "are made.  "
    "[default for html: report.html]",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path, file_okay=False),
    help="Captions only: folder with the images, found by their digests.",
)
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option("--device", default="auto", show_default=True)
def evaluate(
    dataset: str,
    specs: tuple[str, ...],
    form: str,
    output: Path | None,
    images: Path | None,
    batch_size: int,
    device: str,
) -> None:
    """Measure what edits cost: top-1 accuracy of classifiers, retrieval by image-text models on edited captions, or
    what is read of watermarks.

    \b
    SPEC is one of
      pack:tabletop/classifier                    a classifier of a model pack
      torchvision:ARCHITECTURE@WEIGHTS            such as torchvision:squeezenet1_0@squeezenet1_0.safetensors
      timm:NAME[@WEIGHTS]                         a timm model
      transformers:FOLDER_OR_ID                   an image classification model
      package.module:function                     your own function from images to labels
    For datasets of captions:
      pack:tabletop/evaluation_encoder            an image-text model of a pack
      transformers:FOLDER_OR_ID                   a CLIP, SigLIP or dual encoder model
      package.module:function                     your own f(images=...) and f(texts=...) that return features
    For datasets of latent ascents (fmr), classifiers as above, and image-text models, which are asked "a CLASS".
    For datasets of watermarks, whose own decoders have been asked already:
      package.module:function                     your own detector, from images to scores
    \b
    Examples:
      editmill evaluate out/demo --model pack:tabletop/classifier
      editmill evaluate out/photos --model torchvision:squeezenet1_0@w.safetensors --format html --output report.html
      editmill evaluate out/xmai --model pack:tabletop/evaluation_encoder
      editmill evaluate out/watermark --format html --output report.html
      editmill evaluate out/fmr --model pack:tabletop/classifier --model pack:tabletop/evaluation_encoder
    """
    from editmill.manifests.reader import open_dataset

    target = output or (Path("report.html") if form == "html" else None)
    if target is not None:
        check_output(target, "--output", suffixes=SUFFIXES[form])
    opened = open_dataset(dataset)
    runs = {
        "text": _evaluate_captions,
        "watermark": _evaluate_watermarks,
        "synthesis": _evaluate_synthesis,
        "fmr": _evaluate_fmr,
    }
    run = runs.get(opened.manifest.generator, _evaluate_classifiers)
    if not specs and run is not _evaluate_watermarks:
        fix = "name one, such as pack:tabletop/classifier; `editmill evaluate --help` lists the forms"
        raise RequestError("no model to measure", where="--model", fix=fix)
    text = run(opened, specs, form, images, batch_size, device)
    if target is None:
        click.echo(text.rstrip("\n"))
        return
    write_output(target, text.encode())
    click.echo(str(target))


def _evaluate_classifiers(
    dataset: Dataset, specs: tuple[str, ...], form: str, images: Path | None, batch_size: int, device: str
) -> str:
    from editmill.evaluators import evaluate as run
    from editmill.evaluators import load_classifier, report_html, to_csv, to_json, to_text

    names = dataset.manifest.class_names
    classifiers = [load_classifier(resolve_pack(spec), class_names=names, device=device) for spec in specs]
    evaluations = [
        run(dataset, classifier, batch_size=batch_size, progress=sys.stderr.isatty()) for classifier in classifiers
    ]
    if form == "html":
        return report_html(evaluations)
    return (
        to_text(evaluations)
        if form == "text"
        else to_csv(evaluations)
        if form == "csv"
        else to_json(evaluations).decode()
    )


def _evaluate_captions(
    dataset: Dataset, specs: tuple[str, ...], form: str, images: Path | None, batch_size: int, device: str
) -> str:
    from editmill.evaluators.text import evaluate_texts, load_text_model, text_csv, text_html, text_json, text_table

    models = [load_text_model(resolve_pack(spec), device=device) for spec in specs]
    result = evaluate_texts(dataset, models, images=images, batch_size=batch_size, progress=sys.stderr.isatty())
    if form == "json":
        return text_json(result).decode()
    return {"text": text_table, "csv": text_csv, "html": text_html}[form](result)


def _evaluate_watermarks(
    dataset: Dataset, specs: tuple[str, ...], form: str, images: Path | None, batch_size: int, device: str
) -> str:
    from editmill.evaluators.watermark import (
        evaluate_watermark,
        load_detector,
        watermark_csv,
        watermark_html,
        watermark_json,
        watermark_text,
    )

    result = evaluate_watermark(dataset, detectors=[load_detector(spec) for spec in specs])
    if form == "json":
        return watermark_json(result).decode()
    return {"text": watermark_text, "csv": watermark_csv, "html": watermark_html}[form](result)


def _evaluate_synthesis(
    dataset: Dataset, specs: tuple[str, ...], form: str, images: Path | None, batch_size: int, device: str
) -> str:
    from editmill.evaluators import load_classifier
    from editmill.evaluators.synthesis import (
        evaluate_synthesis,
        synthesis_csv,
        synthesis_html,
        synthesis_json,
        synthesis_text,
    )

    classifiers = [
        load_classifier(resolve_pack(spec), class_names=dataset.manifest.class_names, device=device) for spec in specs
    ]
    result = evaluate_synthesis(dataset, classifiers, batch_size=batch_size, progress=sys.stderr.isatty())
    if form == "json":
        return synthesis_json(result).decode()
    return {"text": synthesis_text, "csv": synthesis_csv, "html": synthesis_html}[form](result)


def _evaluate_fmr(
    dataset: Dataset, specs: tuple[str, ...], form: str, images: Path | None, batch_size: int, device: str
) -> str:
    from editmill.evaluators.fmr import evaluate_fmr, fmr_csv, fmr_html, fmr_json, fmr_text, load_model

    models = [load_model(resolve_pack(spec), class_names=dataset.manifest.class_names, device=device) for spec in specs]
    result = evaluate_fmr(dataset, models, batch_size=batch_size, progress=sys.stderr.isatty())
    if form == "json":
        return fmr_json(result).decode()
    return {"text": fmr_text, "csv": fmr_csv, "html": fmr_html}[form](result)


def resolve_pack(spec: str) -> str:
    """Return ``pack:NAME/ROLE`` as the evaluators' own ``transformers:FOLDER``; other specs as they are."""
    if not spec.startswith("pack:"):
        return spec
    from editmill.generators.models.checkpoints import checkpoint_folder
    from editmill.pipelines.packs import find_pack

    name, _, role = spec.removeprefix("pack:").partition("/")
    return f"transformers:{checkpoint_folder(find_pack(name), role or 'classifier', None)}"
