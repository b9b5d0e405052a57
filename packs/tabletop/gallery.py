"""One picture of what the embedded pack can do, made with the shipped weights on held-out scenes.

Example:
    python -m editmill.packs.tabletop.gallery --out docs/images/gallery.png
    python -m editmill.packs.tabletop.gallery --out sheet.png --rows vq detector
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import DDPMScheduler
from PIL import Image

from editmill.generators.models.detector import Detector
from editmill.generators.models.inpainter import Inpainter
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.models.segmenter import Segmenter
from editmill.manifests.arrays import Mask, Picture
from editmill.manifests.progress import Progress
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.check import CHECKS
from editmill.packs.tabletop.checks.common import held_out, to_picture
from editmill.packs.tabletop.checks.controlnet import controlled_pipeline
from editmill.packs.tabletop.checks.image_adapter import adapted_pipeline
from editmill.packs.tabletop.checks.inpaint import remove, replace_ground
from editmill.packs.tabletop.checks.text_to_image import RESCALE, generate, sampling
from editmill.packs.tabletop.checks.unconditional import restore
from editmill.packs.tabletop.checks.vq import reconstruct
from editmill.packs.tabletop.sheet import Cell, Strip, draw_sheet, save_small
from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.training.controlnet import canny_edges
from editmill.packs.tabletop.training.views import resize
from editmill.packs.tabletop.world import CLASSES, GROUNDS, Scene

Cells = tuple[Cell, ...]
COLUMNS = 6
# The least radius of a shown object, as a share of the frame: small ones would be lost in a cell.
LEAST_RADIUS = 0.15
SAMPLING_STEPS = 50
PROMPTS = (
    "a large red metal cube on a wooden table",
    "a yellow star on green grass",
    "a purple mug on a checkered floor",
    "an azure bottle on a brick wall",
    "a large orange ring on a marble slab",
    "a pink matte ball on a clear sky",
)
MARKS = ((230, 40, 60), (30, 120, 240), (250, 180, 20), (40, 170, 90), (160, 70, 200), (20, 190, 200))


def showcase(count: int, *, skip: int = 0, objects: int | None = 1) -> list[Scene]:
    """Return held-out scenes whose main objects are easy to see and differ in class and ground.

    ``skip`` leaves the first such scenes out.
    """
    chosen: list[Scene] = []
    pool = (scene for scene in held_out(objects=objects) if scene.objects[0].radius >= LEAST_RADIUS)
    for _ in range(skip):
        next(pool)
    while len(chosen) < count:
        scene = next(pool)
        seen = {name for other in chosen for name in (other.ground, other.objects[0].name)}
        if not seen & {scene.ground, scene.objects[0].name}:
            chosen.append(scene)
    return chosen


def paint_masks(image: Picture, masks: list[Mask]) -> Picture:
    """Tint bool masks in turn with marking colours and draw their outlines, uint8 [H, W, 3] RGB."""
    painted = image.copy()
    for mask, colour in zip(masks, [MARKS[i % len(MARKS)] for i in range(len(masks))], strict=True):
        painted[mask] = np.rint(0.5 * painted[mask] + 0.5 * np.array(colour)).astype(np.uint8)
        outline = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        painted[outline & mask] = colour
    return painted


def draw_box(image: Picture, box: tuple[float, float, float, float], colour: tuple[int, int, int]) -> Picture:
    """Return the picture with a box (left, top, right, bottom; right and bottom exclusive), uint8 [H, W, 3] RGB."""
    left, top, right, bottom = (round(value) for value in box)
    return np.asarray(cv2.rectangle(image.copy(), (left, top), (right - 1, bottom - 1), colour, 1))


@torch.inference_mode()
def reconstruction_row(models: Models) -> Cells:
    """Return sources and their reconstructions by both autoencoders."""
    cells: list[Cell] = []
    autoencoder, quantised = models.get("autoencoder"), models.get("vq")
    for scene in showcase(2):
        latents = autoencoder.encode(to_tensor(scene.image)[None].to(models.device)).latent_dist.mean
        cells += [
            Cell(scene.image, scene.caption),
            Cell(to_picture(autoencoder.decode(latents).sample), "autoencoder"),
            Cell(reconstruct(quantised, scene)[0], "vq"),
        ]
    return tuple(cells)


def prompt_row(models: Models) -> Cells:
    """Return pictures from prompts."""
    pictures = generate(models.get("text_to_image"), PROMPTS, guidance_rescale=RESCALE, **sampling(models))
    return tuple(Cell(picture, prompt) for picture, prompt in zip(pictures, PROMPTS, strict=True))


def removal_row(models: Models) -> Cells:
    """Return sources and what is left when the main object is taken away."""
    pack = models.pack
    inpainter = Inpainter(models, steps=pack.steps, guidance=pack.guidance)
    cells: list[Cell] = []
    for number, scene in enumerate(showcase(COLUMNS // 2, skip=20)):
        removed, _ = remove(inpainter, scene, pack.removal_prompt, number)
        cells += [Cell(scene.image, scene.objects[0].phrase()), Cell(removed, "removed")]
    return tuple(cells)


def background_row(models: Models) -> Cells:
    """Return one object on backgrounds from prompts; its own pixels stay."""
    scene, pack = showcase(1, skip=40)[0], models.pack
    inpainter = Inpainter(models, steps=pack.steps, guidance=pack.guidance)
    others = [wordings[0] for family, wordings in GROUNDS.items() if family not in (scene.ground, "plain")]
    cells = [Cell(scene.image, "source")]
    for number, prompt in enumerate(others[: COLUMNS - 1]):
        cells.append(Cell(replace_ground(inpainter, scene, prompt, number)[0], prompt))
    return tuple(cells)


def controlnet_row(models: Models) -> Cells:
    """Return edges, and pictures of prompts that follow them."""
    scenes = showcase(COLUMNS // 2, skip=60)
    edges = [canny_edges(scene.image) for scene in scenes]
    pictures = generate(
        controlled_pipeline(models),
        [scene.caption for scene in scenes],
        **sampling(models),
        image=[Image.fromarray(one) for one in edges],
    )
    pairs = zip(scenes, edges, pictures, strict=True)
    return tuple(cell for scene, lines, made in pairs for cell in (Cell(lines, "edges"), Cell(made, scene.caption)))


def image_adapter_row(models: Models) -> Cells:
    """Return references, and pictures of the bare caption that take the object's looks from them."""
    pipeline = adapted_pipeline(models)
    cells: list[Cell] = []
    for number, scene in enumerate(showcase(COLUMNS // 2, skip=80)):
        made = generate(
            pipeline,
            [scene.plain_caption],
            seed=number,
            ip_adapter_image=[scene.image],
            guidance_rescale=RESCALE,
            **sampling(models),
        )
        cells += [Cell(scene.image, "reference"), Cell(made[0], scene.plain_caption)]
    return tuple(cells)


def segmenter_row(models: Models) -> Cells:
    """Return masks from a box, from a point, and of everything."""
    segmenter = Segmenter(models)
    cells: list[Cell] = []
    for scene in showcase(2, skip=100, objects=2):
        rows, columns = np.nonzero(scene.alphas[0] > 0.5)
        middle = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
        point = (int(columns[middle]), int(rows[middle]))
        boxed = paint_masks(scene.image, [segmenter.from_box(scene.image, scene.boxes[0]).mask])
        pointed = paint_masks(scene.image, [segmenter.from_points(scene.image, np.array([point]), np.ones(1)).mask])
        cells += [
            Cell(draw_box(boxed, scene.boxes[0], (255, 255, 255)), "from a box"),
            Cell(cv2.circle(pointed, point, 2, (255, 255, 255), -1), "from a point"),
            Cell(paint_masks(scene.image, [found.mask for found in segmenter.automatic(scene.image)]), "automatic"),
        ]
    return tuple(cells)


def detector_row(models: Models) -> Cells:
    """Return detections of the class names, with their scores."""
    detector = Detector(models)
    scenes = showcase(4, skip=120) + showcase(2, skip=140, objects=2)
    cells = []
    for scene, found in zip(
        scenes, detector.detect([scene.image for scene in scenes], detector.class_queries(CLASSES)), strict=True
    ):
        picture = scene.image
        for item in found:
            picture = draw_box(picture, item.box, MARKS[item.label % len(MARKS)])
        cells.append(Cell(picture, ", ".join(f"{CLASSES[item.label]} {item.score:.2f}" for item in found)))
    return tuple(cells)


@torch.inference_mode()
def unconditional_row(models: Models) -> Cells:
    """Return free samples, and a ground that was noised to half of the schedule and sampled back."""
    pipeline = models.get("unconditional")
    cells = []
    for seed in range(3):
        made = pipeline(
            batch_size=1,
            num_inference_steps=SAMPLING_STEPS,
            generator=torch.Generator().manual_seed(seed),
            output_type="np",
        ).images
        cells.append(Cell(np.rint(made[0] * 255).astype(np.uint8), "sample"))
    side = pipeline.unet.config.sample_size
    source = resize(showcase(1, skip=160)[0].clean, side)
    image, noise = to_tensor(source)[None], torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    # 480 is the first of 50 timesteps at or below 499, so this is where restore begins.
    half = DDPMScheduler.from_config(pipeline.scheduler.config).add_noise(image, noise, torch.tensor([480]))
    restored = restore(pipeline.unet, pipeline.scheduler, image, first=499, seed=0)
    return (
        *cells,
        Cell(source, "ground"),
        Cell(to_picture(half), "half noised"),
        Cell(to_picture(restored), "sampled back"),
    )


ROWS: dict[str, tuple[str, Callable[[Models], Cells]]] = {
    "text_to_image": ("Pictures from prompts (text_to_image)", prompt_row),
    "background": ("Background edits: the object's pixels stay (inpaint)", background_row),
    "removal": ("Removal of the object (inpaint)", removal_row),
    "controlnet": ("Pictures that follow edges (controlnet)", controlnet_row),
    "image_adapter": ("Pictures that take after a reference (image_adapter)", image_adapter_row),
    "segmenter": ("Masks (segmenter)", segmenter_row),
    "detector": ("Boxes by class names (detector)", detector_row),
    "reconstruction": ("Reconstructions (autoencoder, vq)", reconstruction_row),
    "unconditional": ("Free samples, and a ground taken half way to noise and back (unconditional)", unconditional_row),
}


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and draw the gallery."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    parser.add_argument(
        "--rows", nargs="+", choices=ROWS, help="rows to draw (default: those whose roles the pack has)"
    )
    options = parser.parse_args(arguments)
    pack = read_pack(PACK)
    models = Models(pack, Placement(device="cpu"))
    strips = []
    for name in Progress(
        options.rows or [row for row in ROWS if row not in CHECKS or row in pack.roles], desc="gallery"
    ):
        title, draw = ROWS[name]
        strips.append(Strip(title, draw(models)))
    save_small(draw_sheet(strips), options.out)


if __name__ == "__main__":
    main()
