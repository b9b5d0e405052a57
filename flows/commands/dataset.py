"""Commands on finished datasets; they need the light installation only, but for the evaluated model itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from editmill.flows.commands.options import LocalPath
from editmill.flows.commands.outputs import check_output, plural, write_output
from editmill.manifests.errors import RequestError

if TYPE_CHECKING:
    import pyarrow as pa

    from editmill.evaluators import EvaluatedModel, Table
    from editmill.manifests.reader import Dataset

# Endings of a report, by --format.
SUFFIXES = {
    "text": (".txt", ".md"),
    "csv": (".csv",),
    "json": (".json",),
    "html": (".html", ".htm"),
    "latex": (".tex",),
    "markdown": (".md",),
}


@click.command()
@click.argument("dataset")
@click.option(
    "--deep", is_flag=True, help="Compute digests of members, and md5, again too; takes several times longer."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(dataset: str, deep: bool, as_json: bool) -> None:
    """Check every byte of a dataset, and its files against each other; exit 1 when something is wrong.

    Every file is digested once. Without --deep, the digests of single members, and the md5 of tars, are trusted as
    far as the sha256 of the whole tar, and of the rows that name them, are those of the manifest.

    Files beside the dataset's own, and a card (README.md) that was edited, are remarks, unless readers would load
    other samples because of them.

    \b
    Example:
      editmill verify out/demo/photographs
    """
    from editmill.manifests.verify import verify_dataset

    report = verify_dataset(dataset, deep=deep, progress=True)
    if as_json:
        problems, remarks = ([asdict(one) for one in found] for found in (report.problems, report.remarks))
        counted = {"ok": report.ok, "shards": report.shards, "samples": report.samples}
        click.echo(json.dumps({**counted, "problems": problems, "remarks": remarks}, indent=2))
    else:
        for remark in report.remarks:
            click.echo(f"remark: {remark}", err=True)
        for problem in report.problems:
            click.echo(str(problem), err=True)
        click.echo(
            f"{plural(report.samples, 'sample')} in {plural(report.shards, 'shard')}: "
            f"{'intact' if report.ok else plural(len(report.problems), 'problem')}"
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
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="SPEC",
    help="Generated pictures (synthesis) only: model that effective robustness of the others is measured against; give "
    "three or more.  [default: every other model]",
)
@click.option("--format", "form", type=click.Choice(list(SUFFIXES)), default="text", show_default=True)
@click.option(
    "--output",
    type=LocalPath(),
    help="File to write instead of printing, with the format's ending (.txt, .csv, .json, .html, .tex or .md); "
    "folders above it are made.  [default for html: report.html]",
)
@click.option(
    "--tables",
    type=LocalPath(folder=True),
    help="Folder to write every table to, each as text, CSV, JSON, LaTeX (booktabs) and Markdown.",
)
@click.option(
    "--predictions",
    type=LocalPath(),
    help="Parquet file to write what every model said of every sample to. Beside E.json and called E.parquet, "
    "`editmill report --evaluation E.json` shows the worst samples by it.",
)
@click.option(
    "--images",
    type=LocalPath(folder=True),
    help="Captions only: folder with the images, found by their digests.",
)
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option("--device", default="auto", show_default=True)
def evaluate(
    dataset: str,
    specs: tuple[str, ...],
    baselines: tuple[str, ...],
    form: str,
    output: Path | None,
    tables: Path | None,
    predictions: Path | None,
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
      editmill evaluate out/demo/scenes --model pack:tabletop/classifier
      editmill evaluate out/photos --model torchvision:squeezenet1_0@w.safetensors --format html --output report.html
      editmill evaluate out/xmai --model pack:tabletop/evaluation_encoder
      editmill evaluate out/watermark --format html --output report.html
      editmill evaluate out/fmr --model pack:tabletop/classifier --model pack:tabletop/evaluation_encoder
    """
    from editmill.evaluators import Options, render, report
    from editmill.evaluators import evaluate as measure
    from editmill.evaluators.extras import check_drawing
    from editmill.manifests.reader import open_dataset

    target = output or (Path("report.html") if form == "html" else None)
    if target is not None:
        check_output(target, "--output", suffixes=SUFFIXES[form])
    if form == "html":
        check_drawing()
    if predictions is not None:
        check_output(predictions, "--predictions", suffixes=(".parquet",))
    opened = open_dataset(dataset)
    options = Options(batch_size=batch_size, progress=sys.stderr.isatty(), images=images)
    models = load_asked(opened, specs, baselines=baselines, device=device)
    found = report(measure(opened, models, options=options))
    text = render(found, form)
    if tables is not None:
        write_tables(tables, found.shown.tables)
    if predictions is not None:
        write_predictions(predictions, found.predictions)
    if target is None:
        click.echo(text.rstrip("\n"))
        return
    write_output(target, text.encode())
    click.echo(str(target))


def load_asked(
    dataset: Dataset, specs: Sequence[str], *, baselines: Sequence[str] = (), device: str = "auto"
) -> list[EvaluatedModel[Any]]:
    """Load models as `editmill.evaluators.load_models` does, those of packs too, under the names that were given."""
    from editmill.evaluators import load_models, name_apart

    named, others = ([resolve_pack(spec) for spec in group] for group in (specs, baselines))
    models = load_models(dataset, named, baselines=others, device=device)
    pairs = zip(models, (*specs, *baselines), strict=True)
    return name_apart([replace(one, name=spec) if spec.startswith("pack:") else one for one, spec in pairs])


def write_tables(folder: Path, tables: Sequence[Table]) -> None:
    """Write every table in every form, each to a file of its own."""
    from editmill.evaluators.tables import table_files

    for name, text in table_files(tables).items():
        write_output(folder / name, text.encode())


def write_predictions(path: Path, predictions: pa.Table | None) -> None:
    """Write what models said of samples.

    Raises:
        RequestError: The evaluation asks no model sample by sample.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if predictions is None:
        what = "this evaluation has no predictions: no model was asked sample by sample"
        raise RequestError(what, where="--predictions", fix="leave the option out")
    buffer = pa.BufferOutputStream()
    pq.write_table(predictions, buffer)
    write_output(path, buffer.getvalue().to_pybytes())


def resolve_pack(spec: str) -> str:
    """Return ``pack:NAME/ROLE`` as the evaluators' own ``transformers:FOLDER``; other specs as they are."""
    if not spec.startswith("pack:"):
        return spec
    from editmill.generators.models.checkpoints import checkpoint_folder
    from editmill.pipelines.packs import find_pack

    name, _, role = spec.removeprefix("pack:").partition("/")
    return f"transformers:{checkpoint_folder(find_pack(name), role or 'classifier', None)}"
