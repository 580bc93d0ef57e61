"""What labelled images hold, before anything is trained with them."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from ..dataset import Dataset
from ..progress import Progress, Steps
from ..results import ExamineResult
from .classify import Device
from .images import stretch
from .prepare import open_plane, thumbnail

# of 64 bits: of 7,000 pairs of different NanoShapes crops none was this near and as similar, while
# copies made brighter, coarser or cut by 3 of 64 pixels were
_BITS = 12
_UNEVEN = 5.0


def examine(
    data: Dataset,
    *,
    similarity: Annotated[float, {"min": 0.5, "max": 1.0, "step": 0.01}] = 0.95,
    device: Device = "auto",
) -> Steps[ExamineResult]:
    """Look labelled images over: counts, imbalance, sizes, near-duplicates and leaks.

    Two images are near-duplicates when both their perceptual hashes (Zauner, 2010: signs of the
    lowest cosine frequencies) and what EfficientNet-Lite0 sees of them agree.

    Parameters
    ----------
    data : Dataset
        Labelled images.
    similarity : float
        Cosine similarity of features from which on two images count as near-duplicates.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs.

    Returns
    -------
    ExamineResult
        ``counts`` by class, ``duplicates`` with whether they would leak across a split, and what
        was ``skipped``; the notes say what to mend.

    Raises
    ------
    ValueError
        If no image can be read.
    """
    import pandas as pd

    from ..nets import device as devices

    small, shapes, used, skipped = [], [], [], list(data.skipped)
    for number, example in enumerate(data.examples):
        yield Progress(number, len(data.examples), "reading images")
        try:
            plane, _ = open_plane(example.read())
        except (ValueError, OSError) as error:
            skipped.append((example.name, str(error)))
            continue
        small.append(thumbnail(plane, 96))
        shapes.append(plane.shape)
        used.append(example)
    if not used:
        raise ValueError(f"{data.name}: no image can be read; {skipped[0][0]}: {skipped[0][1]}")
    pictures = np.stack(small)
    features = yield from _features(pictures, devices.choose(device))
    pairs = _pairs(hashes(pictures), features, similarity)
    columns = ["name", "label", "group", "other", "other_label", "other_group", "similarity"]
    rows = []
    for i, j, alike in pairs:
        one, two = used[i], used[j]
        rows.append((one.name, one.label, one.group, two.name, two.label, two.group, alike))
    duplicates = pd.DataFrame(rows, columns=columns)
    duplicates["leaks"] = duplicates["group"] != duplicates["other_group"]
    counts = _counts(data, used, shapes)
    table = pd.DataFrame(skipped, columns=["name", "reason"])
    notes = _notes(counts, duplicates, table)
    return ExamineResult(counts, duplicates, table, notes=notes, facts={"images": len(used)})


def hashes(pictures: np.ndarray) -> np.ndarray:
    """Perceptual hashes: signs of 64 low cosine frequencies, (n, h, w) uint8 → (n, 64) bool."""
    from scipy.fft import dctn

    small = pictures[:, ::3, ::3].astype(np.float32)
    low = dctn(small, axes=(1, 2), norm="ortho")[:, :9, :9].reshape(len(pictures), -1)[:, 1:65]
    return low > np.median(low, axis=1, keepdims=True)


def _features(pictures: np.ndarray, device: object) -> Steps[np.ndarray]:
    import torch

    from ..nets.architectures import lite0
    from ..nets.inference import batched

    assert isinstance(device, torch.device)
    net = lite0().to(device)

    def read(start: int, stop: int) -> np.ndarray:
        return np.stack([stretch(one)[0] for one in pictures[start:stop]])

    found = yield from batched(
        lambda batch: net((batch[:, None] - 0.5) / 0.5), read, len(pictures), device, "comparing"
    )
    return found / np.linalg.norm(found, axis=1, keepdims=True).clip(1e-12)


def _pairs(bits: np.ndarray, features: np.ndarray, least: float) -> list[tuple[int, int, float]]:
    """Near-duplicates, in blocks: all pairs at once would not fit into memory."""
    found = []
    signs = bits.astype(np.float32) * 2 - 1
    for start in range(0, len(bits), 1000):
        part = slice(start, start + 1000)
        apart = (bits.shape[1] - signs[part] @ signs.T) / 2
        alike = features[part] @ features.T
        rows, columns = np.nonzero((apart <= _BITS) & (alike >= least))
        for i, j in zip(rows, columns, strict=True):
            if i + start < j:
                found.append((int(i) + start, int(j), round(float(alike[i, j]), 4)))
    return sorted(found, key=lambda pair: -pair[2])


def _counts(data: Dataset, used: list, shapes: list[tuple[int, ...]]):  # type: ignore[no-untyped-def]
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


def _notes(counts, duplicates, skipped) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
    notes = []
    ratio = counts["images"].max() / counts["images"].min()
    if ratio >= _UNEVEN:
        notes.append(f"the largest class has {ratio:.0f} times the images of the smallest")
    for row in counts.itertuples():
        if row.groups < 2:
            notes.append(f"{row[1]}: all images are of one group; add a second specimen")
    leaks = int(duplicates["leaks"].sum())
    if leaks:
        notes.append(
            f"{leaks} pairs of near-duplicates are in different groups: they would leak across "
            "the split; give them one group"
        )
    torn = duplicates[duplicates["label"] != duplicates["other_label"]]
    if len(torn):
        notes.append(f"{len(torn)} pairs of near-duplicates are in different classes")
    if len(skipped):
        notes.append(f"{len(skipped)} files cannot be used, such as {skipped['name'].iloc[0]}")
    return tuple(notes)
