"""How right the stated detail of resampled images is, also after JPEG, cropping and lettering.

Part of ``python -m benchmarks.quality DATA detail``. The detail that a stated number is compared
with is two pixels of the original at least, and at most that measured in the original. Every second
image of a set (``tuning``) was in view when the limits were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from napari_visual_ccc.engine.acquisition.quality import quality_of

from ..degrade import compressed
from .enlarged import resized
from .image_quality import numbered, stored

FACTORS = (1.5, 2.0, 3.0, 5.0)
KERNELS = (
    "nearest (Pillow)", "bilinear (Pillow)", "bicubic (Pillow)", "Lanczos (Pillow)",
    "bicubic (OpenCV)",
)  # fmt: skip
# images of a set and half that are enlarged, and pixels along each side
EACH, SIDE = 3, 520
# a stated number is right between these multiples of the least and the largest true detail
RIGHT = (0.75, 1.4)


def lettered(image: np.ndarray) -> np.ndarray:
    """Draw a scale on a black box, and a letter."""
    image, low = image.copy(), image.shape[0]
    cv2.rectangle(image, (8, low - 60), (220, low - 8), 0, -1)
    font = (cv2.FONT_HERSHEY_SIMPLEX, 1.3, 255)
    cv2.putText(image, "500 nm", (20, low - 22), *font, 2, cv2.LINE_AA)
    cv2.putText(image, "(a)", (10, 40), *font, 3, cv2.LINE_AA)
    return image


def saved(image: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What is done with an image after resampling."""
    yield "PNG", image[:-8, :-8]
    for quality in (95, 85, 75):
        yield f"JPEG {quality}", compressed(image[:-8, :-8], quality)
    yield "JPEG 85, cropped", compressed(image, 85)[5:-3, 3:-5]
    yield "letters", lettered(image[:-8, :-8])
    yield "letters, JPEG 85", compressed(lettered(image[:-8, :-8]), 85)
    yield "JPEG 85, letters", lettered(compressed(image[:-8, :-8], 85))


def answer(found: dict, factor: float, original: float) -> str:
    """Whether a factor and the detail are right; a lower bound that is not above is "not known"."""
    detail, flags = found["detail_px"], "; ".join(found["flags"])
    least, most = 2 * factor, factor * max(original, 2.0)
    if "enlarged about" in flags and " or " not in flags.split(":")[0]:
        said = float(flags.split("enlarged about ")[1].split()[0])
        if abs(said - factor) > 0.06 * factor:
            return "wrong"
    if not detail <= RIGHT[1] * most:
        return "not known" if np.isnan(detail) else "wrong"
    if "or more" in flags or "cannot" in flags:
        return "not known"
    return "right" if detail >= RIGHT[0] * least else "wrong"


def measured(data: Path, step: int = 1) -> pd.DataFrame:
    rows = []
    for number, own, name, half, image in numbered(data, step):
        source, rng = stored(image), np.random.default_rng(number)
        side = min(SIDE, *source.shape)
        y, x = (int(rng.integers(n - side + 1)) for n in source.shape)
        row = {"set": name, "half": half}
        for after, one in saved(source[y : y + side, x : x + side]):
            flags = "; ".join(quality_of(one)["flags"])
            said = any(word in flags for word in ("enlarged", "blurred"))
            rows.append(row | {"kernel": "none", "factor": 1.0, "after": after, "said": said})
        if own // 2 >= EACH * step:
            continue
        for factor in FACTORS:
            crop = int(np.ceil(side / factor)) + 2
            y, x = (int(rng.integers(max(n - crop, 0) + 1)) for n in source.shape)
            part = source[y : y + crop, x : x + crop]
            original = quality_of(part)["detail_px"]
            for kernel in KERNELS:
                size = tuple(round(factor * n) for n in part.shape[::-1])
                large = resized(part, size, kernel)[1:, 3:][:side, :side]
                for after, one in saved(large):
                    said = answer(quality_of(one), size[0] / part.shape[1], original)
                    row |= {"kernel": kernel, "factor": factor, "after": after, "said": said}
                    rows.append(dict(row))
    return pd.DataFrame(rows)


def main(data: Path, step: int = 1) -> None:
    table = measured(data, step)
    whole = table["kernel"] == "none"
    alarms = table[whole].groupby(["half", "after"], sort=False)["said"]
    print(alarms.agg(["sum", "count"]).to_string())
    for half, part in table[~whole].groupby("half"):
        print(f"\n{half}")
        for by in (["after"], ["kernel", "factor"], ["set"]):
            counts = part.groupby([*by, "said"], sort=False).size().unstack("said").fillna(0)
            print(counts.astype(int).to_string(), "\n")
