"""Latent diffusion from text: what its batches hold, and that the trained models load as stock pipelines and
adapters.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from editmill.generators.models.image_adapter import attach, load_image_adapter
from editmill.packs.tabletop.training.controlnet import ControlNetTask, canny_edges, edge_network
from editmill.packs.tabletop.training.diffusion import WEIGHTS
from editmill.packs.tabletop.training.image_adapter import ImageAdapterTask, published_names
from editmill.packs.tabletop.training.inpaint import InpaintTask
from editmill.packs.tabletop.training.loop import Run, Trainer
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.text_to_image import (
    CROP,
    TILT,
    TextToImageTask,
    is_empty,
    object_coordinates,
    random_caption,
    shape_error,
)
from editmill.packs.tabletop.world.render import draw_object
from editmill.packs.tabletop.world.scene import ScenePlan, plan_scene, scene_rng
from editmill.packs.tabletop.world.shapes import SHAPES

PICTURES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text-to-image weights after two steps, and the table of their latents."""
    root = tmp_path_factory.mktemp("diffusion")
    task = TextToImageTask(steps=2, size=2, examples=PICTURES, cache=root / "cache")
    Trainer(task, run(root, "text_to_image")).train()
    return root


def run(root: Path, name: str) -> Run:
    return Run(folder=root / f"run-{name}", weights=root / name, threads=torch.get_num_threads(), loaders=0)


def autoencoder() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(WEIGHTS / "autoencoder", local_files_only=True, dtype=torch.float32)


def picture(pipeline: StableDiffusionPipeline, **settings: object) -> np.ndarray:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        "a red ball on green grass",
        num_inference_steps=1,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
        **settings,
    ).images[0]


