from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import squeezenet1_1
from torchvision.transforms.v2.functional import normalize, resize
from transformers import (
    BaseImageProcessor,
    CLIPImageProcessor,
    ConvNextImageProcessor,
    ResNetConfig,
    ResNetForImageClassification,
    ViTImageProcessor,
)

from editmill.generators.models.checkpoints import weights_digest
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.generators.models.surrogate import Surrogate
from editmill.manifests.errors import ModelError
from tests.checkpoints import LABELS
from tests.generators.pictures import photo

PROCESSORS: dict[str, BaseImageProcessor] = {
    "stretched": ViTImageProcessor(size={"height": 32, "width": 32}, resample=2),
    "whole": ConvNextImageProcessor(
        size={"shortest_edge": 32}, crop_pct=1.0, image_mean=[0.5] * 3, image_std=[0.5] * 3
    ),
    "centre cut": ConvNextImageProcessor(size={"shortest_edge": 28}, crop_pct=0.875),
    "CLIP's": CLIPImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}),
    "not normalised": ViTImageProcessor(size={"height": 24, "width": 24}, do_normalize=False, resample=3),
}


def surrogate_of(folder: Path, cls: str, *, raw: bool = False) -> Surrogate:
    roles = {"classifier": RoleEntry(cls=cls, path="classifier", licence="MIT")}
    pack = PackSpec(name=f"tiny-{folder.name}", description="", roles=roles, backgrounds=("grass",), folder=folder)
    return Surrogate(Models(pack, Placement(device="cpu")), "classifier", raw=raw)


def write_resnet(folder: Path, names: list[str], processor: BaseImageProcessor | None = None) -> None:
    torch.manual_seed(3)
    config = ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16],
        depths=[1, 1],
        layer_type="basic",
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
    )
    model = ResNetForImageClassification(config)
    model.classifier[1].weight.data *= 10
    model.save_pretrained(folder / "classifier")
    (processor or PROCESSORS["whole"]).save_pretrained(folder / "classifier")


def write_squeezenet(folder: Path, *, classes: int, suffix: str = "pth") -> dict[str, Tensor]:
    torch.manual_seed(4)
    state = squeezenet1_1(num_classes=classes).state_dict()
    (folder / "classifier").mkdir()
    path = folder / "classifier" / f"weights.{suffix}"
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    return state


RESNET, SQUEEZENET = "transformers.ResNetForImageClassification", "torchvision.models.squeezenet1_1"


def as_tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("side", [20, 64])
@torch.inference_mode()
def test_log_probabilities_are_those_of_the_models_own_processor(name: str, side: int, tmp_path: Path) -> None:
    write_resnet(tmp_path, list(LABELS), PROCESSORS[name])
    surrogate, image = surrogate_of(tmp_path, RESNET), photo(1, width=side, height=side)
    # Processors that resize bytes round to whole grey levels.
    expected = surrogate.model(**PROCESSORS[name](images=image, return_tensors="pt")).logits.log_softmax(-1)[0]
    found = torch.stack([surrogate.log_probability(as_tensor(image), number)[0] for number in range(len(LABELS))])
    assert torch.allclose(found, expected, atol=0.03)
    assert found.std() > 0.1


def test_gradient_is_that_of_the_log_probability(tmp_path: Path) -> None:
    write_resnet(tmp_path, list(LABELS))
    surrogate = surrogate_of(tmp_path, RESNET)
    surrogate.model.double()
    surrogate.mean, surrogate.std = surrogate.mean.double(), surrogate.std.double()
    picture = as_tensor(photo(2, width=24, height=24)).double().requires_grad_()
    (gradient,) = torch.autograd.grad(surrogate.log_probability(picture, 3).sum(), picture)
    direction = gradient / gradient.norm()
    with torch.no_grad():
        ahead, behind = (surrogate.log_probability(picture + sign * 1e-2 * direction, 3) for sign in (1, -1))
    assert float((ahead - behind) / 2e-2) == pytest.approx(float(gradient.norm()), rel=0.02)
    assert gradient.norm() > 1e-2


