"""A build, and drivers of the published kind, which edit one picture after another: with the same models and steps.

``python -m tests.benchmarks.per_image FOLDER SEED…`` is such a driver: the pack's inpainting pipeline as diffusers
loads it, one background a seed, one PNG each, without guards, rows or shards.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from editmill.pipelines.packs import find_pack
from tests.benchmarks.comparing import compare

SCENES, PROMPTS = 2, 2


def compare_drivers(folder: Path) -> None:
    """Backgrounds from prompts by `editmill build`, by a process for each picture as the demo of ImageNet-E starts one
    (arXiv 2303.17096), and by one process that keeps its models; start of Python and loading of models included.
    """
    count, seeds = SCENES * PROMPTS, [str(seed) for seed in range(SCENES * PROMPTS)]
    edits = f"generator.edits=[{{name: background, count: {PROMPTS}}}]"
    command = ["editmill", "build", "imagenet-e", "--set", edits, "--set", f"source.count={SCENES}", "--shards", "1"]
    command += ["--set", "guard.attempts=1", "--workers", "1", "--device", "cpu"]
    outs = (folder / f"build-{number}" for number in range(count))
    driver = ["tests.benchmarks.per_image", str(folder)]

    def build() -> None:
        _run([*command, "--out", str(next(outs))])

    def reloading() -> None:
        for seed in seeds:
            _run([*driver, seed])

    def keeping() -> None:
        _run([*driver, *seeds])

    title = f"{count} backgrounds by a command on one core"
    compare(title, ("build", build), ("a process a picture", reloading), rounds=1, warm=False)
    compare(title, ("build", build), ("models kept, no guards", keeping), rounds=1, warm=False)


def _run(module: list[str]) -> None:
    subprocess.run([sys.executable, "-m", *module], check=True, capture_output=True)


def drive(folder: Path, seeds: list[int]) -> None:
    """Load the pipeline, then edit and store one picture after another."""
    import torch
    from diffusers import AutoencoderKL, StableDiffusionInpaintPipeline

    from editmill.packs.tabletop.world import make_scene

    torch.set_num_threads(1)
    pack = find_pack("tabletop")
    own, decoder = (pack.folder / pack.entry(role).path for role in ("inpaint", "autoencoder"))
    exact = {"torch_dtype": torch.float32}
    vae = AutoencoderKL.from_pretrained(decoder, **exact)
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(own, vae=vae, **exact)
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        scene = make_scene("heldout", seed // PROMPTS)
        mask = scene.alphas[0][..., None] > 0.5
        made = pipeline(
            prompt=pack.backgrounds[seed % PROMPTS],
            image=Image.fromarray(scene.image),
            mask_image=Image.new("L", scene.image.shape[1::-1], 255),
            height=scene.image.shape[0],
            width=scene.image.shape[1],
            strength=1.0,
            num_inference_steps=pack.steps,
            guidance_scale=pack.guidance,
            generator=torch.Generator().manual_seed(seed),
        ).images[0]
        Image.fromarray(np.where(mask, scene.image, np.asarray(made))).save(folder / f"{seed}.png")


if __name__ == "__main__":
    drive(Path(sys.argv[1]), list(map(int, sys.argv[2:])))
