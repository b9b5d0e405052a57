"""Full-size checkpoints through the command line: ``make check-full-size``.

The weights are random, in bfloat16, with the configurations and layouts of the published checkpoints: what is shown is
that they load, fit, and compute, not what the pictures look like. One case at a time is written, run in processes of
its own, and deleted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import torch
import yaml

from editmill.flows.cli import main as editmill
from editmill.generators.models.memory import PeakMemory
from editmill.generators.models.pack import RoleEntry
from editmill.generators.models.placement import Placement
from editmill.pipelines.packs import find_pack
from tests.benchmarks import full_size_weights as weights

PUBLIC = find_pack("sd15").roles
DETECTOR = RoleEntry(
    cls="transformers.Owlv2ForObjectDetection",
    repo="google/owlv2-base-patch16-ensemble",
    revision="0" * 40,
    licence="Apache-2.0",
)
JUDGES = {"zero_shot": PUBLIC["zero_shot"], "classifier": PUBLIC["classifier"]}
ROLES: dict[str, dict[str, RoleEntry]] = {
    "sd15": {"inpaint": PUBLIC["inpaint"], **JUDGES},
    "sdxl": {"inpaint": find_pack("sdxl").roles["inpaint"], **JUDGES},
    "others": {"segmenter": PUBLIC["segmenter"], "image_encoder": PUBLIC["image_encoder"], "detector": DETECTOR},
}
WRITERS: dict[str, Callable[[Path], None]] = {
    "diffusers.StableDiffusionInpaintPipeline": weights.write_sd15,
    "diffusers.StableDiffusionXLInpaintPipeline": weights.write_sdxl,
    "segment_anything.Sam": weights.write_sam,
    "transformers.CLIPModel": weights.write_clip,
    "transformers.Dinov2Model": weights.write_dinov2,
    "transformers.Owlv2ForObjectDetection": weights.write_owlv2,
    "transformers.ResNetForImageClassification": weights.write_resnet,
}
EDITS = {
    "unguided": "round-trip",
    "guided": "complexity, levels: [1]",
    "guided by ResNet-50": "adversarial, levels: [1]",
}
DTYPE = "bfloat16"


def write_case(case: str, folder: Path) -> Path:
    """Write the checkpoints of a case below ``folder`` and return the pack file beside them."""
    for entry in ROLES[case].values():
        WRITERS[entry.cls](folder / entry.repo / entry.subfolder)
    roles = {role: entry.model_dump(exclude_defaults=True) for role, entry in ROLES[case].items()}
    document = {"name": f"random-{case}", "description": "Random weights.", "backgrounds": ["a beach"], "roles": roles}
    path = folder / f"random-{case}.yaml"
    path.write_text(yaml.safe_dump({**document, "guidance": 7.5}))
    return path


def build_one(pack: Path, edit: str, *, side: int) -> dict[str, object]:
    """Build one photograph with two steps; return seconds, peak bytes and what became of the sample."""
    if side:
        document = yaml.safe_load(pack.read_text())
        document["roles"]["inpaint"]["side"] = side
        pack.write_text(yaml.safe_dump(document))
    out = pack.parent / "out"
    shutil.rmtree(out, ignore_errors=True)
    changes = ["generator.render.steps=2", "generator.render.strength=1", "guard.attempts=1", "shards=1"]
    arguments = ["build", "imagenet-e", "--source", "photographs:macaw", "--models", str(pack), "--out", str(out)]
    arguments += ["--models-dir", str(pack.parent), "--dtype", DTYPE, "--workers", "1"]
    for change in [*changes, f"generator.edits=[{{name: {edit}}}]"]:
        arguments += ["--set", change]
    device = Placement().resolve()
    memory, started = PeakMemory(device), time.perf_counter()
    editmill(arguments, standalone_mode=False)
    seconds = time.perf_counter() - started
    (row,) = pq.read_table(out / "samples.parquet").to_pylist()
    return {"seconds": seconds, "bytes": memory.peak(), "status": row["status"], "reasons": row["reasons"]}


def run_case(case: str, folder: Path, *, side: int) -> None:
    """Write a case, run it in fresh processes, print its rows of the table, and delete it."""
    started = time.perf_counter()
    pack = write_case(case, folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{case}: {size / 1e9:.1f} GB written in {time.perf_counter() - started:.0f} s", flush=True)
    if case == "others":
        arguments = ["models", "check", str(pack), "--models-dir", str(folder), "--dtype", DTYPE]
        subprocess.run([sys.executable, "-m", "editmill", *arguments], check=True)
    else:
        for name, edit in EDITS.items():
            words = [sys.executable, "-m", "tests.benchmarks.full_size", "--pack", str(pack), "--edit", edit]
            done = subprocess.run([*words, "--side", str(side)], check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            outcome = ", ".join([found["status"], *found["reasons"]])
            print(
                f"| {case} | {name} | {found['seconds']:.0f} s | {found['bytes'] / 1e9:.1f} GB | {outcome} |",
                flush=True,
            )
    shutil.rmtree(folder)


def main() -> None:
    """Run the cases, or one build of a case that is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(ROLES), help="sd15, sdxl, others; default: all")
    parser.add_argument("--side", type=int, default=0, help="side of the pictures that are inpainted; default: native")
    parser.add_argument("--folder", type=Path, default=Path("out/full-size"), help="for the checkpoints, up to 9 GB")
    parser.add_argument("--pack", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--edit", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.pack:
        print(json.dumps(build_one(given.pack, given.edit, side=given.side)))
        return
    print(f"torch {torch.__version__}, {Placement().resolve()}, {DTYPE}, {torch.get_num_threads()} threads", flush=True)
    for case in given.cases.split(","):
        run_case(case, given.folder / case, side=given.side)


if __name__ == "__main__":
    main()
