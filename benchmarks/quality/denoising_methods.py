"""Whether any method of denoising makes any image worse: method by kind of degradation.

Part of ``python -m benchmarks.quality DATA``. Truths as in `denoising`, and drawn textures; drawn
images are rounded to 8 bit without any noise as well. The second pass is one by the same method.
Prints mean gain, worst change and number of worse images in dB. A copy of the package under the
name in the environment variable ``BEFORE`` is measured on the same images.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from napari_visual_ccc.engine.restoration import denoise as now

from .denoising import HALF, LEVELS, SIDE, psnr, scaled, truths

METHODS = ("non-local means", "total variation", "wavelet", "median", "gaussian")
ORDER = ("strong", "middle", "weak")


def textures(half: int) -> Iterator[tuple[str, np.ndarray]]:
    """Draw grain and fractal relief without a flat place."""
    rng = np.random.default_rng(100 + half)
    y, x = np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None]
    distance = np.maximum(np.hypot(y, x), 1 / SIDE)
    for width in (0.5, 0.6, 0.8, 1.2):
        yield f"grain {width}", scaled(gaussian_filter(rng.normal(size=(SIDE, SIDE)), width))
    for slope in (1.5, 2.0):
        spectrum = np.fft.fft2(rng.normal(size=(SIDE, SIDE))) / distance**slope
        yield f"relief {slope}", scaled(np.fft.ifft2(spectrum).real)


def rounded(image: np.ndarray) -> np.ndarray:
    return np.uint8(np.clip(image * 255, 0, 255).round()) / 255


def kinds(
    clean: np.ndarray, seed: int, drawn: bool
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    if drawn:
        yield "no noise, 8 bit", clean, rounded(clean)
        soft = gaussian_filter(clean, 0.5)
        yield "no noise, 8 bit, blurred 0.5", soft, rounded(soft)
    rng = np.random.default_rng(seed)
    for name in ORDER:
        peak, sigma = LEVELS[name]
        given = rng.poisson(clean * peak) / peak + rng.normal(0, sigma, clean.shape)
        yield name, clean, given
        if name != "middle":
            continue
        for quality in (90, 60):
            options = [cv2.IMWRITE_JPEG_QUALITY, quality]
            code = cv2.imencode(".jpg", np.uint8(255 * rounded(given)), options)[1]
            yield f"JPEG {quality}", clean, cv2.imdecode(code, cv2.IMREAD_GRAYSCALE) / 255
        yield "blurred 0.6", clean, gaussian_filter(given, 0.6)
        yield "blurred 1", clean, gaussian_filter(given, 1)
        size = tuple(round(1.5 * n) for n in clean.shape[::-1])
        large = [cv2.resize(i, size, interpolation=cv2.INTER_CUBIC) for i in (clean, given)]
        yield "enlarged 1.5", *large
    yield "Poisson only", clean, rng.poisson(clean * 60) / 60
    yield "Gaussian only, 0.1", clean, clean + rng.normal(0, 0.1, clean.shape)


def measured(
    versions: dict[str, object], method: str, truth: np.ndarray, given: np.ndarray, again: bool
) -> Iterator[dict[str, object]]:
    for version, module in versions.items():
        step, found = given, []
        for _ in range(2 if again else 1):
            before = psnr(truth, step)
            step = np.float64(run_of(module)(module.denoise(step, method=method)).data)
            found.append(psnr(truth, step) - before)
        for number, gain in enumerate(found):
            yield {"version": version, "second": bool(number), "gain": gain}


def run_of(module: object) -> object:
    """Driver of the same package: another one does not know its progress."""
    return importlib.import_module(module.__name__.split(".")[0] + ".core.progress").run


def main(data: Path, step: int = 1, half: int = HALF) -> None:
    versions = {"now": now}
    if "BEFORE" in os.environ:
        name = os.environ["BEFORE"] + ".engine.restoration.denoise"
        versions = {"before": importlib.import_module(name)} | versions
    rows = []
    images = [*truths(data, half), *textures(half)][::step]
    for seed, (name, clean) in enumerate(images):
        drawn = name.startswith(("sections", "grain", "relief"))
        for kind, truth, given in kinds(clean, seed, drawn):
            for method in METHODS:
                for row in measured(versions, method, truth, given, kind in LEVELS):
                    what = f"{kind}, second pass" if row["second"] else kind
                    rows.append(row | {"kind": what, "method": method, "set": name})
    table = pd.DataFrame(rows)
    groups = table.groupby(["kind", "method", "version"], sort=False)["gain"]
    # 0.001 dB is rounding to 32 bit
    summary = groups.agg(["mean", "min", lambda g: int((g < -0.001).sum()), "count"]).round(2)
    summary.columns = ["mean", "worst", "worse", "n"]
    print(summary.unstack("version").to_string(), "\n")
    worst = table[table["version"] == "now"].nsmallest(12, "gain").round(2)
    print(worst.to_string(index=False))
