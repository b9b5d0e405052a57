"""Measurement of the pack on held-out scenes that neither training nor recipes use."""

from __future__ import annotations

import numpy as np
import torch
from tqdm import tqdm

from generators.attribute.composite import compose, matte
from generators.attribute.removal import blend_fill, removal_hole
from generators.attribute.settings import RenderSettings
from generators.guards.label import object_crop
from generators.models.inpainter import Inpainter, InpaintRequest
from generators.models.judge import ZeroShotJudge
from generators.models.loading import Models, Placement
from generators.models.pack import PackSpec
from packs.tabletop.world import CLASSES, COLOURS, GROUNDS, Scene, make_scene

FIRST_SCENE = 500_000
# What this version of the pack must hold; figures without a bound are reported only.
BOUNDS: dict[str, float] = {
    "reconstruction_psnr": 35.0, "zero_shot_class": 0.9, "zero_shot_colour": 0.95, "classifier_accuracy": 0.95, "background_recognised": 0.85,
}
GROUND_PROMPTS = tuple(wordings[0] for wordings in GROUNDS.values())


def shortfalls(figures: dict[str, float]) -> dict[str, float]:
    """The bounds that ``figures`` fall short of."""
    return {name: bound for name, bound in BOUNDS.items() if figures[name] < bound}


def measure(pack: PackSpec, *, scenes: int = 500, edits: int = 64, progress: bool = False) -> dict[str, float]:
    """Measure every role on held-out scenes with one object.

    Returns:
        Shares in [0, 1], and PSNR in dB with a peak of 255. ``removal_success`` is the share of removals in whose old place the
        judge prefers "no object" over all classes together; ``object_seen_before_removal`` is the control: how often it sees the object there
        before. ``object_kept`` is the share of objects that the judge names rightly before a generated background, with
        ``object_recognised_unedited`` as its control on the same scenes.

    Raises:
        ModelError: a checkpoint is missing.
    """
    models = Models(pack, Placement(device="cpu"))
    recognised = _scenes(scenes)
    figures = {"reconstruction_psnr": _reconstruction(models, recognised)}
    figures |= _zero_shot(models, recognised) | {"classifier_accuracy": _classifier(models, recognised)}
    return {name: round(value, 4) for name, value in (figures | _edits(models, recognised[:edits], progress=progress)).items()}


def _scenes(count: int) -> list[Scene]:
    found: list[Scene] = []
    index = FIRST_SCENE
    while len(found) < count:
        scene = make_scene("heldout", index)
        if len(scene.objects) == 1:
            found.append(scene)
        index += 1
    return found


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures."""
    error = float(np.mean((first.astype(np.float64) - second) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-10)))


@torch.inference_mode()
def _reconstruction(models: Models, scenes: list[Scene]) -> float:
    autoencoder = models.get("autoencoder")
    values = []
    for scene in scenes[:200]:
        pixels = torch.from_numpy(scene.image).permute(2, 0, 1)[None].float() / 127.5 - 1
        decoded = autoencoder.decode(autoencoder.encode(pixels).latent_dist.mean).sample[0].permute(1, 2, 0)
        values.append(psnr(scene.image, ((decoded.clamp(-1, 1) + 1) * 127.5).round().numpy()))
    return float(np.mean(values))


def _zero_shot(models: Models, scenes: list[Scene]) -> dict[str, float]:
    judge = ZeroShotJudge(models)
    colours = tuple(COLOURS)
    crops = [object_crop(scene.image, (scene.alphas[0] > 0.5).astype(np.uint8)) for scene in scenes]
    names = [scene.objects[0].name for scene in scenes]
    by_class = judge.probabilities(crops, judge.class_prompts(CLASSES)).argmax(axis=1)
    by_colour = np.array([
        judge.probabilities([crop], tuple(f"{'an' if c[0] in 'aeiou' else 'a'} {c} {name}" for c in colours))[0].argmax()
        for crop, name in zip(crops, names, strict=True)
    ])
    by_ground = judge.probabilities([scene.clean for scene in scenes], GROUND_PROMPTS).argmax(axis=1)
    return {
        "zero_shot_class": float(np.mean(by_class == [CLASSES.index(name) for name in names])),
        "zero_shot_colour": float(np.mean(by_colour == [colours.index(scene.objects[0].colour) for scene in scenes])),
        "zero_shot_ground": float(np.mean(by_ground == [list(GROUNDS).index(scene.ground) for scene in scenes])),
    }


@torch.inference_mode()
def _classifier(models: Models, scenes: list[Scene]) -> float:
    from transformers import AutoImageProcessor

    model = models.get("classifier")
    processor = AutoImageProcessor.from_pretrained(models.folder("classifier"), local_files_only=True)
    predicted = [int(model(**processor(images=scene.image, return_tensors="pt")).logits.argmax()) for scene in scenes]
    return float(np.mean(np.array(predicted) == [CLASSES.index(scene.objects[0].name) for scene in scenes]))


def _edits(models: Models, scenes: list[Scene], *, progress: bool) -> dict[str, float]:
    pack, render = models.pack, RenderSettings()
    inpainter = Inpainter(models, steps=pack.steps, guidance=pack.guidance)
    judge = ZeroShotJudge(models)
    ghosts, left_in, removal_psnr, control_psnr, grounds, kept, known = [], [], [], [], [], [], []
    for number, scene in enumerate(tqdm(scenes, desc="edits", disable=not progress)):
        mask = np.where(scene.alphas[0] > 0.5, 255, 0).astype(np.uint8)
        hole = removal_hole(mask, render.dilation)
        fill = inpainter.fill(InpaintRequest(scene.image, hole, pack.removal_prompt, number))
        removed = blend_fill(scene.image, fill, hole, render.feather)
        removal_psnr.append(psnr(scene.clean[hole], removed[hole]))
        control_psnr.append(psnr(scene.clean[hole], scene.image[hole]))
        ghosts.append(sees_object(judge, object_crop(removed, mask)))
        left_in.append(sees_object(judge, object_crop(scene.image, mask)))
        family = number % len(GROUND_PROMPTS)
        generated = inpainter.fill(InpaintRequest(scene.image, mask <= 127, GROUND_PROMPTS[family], number))
        alpha = matte(mask / np.float32(255))
        edited = compose(scene.image, generated, alpha)
        grounds.append(judge.probabilities([generated], GROUND_PROMPTS)[0].argmax() == family)
        label = CLASSES.index(scene.objects[0].name)
        before, after = judge.probabilities([object_crop(scene.image, mask), object_crop(edited, mask)], judge.class_prompts(CLASSES)).argmax(axis=1)
        known.append(before == label)
        kept.append(after == label)
    return {
        "removal_success": 1 - float(np.mean(ghosts)), "object_seen_before_removal": float(np.mean(left_in)),
        "removal_psnr": float(np.mean(removal_psnr)), "removal_psnr_object_left_in": float(np.mean(control_psnr)),
        "background_recognised": float(np.mean(grounds)), "object_kept": float(np.mean(kept)),
        "object_recognised_unedited": float(np.mean(known)),
    }


def sees_object(judge: ZeroShotJudge, crop: np.ndarray) -> bool:
    """Whether the judge prefers some class over "no object"."""
    probabilities = judge.probabilities([crop], (*judge.class_prompts(CLASSES), "no object"))[0]
    return bool(probabilities[:-1].sum() > probabilities[-1])
