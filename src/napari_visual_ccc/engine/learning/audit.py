"""Audit of labelled images before training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from ...arrays.inputs import stretch
from ...core.dataset import Dataset, printable
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..acquisition.quality import quality_of
from ..classification.crops import open_plane, thumbnail
from ..classification.windows import Device

if TYPE_CHECKING:
    import pandas as pd

    from ...core.dataset import Example

# largest difference of two hashes of 64 bits: 92 % or more of copies that are cropped by a few
# pixels or noisy differ by less, tiles of the samples by more; some crops of NanoShapes differ by
# less too, so the images are compared as well
_MAX_BITS = 12

# smallest side of an image whose quality is checked; number of flagged images in a note
_CHECKED_PX, _LISTED = 256, 3

# of thumbnails of 96 px: largest shift of a copy, and sizes that it may be cropped to
_SHIFT, _SCALES = 4, (1.0, 0.97, 0.94)

# correlation of near-duplicates: 13 of 300,000 pairs of NanoShapes crops reach it, most of them
# the same particle in two files, and 75 to 100 % of copies cropped by 1 to 2 of 64 pixels
_MIN_CORRELATION = 0.97

_IMBALANCE = 5.0


def audit_dataset(
    data: Dataset,
    *,
    similarity: Annotated[float, {"min": 0.5, "max": 1.0, "step": 0.01}] = 0.9,
    device: Device = "auto",
) -> Steps[Result]:
    """Check labelled images: counts, imbalance, sizes, near-duplicates and leaks.

    Two images are near-duplicates if their perceptual hashes agree (Zauner, 2010: signs of the
    lowest cosine frequencies) and so do either their features of EfficientNet-Lite0 or, after
    small shifts and changes of scale, their grey levels.

    Parameters
    ----------
    data : Dataset
        Labelled images.
    similarity : float
        Smallest cosine similarity of the features of near-duplicates. Grey levels need a
        correlation of 0.97.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network.

    Returns
    -------
    Result
        Tables ``classes``, ``duplicates`` (pairs, and whether they would leak between training
        and test) and ``skipped``. Notes name the problems.

    Raises
    ------
    ValueError
        If no image can be read.
    """
    import pandas as pd

    from ...nets import device as devices

    small, shapes, used, skipped, flagged = [], [], [], list(data.skipped), {}
    for number, example in enumerate(data.examples):
        yield Progress(number, len(data.examples), "reading images")
        try:
            plane, _ = open_plane(example.read())
        except (ValueError, OSError) as error:
            skipped.append((example.name, printable(str(error))))
            continue
        small.append(thumbnail(plane, 96))
        shapes.append(plane.shape)
        used.append(example)
        # a small crop has too little content to judge its quality
        flags = quality_of(plane)["flags"] if min(plane.shape) >= _CHECKED_PX else []
        if flags:
            flagged[example.name] = flags[0]
    if not used:
        raise ValueError(f"{data.name}: no image can be read; {skipped[0][0]}: {skipped[0][1]}")
    pictures = np.stack(small)
    features = yield from _features(pictures, devices.choose(device))
    pairs = yield from _pairs(pictures, features, similarity)
    columns = ["name", "label", "group", "other", "other_label", "other_group", "similarity"]
    rows = []
    for i, j, similar in pairs:
        one, two = used[i], used[j]
        rows.append((one.name, one.label, one.group, two.name, two.label, two.group, similar))
    duplicates = pd.DataFrame(rows, columns=columns)
    duplicates["leaks"] = duplicates["group"] != duplicates["other_group"]
    counts = _counts(used, shapes)
    table = pd.DataFrame(skipped, columns=["name", "reason"])
    notes = (*_notes(counts, duplicates, table), *_quality_notes(flagged))
    facts = {"images": len(used), "unfit": len(flagged)}
    tables = {"classes": counts, "duplicates": duplicates, "skipped": table}
    return Result(tables=tables, notes=notes, facts=facts)


def _quality_notes(flags: dict[str, str]) -> tuple[str, ...]:
    """Name images that may not be fit for analysis."""
    if not flags:
        return ()
    named = "; ".join(f"{name} ({flag})" for name, flag in list(flags.items())[:_LISTED])
    more = f"; and {len(flags) - _LISTED} more" if len(flags) > _LISTED else ""
    return (f"{len(flags)} of the images may not be fit for analysis: {named}{more}",)


def hashes(pictures: np.ndarray) -> np.ndarray:
    """Perceptual hashes: signs of 64 low cosine frequencies, (n, h, w) uint8 → (n, 64) bool."""
    from scipy.fft import dctn

    small = pictures[:, ::3, ::3].astype(np.float32)
    low = dctn(small, axes=(1, 2), norm="ortho")[:, :9, :9].reshape(len(pictures), -1)[:, 1:65]
    return low > np.median(low, axis=1, keepdims=True)


def _features(pictures: np.ndarray, device: object) -> Steps[np.ndarray]:
    import torch

    from ...nets.inference import batched
    from ...nets.models.lite0 import lite0

    assert isinstance(device, torch.device)
    net = lite0().to(device)

    def read(start: int, stop: int) -> np.ndarray:
        return np.stack([stretch(one)[0] for one in pictures[start:stop]])

    features = yield from batched(
        lambda batch: net((batch[:, None] - 0.5) / 0.5), read, len(pictures), device, "comparing"
    )
    return features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-12)


def _pairs(
    pictures: np.ndarray, features: np.ndarray, least: float
) -> Steps[list[tuple[int, int, float]]]:
    """Indices and similarity of near-duplicates, in blocks: all pairs need too much memory."""
    pairs = []
    bits = hashes(pictures)
    signs = bits.astype(np.float32) * 2 - 1
    for start in range(0, len(bits), 1000):
        part = slice(start, start + 1000)
        apart = (bits.shape[1] - signs[part] @ signs.T) / 2
        rows, columns = np.nonzero(apart <= _MAX_BITS)
        for number, (i, j) in enumerate(zip(rows + start, columns, strict=True)):
            if i >= j:
                continue
            if number % 50 == 0:
                yield Progress(start, len(bits), "comparing")
            similar = float(features[i] @ features[j])
            grey = _correlation(pictures[i], pictures[j]) if similar < least else 0.0
            if similar >= least or grey >= _MIN_CORRELATION:
                pairs.append((int(i), int(j), round(min(max(similar, grey), 1.0), 4)))
    return sorted(pairs, key=lambda pair: -pair[2])


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Highest correlation of two pictures over small shifts and crops of either of them."""
    import cv2

    best = -1.0
    for first, second in ((one, other), (other, one)):
        for scale in _SCALES:
            side = round(len(first) * scale)
            edge = (len(first) - side) // 2
            part = first[edge : edge + side, edge : edge + side]
            part = cv2.resize(part, first.shape[::-1], interpolation=cv2.INTER_LINEAR)
            middle = part[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
            if middle.std() == 0 or second.std() == 0:
                continue
            best = max(best, float(cv2.matchTemplate(second, middle, cv2.TM_CCOEFF_NORMED).max()))
    return best


def _counts(used: list[Example], shapes: list[tuple[int, ...]]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(
        {
            "class": [one.label for one in used],
            "group": [one.group for one in used],
            "short": [min(shape) for shape in shapes],
        }
    )
    grouped = table.groupby("class")
    counts = pd.DataFrame(
        {
            "images": grouped.size(),
            "groups": grouped["group"].nunique(),
            "smallest_px": grouped["short"].min(),
            "largest_px": grouped["short"].max(),
        }
    )
    counts["share_percent"] = 100 * counts["images"] / counts["images"].sum()
    return counts.reset_index()


def _notes(
    counts: pd.DataFrame, duplicates: pd.DataFrame, skipped: pd.DataFrame
) -> tuple[str, ...]:
    notes = []
    ratio = counts["images"].max() / counts["images"].min()
    if ratio >= _IMBALANCE:
        notes.append(f"the largest class has {ratio:.0f} times the images of the smallest")
    for label, groups in zip(counts["class"], counts["groups"], strict=True):
        if groups < 2:
            notes.append(f"{label}: all images are of one group; add another specimen")
    leaks = int(duplicates["leaks"].sum())
    if leaks:
        notes.append(
            f"{leaks} pairs of near-duplicates are in different groups: they would leak between "
            "training and test; put them into one group"
        )
    conflicting = duplicates[duplicates["label"] != duplicates["other_label"]]
    if len(conflicting):
        notes.append(f"{len(conflicting)} pairs of near-duplicates are in different classes")
    if len(skipped):
        notes.append(f"{len(skipped)} files cannot be used, such as {skipped['name'].iloc[0]}")
    return tuple(notes)
