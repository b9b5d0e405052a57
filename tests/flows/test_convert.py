from __future__ import annotations

from pathlib import Path

import torch
from click.testing import CliRunner, Result
from diffusers import DDPMPipeline

from editmill.flows.cli import Group
from editmill.flows.commands.convert import convert
from tests.generators.models.reference_adm import Adm, ReferenceAdm


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
