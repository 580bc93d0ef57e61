"""What labelled images hold, before anything is trained with them."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from ...arrays.inputs import stretch
from ...core.dataset import Dataset, printable
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..acquisition.quality import quality_of
from ..classification.windows import Device
from .prepare import open_plane, thumbnail

# of 64 bits: at least 92 % of copies cut by a few pixels or made noisy are this near, different
# tiles of the samples never; crops of NanoShapes sometimes are, so the pictures are compared too
_BITS = 12

# images at least so wide and high are judged; so many flagged ones are named
_JUDGED, _NAMED = 256, 3

# pixels of 96 that a copy may be shifted by, and shares of the picture that it may be cut to
_SHIFT, _SCALES = 4, (1.0, 0.97, 0.94)

# correlation of grey levels: of 300,000 pairs of NanoShapes crops 13 reach it, most of them the
# same particle in two files; 75 to 100 % of copies cut by 1 to 2 of 64 pixels do
_SAME = 0.97

_UNEVEN = 5.0


def audit_dataset(
    data: Dataset,
    *,
    similarity: Annotated[float, {"min": 0.5, "max": 1.0, "step": 0.01}] = 0.9,
    device: Device = "auto",
) -> Steps[Result]:
    """Look labelled images over: counts, imbalance, sizes, near-duplicates and leaks.

    Two images are near-duplicates when their perceptual hashes agree (Zauner, 2010: signs of the
    lowest cosine frequencies), and either what EfficientNet-Lite0 sees of them or, after small
    shifts and changes of scale, their grey levels do.

    Parameters
    ----------
    data : Dataset
        Labelled images.
    similarity : float
        Of features (cosine) from which on two images count as near-duplicates; that of grey levels
        (correlation) is 0.97.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs.

    Returns
    -------
    Result
        ``counts`` by class, ``duplicates`` with whether they would leak across a split, and what
        was ``skipped``; the notes say what to mend.

    Raises
    ------
    ValueError
        If no image can be read.
    """
    import pandas as pd

    from ...nets import device as devices

    small, shapes, used, skipped, unfit = [], [], [], list(data.skipped), {}
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
        # what a crop shows is too little to tell
        flags = quality_of(plane)["flags"] if min(plane.shape) >= _JUDGED else []
        if flags:
            unfit[example.name] = flags[0]
    if not used:
        raise ValueError(f"{data.name}: no image can be read; {skipped[0][0]}: {skipped[0][1]}")
    pictures = np.stack(small)
    features = yield from _features(pictures, devices.choose(device))
    pairs = yield from _pairs(pictures, features, similarity)
    columns = ["name", "label", "group", "other", "other_label", "other_group", "similarity"]
    rows = []
    for i, j, alike in pairs:
        one, two = used[i], used[j]
        rows.append((one.name, one.label, one.group, two.name, two.label, two.group, alike))
    duplicates = pd.DataFrame(rows, columns=columns)
    duplicates["leaks"] = duplicates["group"] != duplicates["other_group"]
    counts = _counts(data, used, shapes)
    table = pd.DataFrame(skipped, columns=["name", "reason"])
    notes = (*_notes(counts, duplicates, table), *_unfit(unfit))
    facts = {"images": len(used), "unfit": len(unfit)}
    tables = {"classes": counts, "duplicates": duplicates, "skipped": table}
    return Result(tables=tables, notes=notes, facts=facts)


def _unfit(flags: dict[str, str]) -> tuple[str, ...]:
    """Say which images may not be fit for analysis."""
    if not flags:
        return ()
    named = "; ".join(f"{name} ({flag})" for name, flag in list(flags.items())[:_NAMED])
    more = f"; and {len(flags) - _NAMED} more" if len(flags) > _NAMED else ""
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

    found = yield from batched(
        lambda batch: net((batch[:, None] - 0.5) / 0.5), read, len(pictures), device, "comparing"
    )
    return found / np.linalg.norm(found, axis=1, keepdims=True).clip(1e-12)


def _pairs(
    pictures: np.ndarray, features: np.ndarray, least: float
) -> Steps[list[tuple[int, int, float]]]:
    """Near-duplicates, in blocks: all pairs at once would not fit into memory."""
    found = []
    bits = hashes(pictures)
    signs = bits.astype(np.float32) * 2 - 1
    for start in range(0, len(bits), 1000):
        part = slice(start, start + 1000)
        apart = (bits.shape[1] - signs[part] @ signs.T) / 2
        rows, columns = np.nonzero(apart <= _BITS)
        for number, (i, j) in enumerate(zip(rows + start, columns, strict=True)):
            if i >= j:
                continue
            if number % 50 == 0:
                yield Progress(start, len(bits), "comparing")
            alike = float(features[i] @ features[j])
            grey = _correlation(pictures[i], pictures[j]) if alike < least else 0.0
            if alike >= least or grey >= _SAME:
                found.append((int(i), int(j), round(min(max(alike, grey), 1.0), 4)))
    return sorted(found, key=lambda pair: -pair[2])


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Highest correlation of two pictures over small shifts, either of them cut a little."""
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
