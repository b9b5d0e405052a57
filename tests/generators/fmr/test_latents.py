from __future__ import annotations

import pytest
import torch

from editmill.generators.fmr.latents import LatentCodec
from editmill.generators.fmr.oracle import Subject
from editmill.generators.fmr.pixels import to_tensor
from editmill.generators.models.loading import Models
from editmill.manifests.errors import ModelError

NETWORKS = ("vq", "autoencoder")


@pytest.mark.parametrize("role", NETWORKS)
def test_pictures_survive_the_round_trip(tabletop: Models, subjects: list[Subject], role: str) -> None:
    codec = LatentCodec(tabletop, role)
    pictures = to_tensor([subject.image for subject in subjects], codec.device)
    latents = codec.encode(pictures)
    assert latents.shape == (len(subjects), 4, 64 // codec.factor, 64 // codec.factor)
    with torch.no_grad():
        error = (codec.decode(latents) - pictures).square().mean()
    assert 10 * torch.log10(4 / error) > 24


def test_latents_of_a_kl_autoencoder_are_scaled_as_its_diffusion_models_expect(
    tabletop: Models, subjects: list[Subject]
) -> None:
    codec = LatentCodec(tabletop, "autoencoder")
    latents = codec.encode(to_tensor([subject.image for subject in subjects], codec.device))
    assert 0.5 < latents.std() < 2


def gradient_at(codec: LatentCodec, latents: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    leaf = latents.detach().requires_grad_()
    return torch.autograd.grad((codec.decode(leaf) * weights).sum(), leaf)[0]


def test_gradients_pass_straight_through_the_quantiser(tabletop: Models, subjects: list[Subject]) -> None:
    looked_up, direct = LatentCodec(tabletop, "vq"), LatentCodec(tabletop, "vq", quantize=False)
    pictures = to_tensor([subjects[0].image], looked_up.device)
    latents = looked_up.encode(pictures)
    codes = looked_up.model.quantize(latents)[0]
    weights = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    passed = gradient_at(looked_up, latents, weights)
    assert (passed.abs().amax(dim=1) > 0).all()
    # The quantiser is the identity for gradients: those of the latents are those of their codes.
    torch.testing.assert_close(passed, gradient_at(direct, codes, weights), rtol=1e-4, atol=1e-4)


def test_without_the_codebook_latents_are_decoded_as_they_are(tabletop: Models, subjects: list[Subject]) -> None:
    looked_up, direct = LatentCodec(tabletop, "vq"), LatentCodec(tabletop, "vq", quantize=False)
    latents = looked_up.encode(to_tensor([subjects[0].image], looked_up.device))
    codes = looked_up.model.quantize(latents)[0]
    with torch.no_grad():
        assert (direct.decode(latents) - looked_up.decode(latents)).abs().max() > 1e-3
        torch.testing.assert_close(direct.decode(codes), looked_up.decode(latents), rtol=1e-4, atol=1e-4)
        # A nudge too small to reach another code changes nothing but what is decoded without the codebook.
        nudged = latents + 1e-6
        assert torch.equal(looked_up.model.quantize(nudged)[2][2], looked_up.model.quantize(latents)[2][2])


def test_another_kind_of_model_is_refused(tabletop: Models) -> None:
    with pytest.raises(ModelError, match="can't be ascended"):
        LatentCodec(tabletop, "classifier")
