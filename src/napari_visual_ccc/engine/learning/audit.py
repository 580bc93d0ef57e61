"""Audit of labelled images before training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np

from ...arrays.inputs import stretch
from ...core.dataset import Dataset, missing_classes, printable, shared_groups
from ...core.micrograph import has_colours
from ...core.progress import Progress, Steps
from ...core.result import Audit
from ..acquisition.quality import quality_of
from ..classification.crops import open_plane, thumbnail
from ..classification.windows import Device
from .split import PARTS

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
    pictures: Annotated[int, {"min": 0, "max": 50}] = 6,
    seed: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    device: Device = "auto",
) -> Steps[Audit]:
    """Check labelled images: counts, imbalance, formats, near-duplicates and leaks.

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
    pictures : int
        Pictures of each class in the report, drawn at random.
    seed : int
        Seed of that draw.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network.

    Returns
    -------
    Audit
        Tables ``classes``, ``formats`` (file formats, types of the pixels, channels and sizes),
        ``duplicates`` (pairs, and whether they would leak between training and test: they are of
        different groups or, where the data set states parts, in different parts) and ``skipped``
        (files that are damaged or no images). ``pictures`` has small pictures of each class. Notes
        name the problems.

    Raises
    ------
    ValueError
        If no image can be read.
    """
    import pandas as pd

    from ...nets import device as devices

    seen = yield from _look(data)
    used = [one.example for one in seen.images]
    if not used:
        name, reason = seen.skipped[0]
        raise ValueError(f"{data.name}: no image can be read; {name}: {reason}")
    parts = [one.part for one in used]
    small = np.stack([one.picture for one in seen.images])
    features = yield from _features(small, devices.choose(device))
    pairs = yield from _pairs(small, features, similarity)
    duplicates = _duplicates(used, pairs, data.is_divided)
    counts = _counts(seen.images, data.is_divided)
    skipped = pd.DataFrame(seen.skipped, columns=["name", "reason"])
    tables = {
        "classes": counts,
        "formats": _formats(seen.images),
        "duplicates": duplicates,
        "skipped": skipped,
    }
    notes = (
        *_notes(counts, duplicates, skipped, data.is_divided),
        *shared_groups([one.group for one in used], parts),
        *missing_classes([one.label for one in used], parts),
        *_quality_notes(seen.flags),
    )
    facts = {"images": len(used), "unfit": len(seen.flags)}
    return Audit(
        tables=tables, notes=notes, facts=facts, pictures=_chosen(seen.images, pictures, seed)
    )


class _Seen(NamedTuple):
    """An image that could be read."""

    example: Example
    picture: np.ndarray
    shape: tuple[int, ...]
    dtype: str
    channels: int
    has_size: bool


@dataclass
class _AllSeen:
    skipped: list[tuple[str, str]]
    images: list[_Seen] = field(default_factory=list)
    flags: dict[str, str] = field(default_factory=dict)


def _look(data: Dataset) -> Steps[_AllSeen]:
    found = _AllSeen(list(data.skipped))
    for number, example in enumerate(data.examples):
        yield Progress(number, len(data.examples), "reading images")
        try:
            micrograph = example.read()
            plane, size = open_plane(micrograph, channels=data.channels)
        except (ValueError, OSError) as error:
            found.skipped.append((example.name, printable(str(error))))
            continue
        pixels = micrograph.data
        channels = pixels.shape[-1] if has_colours(micrograph) else 1
        if data.channels:
            # duplicates and quality are those of the first channel
            channels, plane = len(data.channels), plane[0]
        found.images.append(
            _Seen(
                example, thumbnail(plane, 96), plane.shape, str(pixels.dtype),
                channels, size is not None,
            )
        )  # fmt: skip
        # a small crop has too little content to judge its quality
        flags = quality_of(plane)["flags"] if min(plane.shape) >= _CHECKED_PX else []
        if flags:
            found.flags[example.name] = flags[0]
    return found


def _duplicates(
    used: list[Example], pairs: list[tuple[int, int, float]], divided: bool
) -> pd.DataFrame:
    import pandas as pd

    columns = ["name", "label", "group", "other", "other_label", "other_group", "similarity"]
    rows = []
    for i, j, similar in pairs:
        one, two = used[i], used[j]
        leaks = one.part != two.part if divided else one.group != two.group
        rows.append(
            (one.name, one.label, one.group, two.name, two.label, two.group, similar, leaks)
        )
    return pd.DataFrame(rows, columns=[*columns, "leaks"]).astype({"leaks": bool})


def _chosen(
    images: list[_Seen], count: int, seed: int
) -> dict[str, tuple[tuple[str, np.ndarray], ...]]:
    """Names and pictures of some images of each class, in the order of the data set."""
    random = np.random.default_rng(seed)
    found = {}
    for label in sorted({one.example.label for one in images}):
        mine = [one for one in images if one.example.label == label]
        some = np.sort(random.permutation(len(mine))[:count])
        found[label] = tuple((mine[k].example.name, mine[k].picture) for k in some)
    return found


def _formats(images: list[_Seen]) -> pd.DataFrame:
    """Images by file format, type and channels, with their sizes."""
    import pandas as pd

    rows = [
        (_format_of(one.example), one.dtype, one.channels, min(one.shape), max(one.shape),
         one.has_size)
        for one in images
    ]  # fmt: skip
    columns = ["format", "dtype", "channels", "short", "long", "sized"]
    table = pd.DataFrame(rows, columns=columns)
    grouped = table.groupby(["format", "dtype", "channels"])
    counts = pd.DataFrame(
        {
            "images": grouped.size(),
            "smallest_px": grouped["short"].min(),
            "largest_px": grouped["long"].max(),
            "with_pixel_size": grouped["sized"].sum(),
        }
    )
    return counts.sort_values("images", ascending=False, kind="stable").reset_index()


def _format_of(example: Example) -> str:
    return "array" if example.path is None else example.path.suffix[1:].upper()


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


def _counts(images: list[_Seen], divided: bool) -> pd.DataFrame:
    import pandas as pd

    rows = [(one.label, one.group, one.part, min(seen.shape)) for seen in images
            for one in [seen.example]]  # fmt: skip
    table = pd.DataFrame(rows, columns=["class", "group", "part", "short"])
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
    for part in PARTS if divided else ():
        counts[part] = table["class"][table["part"] == part].value_counts()
    counts = counts.fillna(0).astype({part: int for part in PARTS if divided})
    return counts.reset_index()


def _notes(
    counts: pd.DataFrame, duplicates: pd.DataFrame, skipped: pd.DataFrame, divided: bool
) -> tuple[str, ...]:
    notes = []
    ratio = counts["images"].max() / counts["images"].min()
    if ratio >= _IMBALANCE:
        notes.append(f"the largest class has {ratio:.0f} times the images of the smallest")
    for label, groups in zip(counts["class"], counts["groups"], strict=True):
        if groups < 2:
            notes.append(f"{label}: all images are of one group; add another specimen")
    leaks = int(duplicates["leaks"].sum())
    if leaks and divided:
        notes.append(
            f"{leaks} pairs of near-duplicates are in different parts: the test is of images that "
            "were learnt; leave each pair in one part"
        )
    elif leaks:
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
