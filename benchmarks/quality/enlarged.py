"""How well enlarged images are told from those that were not.

Part of ``python -m benchmarks.quality DATA enlarged``. Micrographs are shrunk, binned, compressed
and noisy, which is no enlargement, and enlarged by seven kernels. Half of the files of each set
(``tuning``) were in view when the limits were chosen.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import gaussian_filter

from napari_visual_ccc.engine.acquisition.quality import NAMED
from napari_visual_ccc.engine.acquisition.spectrum.detail import windows_of
from napari_visual_ccc.engine.acquisition.spectrum.enlargement import enlargements

from ..degrade import compressed
from .image_quality import numbered, stored

FACTORS = (1.2, 1.33, 1.5, 1.7, 2.0, 2.2, 2.5, 3.0, 4.0, 6.0)
KERNELS = {
    "nearest (Pillow)": Image.Resampling.NEAREST,
    "bilinear (Pillow)": Image.Resampling.BILINEAR,
    "bicubic (Pillow)": Image.Resampling.BICUBIC,
    "Lanczos (Pillow)": Image.Resampling.LANCZOS,
    "bilinear (OpenCV)": cv2.INTER_LINEAR,
    "bicubic (OpenCV)": cv2.INTER_CUBIC,
    "Lanczos (OpenCV)": cv2.INTER_LANCZOS4,
}
SHRINKING = ("bilinear (Pillow)", "bicubic (Pillow)", "Lanczos (Pillow)", "bicubic (OpenCV)")
# factors that are compressed as well, and the qualities
COMPRESSED, QUALITIES = (2.0, 3.0, 4.0, 6.0), (30, 50, 70, 85, 95)
# pixels of an enlarged image along each side, and least of one that was not
SIDE, LEAST = 1000, 200


def resized(image: np.ndarray, size: tuple[int, int], kernel: str) -> np.ndarray:
    if "Pillow" in kernel:
        return np.asarray(Image.fromarray(image).resize(size, KERNELS[kernel]))
    return cv2.resize(image, size, interpolation=KERNELS[kernel])


def plain(image: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Images that were not enlarged."""
    small = rng.uniform(0.4, 0.9)
    size = tuple(int(small * n) for n in image.shape[::-1])
    shrunk = resized(image, size, SHRINKING[rng.integers(len(SHRINKING))])
    height, width = (n // 2 * 2 for n in image.shape)
    binned = image[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    peak = rng.uniform(20, 300)
    detected = rng.poisson(gaussian_filter(image / 255.0, rng.uniform(0, 1)) * peak) / peak
    found = {
        "as it is": image,
        "shrunk 0.4 to 0.9": shrunk,
        "shrunk, JPEG": compressed(shrunk, int(rng.integers(50, 96))),
        "JPEG 40 to 95": compressed(image, int(rng.integers(40, 96))),
        "JPEG, shrunk": resized(compressed(image, int(rng.integers(40, 96))), size, SHRINKING[1]),
        "binned 2 x 2": stored(binned),
        "blurred 0 to 1 px, Poisson noise": stored(detected * 255 + rng.normal(0, 2, image.shape)),
        "blurred 0.5 to 2 px": stored(gaussian_filter(image.astype(float), rng.uniform(0.5, 2))),
        "median of 5 x 5": cv2.medianBlur(image, 5),
    }
    return {kind: one for kind, one in found.items() if min(one.shape) >= LEAST}


def enlarged(image: np.ndarray, factor: float, kernel: str, rng: np.random.Generator) -> tuple:
    """An enlarged crop without its first pixels, and its factor."""
    crop = [min(n, int(SIDE / factor)) for n in image.shape]
    y, x = (int(rng.integers(n - c + 1)) for n, c in zip(image.shape, crop, strict=True))
    part = image[y : y + crop[0], x : x + crop[1]]
    size = tuple(round(factor * n) for n in part.shape[::-1])
    return resized(part, size, kernel)[1:, 3:], factor


def said(found: tuple[float, ...], true: float) -> str:
    """What is said of an image: nothing, a factor, two of one period, or that none is known."""
    if not found:
        return "nothing"
    if found[-1] > NAMED * found[0]:
        return "not known"
    right = any(abs(one - true) < 0.05 * true for one in found)
    return ("right" if len(found) == 1 else "one of two") if right else "wrong"


def measured(data: Path, step: int = 1, kernels: tuple[str, ...] = tuple(KERNELS)) -> pd.DataFrame:
    rows = []
    for number, own, name, half, image in numbered(data, step):
        rng = np.random.default_rng(number)
        cases = [(kind, 1.0, one) for kind, one in plain(stored(image), rng).items()]
        if own // step % 7 == 0:
            for kernel in kernels:
                for factor in FACTORS:
                    one, true = enlarged(stored(image), factor, kernel, rng)
                    cases.append((kernel, true, one))
                    if kernel == "bicubic (Pillow)" and factor in COMPRESSED:
                        cases += [
                            (f"{kernel}, JPEG {q}", true, compressed(one, q)) for q in QUALITIES
                        ]
        for kind, factor, one in cases:
            found = enlargements(windows_of(one))
            row = {"set": name, "half": half, "kind": kind, "factor": factor, "found": found}
            rows.append(row | {"said": said(found, factor)})
    return pd.DataFrame(rows)


def main(data: Path, step: int = 1) -> None:
    table = measured(data, step)
    whole = table["factor"] == 1
    alarms = table["said"] != "nothing"
    print(alarms[whole].groupby([table["half"], table["kind"]]).agg(["sum", "count"]).to_string())
    for half, part in table[~whole].groupby("half"):
        print(f"\n{half}")
        for answer in ("right", "one of two", "not known", "wrong"):
            counts = (part["said"] == answer).groupby([part["kind"], part["factor"]], sort=False)
            print(answer, "\n", counts.sum().unstack().to_string())
        print("of", part[part["factor"] == 3].groupby("kind", sort=False).size().to_dict())
