"""All images of a folder in one table: their classes, or whether they are fit for analysis.

Both are batches without files of their own, whose rows become one table.
"""

from __future__ import annotations

import hashlib
import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ...core.plain import real
from ...core.progress import Steps
from ...core.result import Result
from ...core.units import are, counted
from ...engine.acquisition.info_bar import Doubts
from ...engine.acquisition.quality import (
    BLURRED,
    NOISY,
    SATURATED,
    STRIPED,
    Period,
    Ratio,
    Saturated,
    Striped,
)
from ...engine.classification.decision import Decision
from ...engine.classification.windows import COVERAGE, Device
from ...io.folders import check_is_folder
from ..files.run_on_file import FileJob
from ..save import NOTHING
from .job import key_of, make_job
from .output import IMAGES
from .run import Settings, batching
from .tables import IMAGE

if TYPE_CHECKING:
    import pandas as pd

# folder that keeps what is done
State = Annotated[Path | None, {"more": True}]

# an image whose finest detail is this many times coarser than the median is less sharp
_COARSER = 2.0

# number of images from which on their median is typical
_SEVERAL = 5

# flagged files that the notes name
_NAMED = 10

# in the notes of an image: `InfoBar.doubt`, those of stacks and `crops.missing_note`
_DOUBT = "there may be an info bar"
_NO_RESULT = re.compile(r"slice [^:;]+: no result: [^;]+")
_MISSING = re.compile(r"([\d.]+)% of the pixels are missing")


def classify_folder(
    folder: Path,
    *,
    model: Path | None = None,
    coverage: Annotated[float, {"min": 0.5, "max": 0.99, "step": 0.01}] = COVERAGE,
    decision: Decision = "highest probability",
    thresholds: Annotated[str, {"applies": {"decision": ("operating point",)}}] = "",
    tta: Annotated[bool, {"label": "Average 8 rotations"}] = True,
    device: Device = "auto",
    state: State = None,
) -> Steps[Result]:
    """Classify every image of a folder: class, prediction set and out-of-distribution flag.

    Parameters
    ----------
    folder : Path
        Its images, also those in folders within it.
    model : Path
        Model file (.safetensors); the shipped model by default.
    coverage : float
        Probability with which the prediction set contains the true class (conformal prediction).
    decision : {'highest probability', 'operating point'}
        The class is the most probable one; or, at the operating point, the one whose probability
        exceeds its threshold most, and none where no class reaches its threshold.
    thresholds : str
        Thresholds for the operating point, such as ``cube=0.4, sphere=0.7``; those of the model
        by default.
    tta : bool
        Test-time augmentation: mean over the eight rotated and mirrored views of a crop.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.
    state : Path
        Folder that keeps what is done, image by image: the same call goes on there after a crash or
        a kill, and images that are done, by name, size and time of change, are not done again.

    Returns
    -------
    Result
        One row per image, of a stack one per slice (``index_0``): ``name``, ``verdict`` (a class,
        unknown, or none above its threshold), ``probability``, ``prediction_set``, ``distance`` to
        the training images, ``second`` class, ``windows``, ``problem`` (why an image could not be
        classified).

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, no image in it, the file is not a model, or a class has no
        threshold.
    """
    import pandas as pd

    choices = {
        "model": model, "coverage": coverage, "decision": decision, "thresholds": thresholds,
        "tta": tta, "device": device,
    }  # fmt: skip
    images, rows, remarks = yield from _batch("classify", folder, choices, state)
    table = images[["name", "problem"]]
    if rows is not None:
        table = table.merge(rows, on="name", how="left")
    name, *others = _COLUMNS
    # a stack has a row a slice
    slices = table.filter(like="index_").columns if len(table) > len(images) else ()
    table = table.reindex(columns=[name, *slices, *others])
    for key in slices:
        # whole numbers, missing for images that are no stack
        places = [place if math.isnan(place) else int(place) for place in table[key]]
        table[key] = pd.Series(places, table.index, object)
    text = ["verdict", "prediction_set", "second", "problem"]
    # a column without any text is one of numbers
    table[text] = table[text].astype(object).fillna("")
    counts = table["verdict"].value_counts().to_dict()
    notes = tuple(
        f"{count} {'not classified' if name == '' else name}" for name, count in counts.items()
    )
    notes = (*notes, *_gaps(images), *_doubts(images), *_empty_slices(images), *remarks)
    return Result(tables={"predictions": table}, facts={"counts": counts}, notes=notes)


_COLUMNS = (
    "name", "verdict", "probability", "prediction_set", "second", "distance", "windows", "problem"
)  # fmt: skip


def _batch(
    operation: str, folder: Path, choices: Mapping[str, Any], state: Path | None
) -> Steps[tuple[pd.DataFrame, pd.DataFrame | None, tuple[str, ...]]]:
    """Run an operation on all images of a folder.

    Returns
    -------
    images : DataFrame
        As of `batch`, with ``name`` for ``image``.
    rows : DataFrame or None
        The main table over all images; None where none could be done.
    notes : tuple of str
        On the files.
    """
    check_is_folder(folder)
    job = make_job(operation, choices, Path(), formats=NOTHING)
    how = Settings(tables="none", is_kept=state is not None)
    with _place(job, folder, state) as place:
        found = yield from batching(folder, replace(job, output=place), how)
    images, rows = found.tables[IMAGES], found.tables.get(operation)
    names = {IMAGE: "name"}
    rows = None if rows is None else rows.rename(columns=names)
    return images.rename(columns=names), rows, found.notes


