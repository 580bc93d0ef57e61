"""Images that maximise what a network computes (feature visualisation)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ...core.progress import Progress, Steps

# step of Adam, and pixels by which the image is shifted before every step
_RATE, _JITTER = 0.05, 8

# amplitude of the random waves to begin with, and of those that are added where nothing is excited
_AMPLITUDE = 0.05


def maximise(
    scores: Callable[[torch.Tensor], torch.Tensor],
    count: int,
    side: int,
    grey: tuple[float, float],
    iterations: int,
    seed: int,
    device: torch.device,
) -> Steps[np.ndarray]:
    """Find an image for each of several scores by gradient ascent.

    The image is a sum of waves whose amplitude falls with their frequency, and is shifted at random
    before every step: without both, the result is noise that fools the network (Olah et al.,
    "Feature Visualization", Distill 2017; Mordvintsev et al., "Differentiable Image
    Parameterizations", Distill 2018).

    Parameters
    ----------
    scores : callable
        Input of the network (count, 1, side, side) → (count,): one score an image.
    count, side : int
        Number of images, and their side in pixels.
    grey : (mean, std)
        Of grey levels, as the network expects it.
    iterations : int
        Steps of Adam.
    seed : int
        Of the first image and of the shifts.
    device : torch.device
        Of the network.

    Returns
    -------
    (count, side, side) float32 array
        0 to 1; the same on every run.
    """
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None]
    frequency = torch.sqrt(rows**2 + columns**2)
    falloff = (side / torch.clamp(frequency * side, min=1.0)).to(device)
    shape = (count, side, side // 2 + 1, 2)
    waves = (torch.randn(shape, generator=generator) * _AMPLITUDE).to(device).requires_grad_()
    optimiser = torch.optim.Adam([waves], lr=_RATE)
    for done in range(iterations):
        yield Progress(done, iterations, "maximise")
        down, right = torch.randint(-_JITTER, _JITTER + 1, (2,), generator=generator).tolist()
        with torch.enable_grad():
            shown = torch.roll(_image(waves, falloff, side), (down, right), dims=(1, 2))
            loss = -scores((shown[:, None] - grey[0]) / grey[1]).sum()
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()
        if waves.grad is not None:
            # a rectified unit that is off everywhere has no gradient: another image may excite it
            off = waves.grad.flatten(1).abs().amax(dim=1) == 0
            noise = torch.randn(shape, generator=generator).to(device) * _AMPLITUDE
            with torch.no_grad():
                waves += noise * off[:, None, None, None]
    with torch.no_grad():
        return _image(waves, falloff, side).cpu().numpy()


def _image(waves: torch.Tensor, falloff: torch.Tensor, side: int) -> torch.Tensor:
    spectrum = torch.view_as_complex(waves) * falloff
    return torch.sigmoid(torch.fft.irfft2(spectrum, s=(side, side), norm="ortho") / 4)
