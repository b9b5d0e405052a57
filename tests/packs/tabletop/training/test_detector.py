from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.ops import box_convert, sigmoid_focal_loss
from transformers import AutoProcessor, OwlViTForObjectDetection

from editmill.generators.models.detector import Detector
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.checks.detector import class_precision
from editmill.packs.tabletop.training import store
from editmill.packs.tabletop.training.detector import (
    EVERY_CLASS_AND_COLOUR,
    DetectorTask,
    fitting,
    from_clip,
    owners,
    query_text,
)
from editmill.packs.tabletop.training.store import SceneStore
from editmill.packs.tabletop.world import CLASSES, COLOURS, make_scene
from tests.generators.models.test_detector import tiny_clip


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DetectorTask:
    """The task with a tiny CLIP to start from and a store of a few scenes."""
    tiny_clip().save_pretrained(tmp_path / "clip")
    scenes = SceneStore(tmp_path / "scenes", count=64)
    monkeypatch.setattr(store, "_shared", lambda: scenes)
    return DetectorTask(steps=2, size=6, start=tmp_path / "clip")


def test_towers_are_those_of_the_clip() -> None:
    clip = tiny_clip().eval()
    model = from_clip(clip).eval()
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    tokens = {"input_ids": torch.tensor([[698, 320, 599, 699, 699]]), "attention_mask": torch.tensor([[1, 1, 1, 1, 0]])}
    with torch.inference_mode():
        for found, wanted in (
            (model.owlvit.get_image_features(pixel_values=pixels), clip.get_image_features(pixel_values=pixels)),
            (model.owlvit.get_text_features(**tokens), clip.get_text_features(**tokens)),
        ):
            assert torch.allclose(found.pooler_output, wanted.pooler_output, atol=1e-5)
    assert model.class_head.dense0.weight.std() < 0.5


@pytest.mark.parametrize(
    ("box", "reach", "owned"),
    [
        ((0.25, 0.25, 0.75, 0.75), 0.5, {(1, 1), (1, 2), (2, 1), (2, 2)}),
        ((0.26, 0.51, 0.49, 0.74), 0.5, {(2, 1)}),
        ((0.0, 0.3, 1.0, 0.4), 0.5, {(1, 0), (1, 1), (1, 2), (1, 3)}),
        ((0.0, 0.3, 1.0, 0.4), 0.3, {(1, 1), (1, 2)}),
        ((0.49, 0.3, 0.5, 0.31), 0.3, {(1, 1)}),
    ],
)
def test_patches_near_the_middle_of_a_box_belong_to_it(
    box: tuple[float, ...], reach: float, owned: set[tuple[int, int]]
) -> None:
    raster = owners(np.array([box]), 4, reach).reshape(4, 4)
    assert set(zip(*(axis.tolist() for axis in np.nonzero(raster == 0)), strict=True)) == owned
    assert (raster[raster != 0] == -1).all()


def test_queries_name_what_they_ask_for() -> None:
    rng = np.random.default_rng(0)
    cube, red = CLASSES.index("cube"), list(COLOURS).index("red")
    wordings = {"a red cube", "a photo of a red cube", "a picture of a red cube", "there is a red cube"}
    assert {query_text((cube, red, -1), rng) for _ in range(50)} == wordings
    assert query_text((-1, -1, -1), np.random.default_rng(1)).endswith("an object")
    assert query_text((cube, -1, 2), rng).endswith("a metal cube")


def test_batch_is_a_pure_function_of_the_step(task: DetectorTask) -> None:
    one, two, other = task.batch(3), task.batch(3), task.batch(4)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["image"], other["image"])


def test_truth_of_a_batch_fits_its_scenes(task: DetectorTask) -> None:
    seen = rims = 0
    for step in range(8):
        batch = task.batch(step)
        assert batch["image"].shape == (6, 3, 32, 32)
        assert batch["core"].shape == batch["inside"].shape == (6, 16)
        cores = batch["core"] >= 0
        assert torch.equal(batch["inside"][cores], batch["core"][cores])
        rims += int((batch["inside"] >= 0).sum() - cores.sum())
        for number in range(6):
            shown = set(batch["core"][number].tolist()) - {-1}
            named = batch["fit"][number][:, : len(EVERY_CLASS_AND_COLOUR)]
            for item in range(2):
                # Each object is an object, of one colour, one class, and one class with that colour.
                assert int(named[item].sum()) == (4 if item in shown else 0)
            seen += len(shown)
            names = [EVERY_CLASS_AND_COLOUR[int(column)][:2] for column in torch.nonzero(named.any(dim=0)).flatten()]
            scene = store.train_scene(step * 6 + number)
            truth = {(CLASSES.index(item.name), list(COLOURS).index(item.colour)) for item in scene.objects}
            assert {name for name in names if min(name) >= 0} <= truth
    assert seen > 30
    assert rims > 20


def test_queries_fit_by_what_they_name() -> None:
    queries = [(-1, -1, -1), (1, -1, -1), (1, 2, -1), (1, 2, 0), (-1, 2, 2), (0, 2, -1)]
    fit = fitting([[(1, 2, 0)], [], [(0, 2, 2), (1, 3, 0)]], queries)
    assert fit.astype(int).tolist() == [
        [[1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]],
        [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]],
        [[1, 0, 0, 0, 1, 1], [1, 1, 0, 0, 0, 0]],
    ]


def test_focal_loss_is_that_of_the_paper() -> None:
    logits, targets = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 1.0])
    chance = logits.sigmoid()
    loss = partial(sigmoid_focal_loss, alpha=-1)
    assert torch.allclose(loss(logits, targets), -((1 - chance) ** 2 * chance.log()))
    assert torch.allclose(loss(-logits, 1 - targets), loss(logits, targets))


def test_corners() -> None:
    assert box_convert(torch.tensor([0.5, 0.4, 0.2, 0.6]), "cxcywh", "xyxy").tolist() == pytest.approx(
        [0.4, 0.1, 0.6, 0.7]
    )


def test_training_lowers_the_loss_and_the_folder_reloads(task: DetectorTask, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, batch = task.module(), task.batch(0)
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        loss, figures = task.loss(module, batch, torch.Generator())
        torch.autograd.backward(loss)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert np.isfinite(losses).all()
    assert set(figures) == {"classes", "giou", "named", "empty_top"}
    assert losses[-1] < 0.7 * losses[0]
    task.save(module.eval(), tmp_path / "weights")
    loaded = OwlViTForObjectDetection.from_pretrained(tmp_path / "weights", local_files_only=True, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(tmp_path / "weights", local_files_only=True)
    inputs = processor(text=[["a ball", "a red cube"]], images=store.train_scene(0).image, return_tensors="pt")
    with torch.inference_mode():
        found, wanted = loaded(**inputs), module.float()(**inputs)
    assert torch.allclose(found.logits, wanted.logits, atol=1e-4)
    assert torch.allclose(found.pred_boxes, wanted.pred_boxes, atol=1e-4)


def test_shipped_weights_find_held_out_objects() -> None:
    pack = read_pack(PACK)
    if not any((pack.folder / pack.entry("detector").path).glob("*.safetensors")):
        pytest.skip("no weights of 'detector'; train them: python -m editmill.packs.tabletop.train detector")
    detector = Detector(Models(pack, Placement(device="cpu")))
    assert class_precision(detector, [make_scene("heldout", 600_000 + number) for number in range(40)]) > 0.8
