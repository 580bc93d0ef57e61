"""Audit of labelled images before training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np

from ...arrays.inputs import stretch
from ...core.dataset import Dataset, missing_classes, shared_groups
from ...core.plain import reason_of
from ...core.progress import Progress, Steps
from ...core.result import Audit
from ...core.units import are, counted
from ..acquisition.quality import quality_of
from ..classification.crops import mostly_missing, open_plane, thumbnail
from ..classification.windows import Device
from ..screening.duplicates import SIDE, near_duplicates
from ..screening.properties import (
    ImageProperties,
    properties_of,
    property_notes,
    telling_properties,
)
from ..screening.specimens import Hint, facts_of, like_named, micrographs_of
from .split import PARTS

if TYPE_CHECKING:
    import pandas as pd

    from ...core.dataset import Example

# smallest side of an image whose quality is checked; number of flagged images in a note
_CHECKED_PX, _LISTED = 256, 3

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

    Properties of the files that tell the classes apart without the specimen (size, aspect ratio,
    pixel size, file format, info bar, date) are found by small decision trees in a
    cross-validation and by permuting the classes. Two images are near-duplicates if their
    perceptual hashes agree (Zauner, 2010: signs of the lowest cosine frequencies) and so do either
    their features of EfficientNet-Lite0 or, after small shifts and changes of scale, their grey
    levels; copies that are mirrored or turned by 90, 180 or 270 degrees are found by these.

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
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Audit
        Tables ``classes``, ``formats`` (file formats, types of the pixels, channels and sizes),
        ``duplicates`` (pairs, and whether they would leak between training and test: they are of
        different groups or, where the data set states parts, in different parts), ``skipped``
        (files that are damaged or no images) and ``properties`` (accuracy with which each property
        of the files names the class of held-out images, its p-value in a permutation test,
        corrected, and whether it tells the classes apart: by chance in at most 5 of 100 audits).
        ``pictures`` has small pictures of each class. Notes name the problems.

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
    pairs = yield from near_duplicates(small, features, similarity)
    duplicates = _duplicates(used, pairs, data.is_divided)
    counts = _counts(seen.images, data.is_divided)
    properties = telling_properties(
        [one.properties for one in seen.images],
        [one.label for one in used],
        [one.group for one in used],
        seed=seed,
    )
    skipped = pd.DataFrame(seen.skipped, columns=["name", "reason"])
    tables = {
        "classes": counts,
        "formats": _formats(seen.images),
        "duplicates": duplicates,
        "skipped": skipped,
        "properties": properties,
    }
    hint = _hint(used)
    notes = (
        *data.notes,
        *like_named([one.label for one in used]),
        *property_notes(properties),
        *(() if hint is None else (hint.note,)),
        *_notes(counts, duplicates, skipped, data.is_divided),
        *shared_groups([one.group for one in used], parts),
        *missing_classes([one.label for one in used], parts),
        *_quality_notes(seen.flags),
    )
    facts = {"images": len(used), "unfit": len(seen.flags), **facts_of(hint)}
    return Audit(
        tables=tables, notes=notes, facts=facts, pictures=_chosen(seen.images, pictures, seed)
    )


def _hint(used: list[Example]) -> Hint | None:
    """Micrographs that names share, though no groups are given."""
    if len({one.group for one in used}) < len(used):
        return None
    stems = [PurePath(one.name).stem for one in used]
    return micrographs_of(stems, [one.label for one in used])


class _Seen(NamedTuple):
    """An image that could be read."""

    example: Example
    picture: np.ndarray
    properties: ImageProperties

    @property
    def short(self) -> int:
        """Pixels along the short side."""
        return min(self.properties.height, self.properties.width)


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
            found.skipped.append((example.name, reason_of(error, example.path)))
            continue
        if gaps := mostly_missing(plane):
            found.skipped.append((example.name, gaps))
            continue
        about = properties_of(micrograph, plane.shape[-2:], size, example.path)
        if data.channels:
            # duplicates and quality are those of the first channel
            about, plane = about._replace(colours=len(data.channels)), plane[0]
        found.images.append(_Seen(example, thumbnail(plane, SIDE), about))
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
        (one.format, one.type, one.colours, min(one.height, one.width),
         max(one.height, one.width), one.size_nm is not None)
        for one in (seen.properties for seen in images)
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


def _quality_notes(flags: dict[str, str]) -> tuple[str, ...]:
    """Name images that may not be fit for analysis."""
    if not flags:
        return ()
    named = "; ".join(f"{name} ({flag})" for name, flag in list(flags.items())[:_LISTED])
    more = f"; and {len(flags) - _LISTED} more" if len(flags) > _LISTED else ""
    return (f"{len(flags)} of the images may not be fit for analysis: {named}{more}",)


def _features(pictures: np.ndarray, device: object) -> Steps[np.ndarray]:
    import torch

    from ...nets.models.lite0 import lite0
    from ...nets.predict import batched

    assert isinstance(device, torch.device)
    net = lite0().to(device)

    def read(start: int, stop: int) -> np.ndarray:
        return np.stack([stretch(one)[0] for one in pictures[start:stop]])

    features = yield from batched(
        lambda batch: net((batch[:, None] - 0.5) / 0.5), read, len(pictures), device, "comparing"
    )
    return features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-12)


def _counts(images: list[_Seen], divided: bool) -> pd.DataFrame:
    import pandas as pd

    rows = [(one.label, one.group, one.part, seen.short) for seen in images
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
    pairs = f"{counted(leaks, 'pair')} of near-duplicates {are(leaks)}"
    if leaks and divided:
        notes.append(
            f"{pairs} in different parts: the test is of images that "
            "were learnt; leave each pair in one part"
        )
    elif leaks:
        notes.append(
            f"{pairs} in different groups: they would leak between "
            "training and test; put them into one group"
        )
    conflicting = duplicates[duplicates["label"] != duplicates["other_label"]]
    if len(conflicting):
        pairs = f"{counted(len(conflicting), 'pair')} of near-duplicates"
        notes.append(f"{pairs} {are(len(conflicting))} in different classes")
    if len(skipped):
        name, why = skipped.iloc[0][["name", "reason"]]
        notes.append(f"{counted(len(skipped), 'file')} cannot be used, such as {name} ({why})")
    return tuple(notes)