@contextmanager
def _place(job: FileJob, folder: Path, state: Path | None) -> Iterator[Path]:
    """Folder of the batch: of this folder with these choices, so that others lie beside it."""
    if state is None:
        with tempfile.TemporaryDirectory(prefix="visual-ccc-") as place:
            yield Path(place)
        return
    named = hashlib.sha256(f"{key_of(job)} {real(folder)}".encode(errors="surrogateescape"))
    yield state / f"{job.name}_{named.hexdigest()[:12]}"


def _gaps(images: pd.DataFrame) -> tuple[str, ...]:
    """Name the images with missing pixels, and their share."""
    found = zip(images["name"], map(_MISSING.search, images["notes"]), strict=True)
    gaps = [f"{name} {float(share[1]):.1f}%" for name, share in found if share]
    if not gaps:
        return ()
    more = ", ..." if len(gaps) > _NAMED else ""
    listed = f"{', '.join(gaps[:_NAMED])}{more}"
    return (f"pixels are missing (NaN or infinite) in {len(gaps)} of the images: {listed}",)


def _empty_slices(images: pd.DataFrame) -> tuple[str, ...]:
    """Name the slices that have no row."""
    found = [
        f"{name}: {text}"
        for name, notes in zip(images["name"], images["notes"], strict=True)
        for text in _NO_RESULT.findall(notes)
    ]
    more = (f"and {len(found) - _NAMED} more slices",) if len(found) > _NAMED else ()
    return (*found[:_NAMED], *more)


def _doubts(images: pd.DataFrame) -> tuple[str, ...]:
    """Name the images that may have an info bar."""
    doubts = Doubts()
    doubts.names |= dict.fromkeys(images["name"][images["notes"].str.contains(_DOUBT, regex=False)])
    return doubts.notes


def image_quality_folder(
    folder: Path,
    *,
    blurred: Period = BLURRED,
    noisy: Ratio = NOISY,
    saturated: Saturated = SATURATED,
    striped: Striped = STRIPED,
    state: State = None,
) -> Steps[Result]:
    """Assess which images of a folder are fit for analysis, before training or a batch.

    Parameters
    ----------
    folder : Path
        Its images, also those in folders within it.
    blurred : float
        Flag images whose finest detail is coarser than this many pixels.
    noisy : float
        Flag images with a lower signal-to-noise ratio (of variances).
    saturated : float
        Flag images with more than this percentage of saturated pixels, at the darkest or the
        brightest grey level.
    striped : float
        Flag images whose lines differ by more than this percentage of the image's contrast.
    state : Path
        Folder that keeps what is done, image by image: the same call goes on there after a crash or
        a kill, and images that are done, by name, size and time of change, are not done again.

    Returns
    -------
    Result
        One row per file: ``name``, ``slices``, the columns of `image_quality` and ``problem`` (why
        a file could not be assessed). Of a stack, numbers are the median over the slices, and each
        flag has the number of slices that have it. Lengths are in `unit` where the file has a
        pixel size. Among five or more images, those less sharp than the others by a factor of two
        are flagged too. ``notes`` name the flagged files.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, or no image in it.
    """
    import pandas as pd

    choices = {"blurred": blurred, "noisy": noisy, "saturated": saturated, "striped": striped}
    images, found, remarks = yield from _batch("image_quality", folder, choices, state)
    slices = {} if found is None else dict(iter(found.groupby("name", sort=False)))
    rows = [
        {"name": name, "flags": ""} | (_all_slices(slices[name]) if name in slices else {})
        for name in images["name"]
    ]
    table = pd.DataFrame(rows)
    if "detail_px" in table:
        typical = table["detail_px"].median()
        coarse = (table["detail_px"] > _COARSER * typical) & (table["flags"] == "")
        if table["detail_px"].count() >= _SEVERAL:
            table.loc[coarse, "flags"] = f"less sharp than the others: theirs is {typical:.1f} px"
    table["problem"] = images["problem"]
    flagged = table[table["flags"] != ""]
    notes = [f"{row.name}: {row.flags}" for row in flagged.head(_NAMED).itertuples(index=False)]
    if len(flagged) > _NAMED:
        notes.append(f"and {len(flagged) - _NAMED} more")
    facts = {"flagged": len(flagged), "images": len(table)}
    headline = f"{len(flagged)} of {counted(len(table), 'image')} {are(len(flagged))} flagged"
    notes += [*_doubts(images), *remarks]
    return Result(tables={"quality": table}, facts=facts, notes=(headline, *notes))


def _all_slices(table: Any) -> dict[str, Any]:
    """One row of the rows of a stack."""
    texts = ("name", "flags")
    numbers = table.drop(columns=[c for c in table if c in texts or c.startswith("index_")])
    flags = table["flags"].iloc[0]
    if len(table) > 1:
        # "noisy: signal-to-noise ratio 0.6; blurred: ..." of every slice: kinds, counted
        kinds = Counter(
            kind
            for line in table["flags"]
            for kind in dict.fromkeys(flag.split(":")[0] for flag in line.split("; ") if flag)
        )
        flags = "; ".join(f"{kind}: {count} of {len(table)}" for kind, count in kinds.items())
    return {"flags": flags, "slices": len(table), **numbers.median().to_dict()}
