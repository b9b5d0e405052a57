"""Commands on finished datasets; they need the light installation only, but for the evaluated model itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


@click.command()
@click.argument("dataset")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(dataset: str, as_json: bool) -> None:
    """Check every digest, offset and count of a dataset; exit 1 when something is wrong.

    \b
    Example:
      editmill verify out/demo
    """
    from manifests.verify import verify_dataset

    report = verify_dataset(dataset)
    if as_json:
        problems = [{"path": problem.path, "key": problem.key, "what": problem.what} for problem in report.problems]
        click.echo(json.dumps({"ok": report.ok, "shards": report.shards, "samples": report.samples, "problems": problems}, indent=2))
    else:
        for problem in report.problems:
            click.echo(str(problem), err=True)
        click.echo(f"{report.samples} samples in {report.shards} shards: {'intact' if report.ok else f'{len(report.problems)} problems'}")
    sys.exit(0 if report.ok else 1)


@click.command()
@click.argument("dataset")
@click.option("--model", "specs", multiple=True, required=True, metavar="SPEC", help="Classifier; repeat for several side by side.")
@click.option("--format", "form", type=click.Choice(["text", "csv", "json", "html"]), default="text", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write; html goes to report.html by default.")
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option("--device", default="auto", show_default=True)
def evaluate(dataset: str, specs: tuple[str, ...], form: str, output: Path | None, batch_size: int, device: str) -> None:
    """Measure top-1 accuracy per edit and its drop against the unedited sources.

    \b
    SPEC is one of
      pack:tabletop/classifier                    a classifier of a model pack
      torchvision:ARCHITECTURE@WEIGHTS            such as torchvision:squeezenet1_0@squeezenet1_0.safetensors
      timm:NAME[@WEIGHTS]                         a timm model
      transformers:FOLDER_OR_ID                   an image classification model
      package.module:function                     your own function from images to labels
    \b
    Examples:
      editmill evaluate out/demo --model pack:tabletop/classifier
      editmill evaluate out/photos --model torchvision:squeezenet1_0@w.safetensors --format html --output report.html
    """
    from evaluators import evaluate as run
    from evaluators import load_classifier, to_csv, to_json, to_text, write_report
    from manifests.reader import open_dataset

    opened = open_dataset(dataset)
    names = opened.manifest.class_names
    classifiers = [load_classifier(resolve_pack(spec), class_names=names, device=device) for spec in specs]
    evaluations = [run(opened, classifier, batch_size=batch_size, progress=sys.stderr.isatty()) for classifier in classifiers]
    if form == "html":
        output = output or Path("report.html")
        write_report(output, evaluations)
    else:
        text = to_text(evaluations) if form == "text" else to_csv(evaluations) if form == "csv" else to_json(evaluations).decode()
        if output is None:
            click.echo(text.rstrip("\n"))
            return
        output.write_text(text)
    click.echo(str(output))


def resolve_pack(spec: str) -> str:
    """``pack:NAME/ROLE`` as the evaluators' own ``transformers:FOLDER``; other specs as they are."""
    if not spec.startswith("pack:"):
        return spec
    from generators.models.checkpoints import checkpoint_folder
    from pipelines.packs import find_pack

    name, _, role = spec.removeprefix("pack:").partition("/")
    return f"transformers:{checkpoint_folder(find_pack(name), role or 'classifier', None)}"
