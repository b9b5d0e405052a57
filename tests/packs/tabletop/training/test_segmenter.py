from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.models.segment_anything import build_sam, load_sam
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.checks import segmenter as check
from editmill.packs.tabletop.checks.segmenter import measure
from editmill.packs.tabletop.training import segmenter as role
from editmill.packs.tabletop.training import store
from editmill.packs.tabletop.training.segmenter import (
    CONFIG,
    SIDE,
    SegmenterTask,
    decode,
    intersection_over_union,
    jittered_box,
    mask_losses,
    prompt_loss,
    random_points,
)
from editmill.packs.tabletop.training.store import SceneStore
from editmill.packs.tabletop.world import make_scene

TINY = replace(
    CONFIG,
    embed_dim=16,
    depth=1,
    num_heads=2,
    out_chans=16,
    global_attn_indexes=(0,),
    decoder_depth=1,
    decoder_mlp=16,
    iou_head_hidden=16,
)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SegmenterTask:
    """The task with a tiny network and a store of a few scenes."""
    scenes = SceneStore(tmp_path / "scenes", count=64)
    monkeypatch.setattr(store, "_shared", lambda: scenes)
    monkeypatch.setattr(role, "CONFIG", TINY)
    return SegmenterTask(steps=2, size=4)


def square(left: int, top: int, right: int, bottom: int, *, size: int = 16) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_points_lie_on_the_mask() -> None:
    mask = square(3, 5, 6, 7)
    points = random_points(mask, 200, np.random.default_rng(0))
    assert {tuple(point) for point in points.tolist()} == {(x, y) for x in (3.0, 4.0, 5.0) for y in (5.0, 6.0)}


def test_jittered_boxes_stay_near_the_mask() -> None:
    mask = square(10, 20, 50, 30, size=64)
    boxes = np.stack([jittered_box(mask, np.random.default_rng(seed)) for seed in range(200)])
    assert np.abs(boxes.mean(axis=0) - [10, 20, 50, 30]).max() < 0.5
    assert (np.abs(boxes - [10, 20, 50, 30]) <= [5, 2, 5, 2]).all()
    assert np.ptp(boxes, axis=0).min() > 3
    assert jittered_box(square(0, 0, 64, 64, size=64), np.random.default_rng(0)).min() >= 0


def test_decoding_a_batch_is_the_packages_decoding_of_each_image() -> None:
    torch.manual_seed(0)
    sam = build_sam(TINY).eval()
    generator = torch.Generator().manual_seed(1)
    embeddings = torch.randn(3, 16, 16, 16, generator=generator)
    points = torch.rand(3, 2, 2, generator=generator) * SIDE
    with torch.inference_mode():
        sparse, dense = sam.prompt_encoder(points=(points, torch.tensor([[1, 0]] * 3)), boxes=None, masks=None)
        masks, predicted = decode(sam, embeddings, sparse, dense)
        for number in range(3):
            one = slice(number, number + 1)
            shared = {
                "image_embeddings": embeddings[one],
                "image_pe": sam.prompt_encoder.get_dense_pe(),
                "sparse_prompt_embeddings": sparse[one],
            }
            single = sam.mask_decoder(**shared, dense_prompt_embeddings=dense[one], multimask_output=False)
            several = sam.mask_decoder(**shared, dense_prompt_embeddings=dense[one], multimask_output=True)
            assert torch.allclose(torch.cat([single[0], several[0]], dim=1), masks[one], atol=1e-5)
            assert torch.allclose(torch.cat([single[1], several[1]], dim=1), predicted[one], atol=1e-5)
    assert not torch.allclose(masks[0], masks[1], atol=1e-3)


def test_intersection_over_union() -> None:
    one, two = (torch.from_numpy(mask) for mask in (square(0, 0, 4, 4), square(2, 0, 6, 4)))
    empty = torch.zeros_like(one)
    found = intersection_over_union(torch.stack([one, one, empty, empty]), torch.stack([one, two, two, empty]))
    assert found.tolist() == pytest.approx([1.0, 1 / 3, 0.0, 1.0])


