"""How busy a background is: the publication's spectrum, and a measure that neither the object nor fine noise moves."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from editmill.manifests.arrays import Mask, Picture

# Mid frequencies in cycles per pixel: above shading, below noise (imagenet-e spec, section 6).
BAND = (0.12, 0.25)
WINDOW = 32
FEWEST_WINDOWS = 4
LUMA = (0.299, 0.587, 0.114)


def full_spectrum(picture: Tensor) -> Tensor:
    """Return the mean magnitude of the whole spectrum, the zero frequency included, of pictures in [-1, 1], [n, 3,
    h, w]:
    [n].

    The publication's H (arXiv 2303.17096, code): the two-dimensional Fourier transform of (x + 1) / 2, not normalised.
    """
    return torch.fft.fft2((picture + 1) / 2).abs().mean(dim=(1, 2, 3))


def background_spectrum(picture: Tensor, background: Tensor) -> Tensor:
    """Return ``full_spectrum`` of the background alone: the object, where ``background`` [n, 1, h, w] is 0, is filled
    with the background's mean colour.
    """
    mean = (picture * background).sum(dim=(2, 3), keepdim=True) / background.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    # Detached, so that guidance moves the background and not the colour that the object is filled with.
    return full_spectrum(torch.where(background > 0.5, picture, mean.detach()))


def mid_band(picture: Tensor, background: Tensor) -> Tensor:
    """Return C_mid: mean magnitude of the mid frequencies of luma, over windows that lie wholly in the background.

    Args:
        picture: float [n, 3, h, w] in [0, 1].
        background: float or bool [1, 1, h, w], 1 where the background is.

    Returns:
        float [n]: 0 for flat pictures; NaN where no window of 8 pixels fits beside the object. Windows are tapered
        (Hann) and their mean is left out.
    """
    luma = (picture * picture.new_tensor(LUMA)[None, :, None, None]).sum(dim=1, keepdim=True)
    # Mirrored beyond the border, so that tapered windows see it as they see the middle.
    # Reflection refuses a margin as wide as the picture.
    margin = min(WINDOW // 2, *(length - 1 for length in picture.shape[-2:]))
    luma, background = (F.pad(layer, (margin,) * 4, mode="reflect") for layer in (luma, background.float()))
    # Large windows resolve the band best, but they may not fit beside the object.
    for side in (WINDOW, WINDOW // 2, WINDOW // 4):
        chosen = _free_windows(background, side)
        if int(chosen.sum()) >= (FEWEST_WINDOWS if side > WINDOW // 4 else 1):
            return _band_magnitude(F.unfold(luma, side, stride=side // 4)[..., chosen], side)
    return picture.new_full((len(picture),), torch.nan)


def _free_windows(background: Tensor, side: int) -> Tensor:
    if min(background.shape[-2:]) < side:
        return torch.zeros(0, dtype=torch.bool)
    return F.unfold(background, side, stride=side // 4)[0].amin(dim=0) > 0.5


def _band_magnitude(windows: Tensor, side: int) -> Tensor:
    taper = torch.hann_window(side, periodic=False, dtype=windows.dtype, device=windows.device)
    taper = taper[:, None] * taper[None]
    blocks = windows.transpose(1, 2).reshape(len(windows), -1, side, side)
    # The mean under the taper, which keeps a constant from leaking into the band.
    blocks = blocks - (blocks * taper).sum(dim=(2, 3), keepdim=True) / taper.sum()
    frequencies = torch.fft.fftfreq(side, device=windows.device)
    radius = torch.hypot(frequencies[:, None], frequencies[None])
    band = (radius >= BAND[0]) & (radius <= BAND[1])
    # Divided by the taper's norm, white noise of one deviation has the same magnitude for every window size. The floor
    # keeps gradients finite.
    spectrum = torch.fft.fft2(blocks * taper) / taper.square().sum().sqrt()
    return (torch.view_as_real(spectrum)[:, :, band].square().sum(dim=-1) + 1e-12).sqrt().mean(dim=(1, 2))


def measure_mid_band(image: Picture, alpha: Mask) -> float:
    """Return C_mid of a picture (uint8 [H, W, 3] RGB) where ``alpha`` (uint8 [H, W]) is 0, in grey levels."""
    picture = torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None]
    background = torch.from_numpy((alpha == 0).astype(np.float32))[None, None]
    return float(mid_band(picture, background)[0]) * 255