def test_names_decide_about_classes(tmp_path: Path) -> None:
    write_resnet(tmp_path, ["cock, rooster", "crane", "crane", "coffee mug", "traffic_light"])
    surrogate = surrogate_of(tmp_path, RESNET)
    assert surrogate.index(7, "cock, rooster") == 0
    assert surrogate.index(7, "Cock") == 0
    assert surrogate.index(7, "cock, chanticleer") == 0
    assert surrogate.index(7, "traffic light") == 4
    assert surrogate.index(3, "cup") is None
    # Two classes of that name: neither is more right.
    assert surrogate.index(1, "crane") is None


def test_models_of_imagenet_take_the_label_where_the_name_does_not_decide(tmp_path: Path) -> None:
    names = [f"LABEL_{number}" for number in range(1000)]
    names[134] = names[517] = "crane"
    names[985] = "daisy"
    write_resnet(tmp_path, names)
    surrogate = surrogate_of(tmp_path, RESNET)
    assert surrogate.index(517, "crane") == 517
    assert surrogate.index(4, "daisy") == 985
    assert surrogate.index(4, "hammerhead") == 4
    assert surrogate.index(1000, "hammerhead") is None


@torch.inference_mode()
def test_raw_pictures_are_enlarged_and_nothing_else(tmp_path: Path) -> None:
    write_resnet(tmp_path, list(LABELS))
    raw, picture = surrogate_of(tmp_path, RESNET, raw=True), as_tensor(photo(1, width=64, height=64))
    seen: list[Tensor] = []
    hook = raw.model.register_forward_pre_hook(
        lambda module, inputs, named: seen.append(named["pixel_values"]), with_kwargs=True
    )
    raw.log_probability(picture, 0)
    hook.remove()
    assert torch.equal(seen[0], picture.repeat_interleave(4, 2).repeat_interleave(4, 3))


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@torch.inference_mode()
def test_torchvision_weights_load_with_imagenets_preprocessing(suffix: str, tmp_path: Path) -> None:
    state = write_squeezenet(tmp_path, classes=1000, suffix=suffix)
    surrogate, picture = surrogate_of(tmp_path, SQUEEZENET), as_tensor(photo(1, width=64, height=64))
    model: Any = squeezenet1_1()
    model.load_state_dict(state)
    pixels = normalize(
        resize((picture + 1) / 2, [224, 224], antialias=True), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    )
    expected = model.eval()(pixels).log_softmax(-1)[0, 281]
    assert float(surrogate.log_probability(picture, 281)) == pytest.approx(float(expected), abs=1e-5)
    assert not any(parameter.requires_grad for parameter in surrogate.model.parameters())
    assert surrogate.index(281, "tabby") == 281
    assert surrogate.classes == 1000


def test_torchvision_models_of_few_classes_know_no_names(tmp_path: Path) -> None:
    write_squeezenet(tmp_path, classes=8)
    surrogate = surrogate_of(tmp_path, SQUEEZENET)
    assert surrogate.classes == 8
    assert surrogate.index(3, "ball") is None


def test_id_names_role_class_and_weights(tmp_path: Path) -> None:
    write_squeezenet(tmp_path, classes=8)
    assert (
        surrogate_of(tmp_path, SQUEEZENET).id == f"classifier: {SQUEEZENET} {weights_digest(tmp_path / 'classifier')}"
    )


def add_second_file(folder: Path) -> None:
    torch.save({}, folder / "other.pth")


def write_others_weights(folder: Path) -> None:
    torch.save({"fc.weight": torch.zeros(8, 4)}, folder / "weights.pth")


def write_damage(folder: Path) -> None:
    (folder / "weights.pth").write_bytes(b"no tensors")


def drop_a_weight(folder: Path) -> None:
    state = torch.load(folder / "weights.pth", weights_only=True)
    torch.save({name: value for name, value in state.items() if name != "features.0.bias"}, folder / "weights.pth")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (add_second_file, "2 weights files"),
        (write_others_weights, r"no weights classifier\.1\.bias"),
        (write_damage, "damaged"),
        (drop_a_weight, r"features\.0\.bias"),
    ],
)
def test_unfit_torchvision_weights_are_model_errors(damage: Any, words: str, tmp_path: Path) -> None:
    write_squeezenet(tmp_path, classes=8)
    damage(tmp_path / "classifier")
    with pytest.raises(ModelError, match=words) as caught:
        surrogate_of(tmp_path, SQUEEZENET)
    assert caught.value.where == str(tmp_path / "classifier")