def test_mask_loss_prefers_the_truth_and_keeps_half_covered_pixels() -> None:
    truth = torch.from_numpy(square(4, 4, 12, 12))[None, None].float()
    right, wrong = (truth * 2 - 1) * 6, (1 - truth * 2) * 6
    losses = mask_losses(torch.cat([right, right * 0, wrong], dim=1), truth)[0]
    assert losses.argsort().tolist() == [0, 1, 2]
    assert losses[0] < 0.01
    # A half covered edge is best answered by a logit near zero.
    half = torch.full((1, 1, 16, 16), 0.5)
    undecided, *decided = (float(mask_losses(torch.full((1, 1, 16, 16), logit), half)) for logit in (0.0, 2.0, -2.0))
    assert undecided < min(decided)


def test_only_the_best_of_three_masks_learns() -> None:
    truth = torch.from_numpy(square(4, 4, 12, 12))[None, None].float()
    good, bad = (truth * 2 - 1) * 3, (1 - truth * 2) * 3
    logits = torch.cat([good, bad, good, bad], dim=1).requires_grad_()
    predicted = torch.zeros(1, 4, requires_grad=True)
    loss, overlap = prompt_loss(logits, predicted, truth)
    torch.autograd.backward(loss)
    assert overlap.tolist() == [1.0]
    assert logits.grad is not None
    assert predicted.grad is not None
    assert [bool(grad.abs().sum() > 0) for grad in logits.grad[0]] == [True, False, True, False]
    # Every mask's IoU is predicted: 1 for the good ones and 0 for the bad ones, where zero is already right.
    assert [bool(grad < 0) for grad in predicted.grad[0]] == [True, False, True, False]


def test_batch_is_a_pure_function_of_the_step(task: SegmenterTask) -> None:
    one, two, other = task.batch(3), task.batch(3), task.batch(4)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["image"], other["image"])


def on(mask: Tensor, point: Tensor) -> bool:
    return bool(mask[0, int(point[1]), int(point[0])])


def test_prompts_fit_their_masks(task: SegmenterTask) -> None:
    asked_ground = 0
    for step in range(12):
        batch = task.batch(step)
        assert batch["image"].shape == (4, 3, SIDE, SIDE)
        assert batch["image"].dtype == torch.uint8
        for number in range(4):
            asked = batch["asked"][number]
            assert on(asked, batch["point"][number, 0])
            assert on(asked, batch["second"][number, 0]) == bool(batch["label"][number, 1])
            assert batch["label"][number, 0] == 1
            rows, columns = torch.nonzero(batch["boxed"][number, 0], as_tuple=True)
            true = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            assert (batch["box"][number] - true).abs().max() <= 0.1 * (true[2:] - true[:2]).max() + 1
            asked_ground += bool(asked.float().mean() > 0.5)
    assert 3 < asked_ground < 24


def first_steps(task: SegmenterTask, module: Any, steps: int) -> list[float]:
    batch = task.batch(0)
    optimiser = torch.optim.AdamW(module.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        loss, figures = task.loss(module, batch, torch.Generator().manual_seed(0))
        torch.autograd.backward(loss)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
        assert set(figures) == {"box_iou", "point_iou", "two_iou"}
    return losses


def test_training_lowers_the_loss_and_the_folder_reloads(task: SegmenterTask, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = task.module()
    losses = first_steps(task, module, 12)
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.9 * losses[0]
    task.save(module, tmp_path / "weights")
    loaded = load_sam(tmp_path / "weights")
    for name, value in module.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float()), name


def test_every_weight_learns_but_those_of_other_prompts(task: SegmenterTask) -> None:
    torch.manual_seed(0)
    module = task.module()
    seed = next(seed for seed in range(9) if torch.rand((), generator=torch.Generator().manual_seed(seed)) < 0.5)
    loss, _ = task.loss(module, task.batch(1), torch.Generator().manual_seed(seed))
    torch.autograd.backward(loss)
    assert [name for name, parameter in module.named_parameters() if parameter.grad is None] == []


def test_shipped_weights_segment_held_out_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = read_pack(PACK)
    if not any((pack.folder / pack.entry("segmenter").path).glob("*.safetensors")):
        pytest.skip("no weights of 'segmenter'; train them: python -m editmill.packs.tabletop.train segmenter")
    monkeypatch.setattr(check, "AUTOMATIC_SCENES", 10)
    scenes = [make_scene("heldout", 600_000 + number) for number in range(24)]
    figures = measure(Models(pack, Placement(device="cpu")), scenes)
    assert figures["segmenter_box_iou"] > 0.87
    assert figures["segmenter_point_iou"] > 0.8
    assert figures["segmenter_automatic_iou"] > 0.75
