from __future__ import annotations

import numpy as np
import pytest
import torch

from editmill.packs.tabletop.training import recognition
from editmill.packs.tabletop.training.recognition import (
    ATTRIBUTES,
    AttributeHeads,
    Mix,
    attribute_loss,
    collate,
    draw_scene,
    patch_loss,
    recognition_view,
    scene_truth,
)
from editmill.packs.tabletop.training.views import empty_view
from editmill.packs.tabletop.world import CLASSES, COLOURS, FINISHES, GROUNDS, Scene, make_scene


def scene_with(count: int) -> Scene:
    return next(
        scene for scene in (make_scene("train", index, size=64) for index in range(100)) if len(scene.objects) == count
    )


def test_shares_of_the_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    originals = [make_scene("train", index, size=32) for index in range(8)]
    monkeypatch.setattr(recognition, "train_scene", lambda index: originals[index % 8])
    drawn = [draw_scene(index, np.random.default_rng(index), Mix(empty=0.25, composite=0.5)) for index in range(200)]
    empty = sum(not scene.objects for scene in drawn)
    kept = sum(any(np.array_equal(scene.image, original.image) for original in originals) for scene in drawn)
    assert empty == pytest.approx(50, abs=20)
    assert kept == pytest.approx(75, abs=25)


def test_truth_follows_the_chosen_object() -> None:
    scene = scene_with(2)
    for number, item in enumerate(scene.objects):
        expected = [
            CLASSES.index(item.name),
            list(COLOURS).index(item.colour),
            FINISHES.index(item.finish),
            list(GROUNDS).index(scene.ground),
        ]
        assert scene_truth(scene, number) == expected
    assert scene_truth(empty_view(scene), -1) == [-1, -1, -1, list(GROUNDS).index(scene.ground)]


def test_whole_views_cover_what_the_object_covers() -> None:
    scene = scene_with(1)
    view = recognition_view(scene, np.random.default_rng(0), side=32, grid=4, whole=1.0)
    assert (view.image.shape, view.coverage.shape) == ((32, 32, 3), (4, 4, 2))
    assert view.image.dtype == np.uint8
    wanted = scene.alphas[0].reshape(4, 16, 4, 16).mean(axis=(1, 3))
    mirrored = np.allclose(view.coverage[..., 0], wanted[:, ::-1], atol=1e-5)
    assert mirrored or np.allclose(view.coverage[..., 0], wanted, atol=1e-5)
    assert view.coverage[..., 1].max() == 0


def test_crops_centre_on_the_object_and_two_objects_are_always_cropped() -> None:
    scene = scene_with(2)
    chosen = set()
    for seed in range(30):
        view = recognition_view(scene, np.random.default_rng(seed), side=48, grid=6, whole=1.0)
        rows, columns = np.nonzero(view.coverage[..., 0] > 0.02)
        assert abs((rows.min() + rows.max()) / 2 - 2.5) <= 1
        assert abs((columns.min() + columns.max()) / 2 - 2.5) <= 1
        chosen.add(tuple(view.truth))
    assert len(chosen) == 2
    first = scene_truth(scene, 0)
    assert all(
        recognition_view(scene, np.random.default_rng(seed), side=48, grid=6, whole=0, chosen=0).truth == first
        for seed in range(8)
    )


def test_empty_views_have_no_coverage() -> None:
    for seed in range(20):
        view = recognition_view(empty_view(scene_with(1)), np.random.default_rng(seed), side=24, grid=3, whole=0.3)
        assert view.image.shape == (24, 24, 3)
        assert view.coverage.max() == 0
        assert view.truth[0] == -1


def test_collated_views() -> None:
    views = [
        recognition_view(scene_with(1), np.random.default_rng(seed), side=16, grid=2, whole=0.5) for seed in range(3)
    ]
    batch = collate(views)
    assert {name: tuple(value.shape) for name, value in batch.items()} == {
        "image": (3, 3, 16, 16),
        "coverage": (3, 4, 2),
        "truth": (3, 4),
    }
    assert batch["image"][1, :, 5, 7].tolist() == pytest.approx((views[1].image[5, 7] / 127.5 - 1).tolist(), abs=1e-6)


def test_patch_loss_by_hand() -> None:
    """One patch half covered by the object, a quarter by another: 3 * 0.5 of the class's and 0.25 of the ground's
    cross-entropy.
    """
    scores = torch.randn(1, 1, 9, generator=torch.Generator().manual_seed(0))
    chances = scores[0, 0].log_softmax(0)
    loss = patch_loss(scores, torch.tensor([[[0.5, 0.25]]]), torch.tensor([4]))
    assert loss.item() == pytest.approx((-1.5 * chances[4] - 0.25 * chances[8]).item())
    bare = patch_loss(scores, torch.zeros(1, 1, 2), torch.tensor([-1]))
    assert bare.item() == pytest.approx(-chances[8].item())


def test_attribute_loss_leaves_out_what_is_not_there() -> None:
    truth = torch.tensor([[1, 2, 0, 3], [-1, -1, -1, 5]])
    generator = torch.Generator().manual_seed(0)
    scores = {name: torch.randn(2, len(values), generator=generator) for name, values in ATTRIBUTES.items()}
    loss, figures = attribute_loss(scores, truth)
    alone = {name: -values[0].log_softmax(0) for name, values in scores.items()}
    ground = (alone["ground"][3] - scores["ground"][1].log_softmax(0)[5]) / 2
    assert loss.item() == pytest.approx(
        (2 * alone["name"][1] + alone["colour"][2] + alone["finish"][0] + ground).item(), rel=1e-5
    )
    assert figures["name"] == float(scores["name"][0].argmax() == 1)


def test_heads_read_the_ground_from_its_own_feature() -> None:
    torch.manual_seed(0)
    heads = AttributeHeads(6, 5)
    batch = {"truth": torch.tensor([[1, 2, 0, 3]]), "coverage": torch.full((1, 4, 2), 0.25)}
    feature, patches = torch.randn(1, 6), torch.randn(1, 4, 5)
    loss, figures = heads(feature, patches, batch)
    assert set(figures) == {"patches", *ATTRIBUTES}
    other, _ = heads(feature, patches, batch, ground=torch.randn(1, 6))
    assert other.item() != loss.item()
    same, _ = heads(feature, patches, batch, ground=feature)
    assert same.item() == pytest.approx(loss.item())