def test_batches_are_pure_functions_of_the_step_and_crops_hold_objects(folder: Path) -> None:
    task = TextToImageTask(steps=4, size=2, examples=PICTURES, cache=folder / "full")
    for step in range(0, PICTURES, 2):
        task.encoded(task.frames(step // 2))
    frames, crops, again = task.batch(4), task.batch(1), task.batch(1)
    assert frames["latents"].shape[-1] == 2 * CROP
    assert crops["latents"].shape == (6, 4, CROP, CROP)
    assert all(torch.equal(crops[name], again[name]) for name in ("latents", "cover", "tokens"))
    assert bool((crops["cover"].amax(dim=(1, 2, 3)) > 0.9).all())


def plan_of(name: str, angle: float) -> ScenePlan:
    plan = next(
        plan
        for plan in (plan_scene("train", index) for index in range(400))
        if plan.objects[0].name == name and len(plan.objects) == 1
    )
    return replace(plan, objects=(replace(plan.objects[0], angle=angle, centre=(0.5, 0.5), radius=0.25),))


def test_coordinates_are_those_that_the_renderer_uses() -> None:
    plan = plan_of("mug", 0.7)
    item = plan.objects[0]
    along, down = object_coordinates(plan)
    side = along.shape[0]
    _, alpha = draw_object(
        side,
        name=item.name,
        colour=item.colour,
        finish=item.finish,
        centre=item.centre,
        radius=item.radius,
        angle=item.angle,
        tint=np.zeros(3, np.float32),
    )
    drawn, expected = alpha > 0.5, SHAPES["mug"](along, down).inside
    assert np.mean(drawn == expected) > 0.98
    assert drawn.sum() > 50


def test_one_object_stands_upright_but_for_adapters(folder: Path) -> None:
    standing = TextToImageTask(steps=1, size=2, examples=PICTURES, cache=folder / "cache")
    lying = ControlNetTask(steps=1, size=2, start=folder / "text_to_image", examples=PICTURES, cache=folder / "cache")
    (angles,) = zip(*([item.angle for item in standing.plan(index).objects] for index in range(40)), strict=True)
    assert -TILT <= min(angles) < 0 < max(angles) <= TILT
    index = next(index for index in range(PICTURES) if not is_empty(index))
    assert lying.plan(index) == plan_scene("train", index)
    assert np.array_equal(lying.scene(index).image, train_scene(index).image)
    assert np.array_equal(standing.scene(index).clean, train_scene(index).clean)
    assert not np.array_equal(standing.scene(index).image, train_scene(index).image)


def test_captions_of_whole_pictures_name_what_the_pictures_show(folder: Path) -> None:
    settings: dict[str, int] = {"steps": 1, "size": 24, "examples": 24}
    standing = TextToImageTask(cache=folder / "captions", **settings)
    lying = ControlNetTask(cache=folder / "captions", start=folder / "text_to_image", **settings)
    named = {}
    for task in (standing, lying):
        captions = task.tokenizer.batch_decode(task.frames(0)["tokens"], skip_special_tokens=True)
        named[task.name] = [" and " in caption for caption in captions]
    assert not any(named["text_to_image"])
    assert named["controlnet"] == [
        len(plan_scene("train", index).objects) == 2 and not is_empty(index) for index in range(24)
    ]
    assert any(named["controlnet"])


@pytest.mark.parametrize(
    ("name", "turn"), [("star", 2 * np.pi / 5), ("cube", 2 * np.pi / 3), ("ring", 1.0), ("ball", 2.0)]
)
def test_coordinates_do_not_turn_with_turns_that_nobody_can_see(name: str, turn: float) -> None:
    np.testing.assert_allclose(
        object_coordinates(plan_of(name, 0.3)), object_coordinates(plan_of(name, 0.3 + turn)), atol=1e-5
    )


def test_coordinates_of_a_turned_mug_differ() -> None:
    assert np.abs(object_coordinates(plan_of("mug", 0.3)) - object_coordinates(plan_of("mug", 1.3))).mean() > 0.2


def test_shape_error_is_zero_for_the_truth_and_ignores_coordinates_off_the_object() -> None:
    shape = torch.zeros(1, 3, 8, 8)
    shape[:, 0, 2:6, 2:6] = 1
    shape[:, 1:] = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    read = shape.clone()
    read[:, 1:, 0] = 9
    assert shape_error(read, shape).item() == pytest.approx(0, abs=1e-9)
    read[:, 1, 3, 3] += 1
    assert shape_error(read, shape).item() == pytest.approx(1 / 16)


def test_captions_name_the_objects_and_leave_attributes_out_at_times() -> None:
    plan = plan_scene("train", 0)
    captions = [random_caption(plan, scene_rng("train", number, "test"), empty=False) for number in range(60)]
    item = plan.objects[0]
    assert all(item.name in caption for caption in captions)
    assert 0.75 < np.mean([item.colour in caption for caption in captions]) < 1
    assert not any(
        item.name in random_caption(plan, scene_rng("train", number, "test"), empty=True) for number in range(20)
    )
    assert 0.01 < np.mean([is_empty(index) for index in range(400)]) < 0.1


def test_training_goes_on_from_stored_weights(folder: Path) -> None:
    onwards = TextToImageTask(
        steps=4, size=2, examples=PICTURES, cache=folder / "cache", start=folder / "text_to_image"
    )
    stored = UNet2DConditionModel.from_pretrained(folder / "text_to_image" / "unet", local_files_only=True)
    for name, value in onwards.module().unet.state_dict().items():
        assert torch.equal(value, stored.state_dict()[name].float())


def test_text_to_image_loads_as_a_stock_pipeline(folder: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder / "text_to_image", vae=autoencoder(), safety_checker=None, dtype=torch.float32
    )
    image = picture(pipeline)
    assert image.shape == (128, 128, 3)
    assert np.isfinite(image).all()


def test_inpainting_starts_from_text_to_image(folder: Path) -> None:
    task = InpaintTask(steps=1, size=2, examples=4, cache=folder / "inpaint-cache", start=folder / "text_to_image")
    network = task.module()
    start = TextToImageTask(steps=1, size=2, examples=PICTURES, cache=folder / "cache").module()
    stored = StableDiffusionPipeline.from_pretrained(
        folder / "text_to_image", vae=None, safety_checker=None, dtype=torch.float32
    )
    start.unet.load_state_dict(stored.unet.state_dict())
    start.text.load_state_dict(stored.text_encoder.state_dict())
    sample, timesteps, tokens = torch.randn(1, 4, 32, 32), torch.tensor([500]), task.batch(0)["tokens"][:1]
    rest = torch.randn(1, 5, 32, 32)
    with torch.no_grad():
        expected, _ = start(sample, timesteps, tokens)
        torch.testing.assert_close(
            network(torch.cat([sample, rest], 1), timesteps, tokens), expected, atol=1e-4, rtol=1e-4
        )
    Trainer(task, run(folder, "inpaint")).train()
    onwards = InpaintTask(
        steps=1, size=2, examples=4, cache=folder / "inpaint-cache", start=folder / "inpaint"
    ).module()
    kept = UNet2DConditionModel.from_pretrained(folder / "inpaint" / "unet", local_files_only=True).conv_in.weight
    assert torch.equal(onwards.unet.conv_in.weight, kept.float())
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(
        folder / "inpaint", vae=autoencoder(), safety_checker=None, dtype=torch.float32
    )
    hole = Image.fromarray(np.full((128, 128), 255, np.uint8))
    assert np.isfinite(picture(pipeline, image=Image.new("RGB", (128, 128)), mask_image=hole)).all()


def test_controlnet_trains_alone_and_loads_as_stock(folder: Path) -> None:
    task = ControlNetTask(steps=1, size=2, start=folder / "text_to_image", examples=PICTURES, cache=folder / "cache")
    trainer = Trainer(task, run(folder, "controlnet"))
    trained = [name for name, parameter in trainer.module.named_parameters() if parameter.requires_grad]
    assert trained
    assert all(name.startswith("controlnet.") for name in trained)
    trainer.train()
    network = ControlNetModel.from_pretrained(folder / "controlnet", local_files_only=True, dtype=torch.float32)
    moved = [
        name
        for name, value in network.state_dict().items()
        if "controlnet_" in name and name.endswith("weight") and value.abs().sum() > 0
    ]
    assert moved, "the zero convolutions have learned nothing"


def test_the_controlnet_starts_as_the_convolutions_of_the_encoder(folder: Path) -> None:
    unet = UNet2DConditionModel.from_pretrained(
        folder / "text_to_image" / "unet", local_files_only=True, dtype=torch.float32
    )
    network = edge_network(unet)
    taken = [
        name
        for name, value in network.state_dict().items()
        if torch.equal(value, unet.state_dict().get(name, torch.empty(0)))
    ]
    assert {name.split(".")[0] for name in taken} == {"conv_in", "time_embedding", "down_blocks", "mid_block"}
    assert not any("attentions" in name for name, _ in network.named_parameters())


def test_edges_of_a_step_are_found() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, 16:] = 255
    edges = canny_edges(image)
    assert edges.shape == image.shape
    assert set(np.flatnonzero(edges[10, :, 0])) <= {15, 16}
    assert edges[10].any()


def test_adapter_file_loads_as_an_ip_adapter_and_computes_what_was_trained(folder: Path) -> None:
    task = ImageAdapterTask(steps=1, size=2, start=folder / "text_to_image", examples=PICTURES, cache=folder / "cache")
    trainer = Trainer(task, run(folder, "image_adapter"))
    trainer.train()
    encoder = CLIPVisionModelWithProjection.from_pretrained(
        WEIGHTS / "zero_shot", local_files_only=True, dtype=torch.float32
    )
    processor = CLIPImageProcessor.from_pretrained(WEIGHTS / "zero_shot", local_files_only=True)
    adapter = load_image_adapter(
        folder / "image_adapter", dtype=torch.float32, image_encoder=encoder, processor=processor
    )
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder / "text_to_image", vae=autoencoder(), safety_checker=None, dtype=torch.float32
    )
    attach(pipeline, adapter)
    reference = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8))
    pixels = processor(reference, return_tensors="pt").pixel_values
    sample, timesteps, tokens = torch.randn(1, 4, 32, 32), torch.tensor([500]), task.frames(0)["tokens"][:1]
    with torch.no_grad():
        hidden = encoder(pixels, output_hidden_states=True).hidden_states[-2]
        text = pipeline.text_encoder(tokens).last_hidden_state
        loaded = pipeline.unet(sample, timesteps, text, added_cond_kwargs={"image_embeds": [hidden[:, None]]}).sample
        trained = trainer.module.float()(sample, timesteps, tokens, pixels)
    torch.testing.assert_close(loaded, trained, atol=5e-3, rtol=5e-3)
    assert np.isfinite(picture(pipeline, ip_adapter_image=[reference])).all()


def test_references_show_the_object_as_it_lies_in_the_world(folder: Path) -> None:
    task = ImageAdapterTask(steps=1, size=2, start=folder / "text_to_image", examples=PICTURES, cache=folder / "cache")
    single = [index for index in range(40) if len(plan_scene("train", index).objects) == 1 and not is_empty(index)]
    double = [index for index in range(40) if len(plan_scene("train", index).objects) == 2 and not is_empty(index)]
    assert np.array_equal(task.reference(single[0]), train_scene(single[0]).image)
    assert np.array_equal(task.reference(double[0]), task.scene(double[0]).image)


def test_published_names_join_keys_and_values() -> None:
    state = {
        "layers.0.attn.to_k.weight": torch.ones(2, 3),
        "layers.0.attn.to_v.weight": torch.zeros(2, 3),
        "layers.0.ln0.weight": torch.ones(3),
    }
    named = published_names(state)
    assert named["layers.0.0.to_kv.weight"].shape == (4, 3)
    assert set(named) == {"layers.0.0.to_kv.weight", "layers.0.0.norm1.weight"}
