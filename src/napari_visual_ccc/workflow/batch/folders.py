"""All images of a folder in one table: their classes, or whether they are fit for analysis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from ...arrays.lazy import tile_workers
from ...core.dataset import Example
from ...core.micrograph import Micrograph
from ...core.plain import printable
from ...core.progress import Progress, Steps
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
    image_quality,
)
from ...engine.classification.decision import Decision, thresholds_of
from ...engine.classification.windows import COVERAGE, Device
from ...io.datasets import unlabelled
from .classified import MISSING, classified, specimen_of
from .pool import THREADS, pool, stoppable
from .queue import each

# an image whose finest detail is this many times coarser than the median is less sharp
_COARSER = 2.0

# number of images from which on their median is typical
_SEVERAL = 5

# flagged files that the notes name
_NAMED = 10


def classify_folder(
    folder: Path,
    *,
    model: Path | None = None,
    coverage: Annotated[float, {"min": 0.5, "max": 0.99, "step": 0.01}] = COVERAGE,
    decision: Decision = "highest probability",
    thresholds: Annotated[str, {"applies": {"decision": ("operating point",)}}] = "",
    tta: Annotated[bool, {"label": "Average 8 rotations"}] = True,
    device: Device = "auto",
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

    Returns
    -------
    Result
        One row per image: ``name``, ``verdict`` (a class, unknown, or none above its threshold),
        ``probability``, ``prediction_set``, ``distance`` to the training images, ``second`` class,
        ``windows``, ``problem`` (why an image could not be classified).

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, no image in it, the file is not a model, or a class has no
        threshold.
    """
    import pandas as pd

    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.card import read_card

    card = read_card(model)
    # a wrong choice is an error of the run, not of every image
    limits = thresholds_of(card, decision, thresholds)
    channels = card.channels if card.depth > 1 else ()
    doubts = Doubts()
    examples = unlabelled(folder, channels, closed=True)
    examples = doubts.watched(examples, channels, kept=card.keeps_info_bar)
    yield Progress(0, len(examples), "model")
    loaded = checkpoint.load_model(model, devices.choose(device), shared=True)
    rows = yield from classified(loaded, examples, tta=tta, coverage=coverage, thresholds=limits)
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    text = ["verdict", "prediction_set", "second", "problem"]
    # a column without any text is one of numbers
    table[text] = table[text].astype(object).fillna("")
    counts = table["verdict"].value_counts().to_dict()
    notes = tuple(
        f"{count} {'not classified' if name == '' else name}" for name, count in counts.items()
    )
    notes = (*notes, *_gaps(rows), *doubts.notes)
    return Result(tables={"predictions": table}, facts={"counts": counts}, notes=notes)


_COLUMNS = (
    "name", "verdict", "probability", "prediction_set", "second", "distance", "windows", "problem"
)  # fmt: skip


def _gaps(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Name the images with missing pixels, and their share."""
    gaps = [f"{row['name']} {row[MISSING]:.1%}" for row in rows if MISSING in row]
    if not gaps:
        return ()
    more = ", ..." if len(gaps) > _NAMED else ""
    listed = f"{', '.join(gaps[:_NAMED])}{more}"
    return (f"pixels are missing (NaN or infinite) in {len(gaps)} of the images: {listed}",)


def rows_of(
    folder: Path,
    assess: Callable[[Micrograph], Steps[dict[str, Any]]],
    empty: dict[str, Any],
    channels: Sequence[str] = (),
    doubts: Doubts | None = None,
    *,
    workers: int = 1,
) -> Steps[list[dict[str, Any]]]:
    """Assess every image of a folder on threads; one that cannot be read has a ``problem``.

    Those with a doubtful info bar are gathered in `doubts`, where it is left out.
    """
    examples = unlabelled(folder, channels, closed=True)
    examples = doubts.watched(examples, channels) if doubts else examples
    rows = [empty | {"name": example.name} for example in examples]
    done = 0
    yield Progress(0, len(examples), "images")
    with pool(THREADS, workers) as made:

        def one_image(example: Example) -> dict[str, Any]:
            return stoppable(assess(example.read()), made.stop)

        for one in each(made, one_image, examples):
            if one is not None:
                done += 1
                try:
                    found = one.answer()
                except (ValueError, OSError) as error:
                    found = empty | {"problem": printable(str(error))}
                rows[one.number] = {"name": examples[one.number].name} | found
            # the bar counts images, however many steps one of them takes
            yield Progress(done, len(examples), "images")
    return rows


def image_quality_folder(
    folder: Path,
    *,
    blurred: Period = BLURRED,
    noisy: Ratio = NOISY,
    saturated: Saturated = SATURATED,
    striped: Striped = STRIPED,
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

    def assess(micrograph: Micrograph) -> Steps[dict[str, Any]]:
        result = yield from image_quality(
            specimen_of(micrograph), micrograph.spacing, micrograph.unit, blurred=blurred,
            noisy=noisy, saturated=saturated, striped=striped,
        )  # fmt: skip
        return {"problem": ""} | _all_slices(result.table)

    doubts = Doubts()
    rows = yield from rows_of(folder, assess, {"flags": ""}, doubts=doubts, workers=tile_workers())
    table = pd.DataFrame(rows)
    if "detail_px" in table:
        typical = table["detail_px"].median()
        coarse = (table["detail_px"] > _COARSER * typical) & (table["flags"] == "")
        if table["detail_px"].count() >= _SEVERAL:
            table.loc[coarse, "flags"] = f"less sharp than the others: theirs is {typical:.1f} px"
    # what could not be read comes last
    table["problem"] = table.pop("problem")
    flagged = table[table["flags"] != ""]
    notes = [f"{row.name}: {row.flags}" for row in flagged.head(_NAMED).itertuples(index=False)]
    if len(flagged) > _NAMED:
        notes.append(f"and {len(flagged) - _NAMED} more")
    facts = {"flagged": len(flagged), "images": len(table)}
    headline = f"{len(flagged)} of {counted(len(table), 'image')} {are(len(flagged))} flagged"
    notes += doubts.notes
    return Result(tables={"quality": table}, facts=facts, notes=(headline, *notes))


def _all_slices(table: Any) -> dict[str, Any]:
    """One row of the rows of a stack."""
    numbers = table.drop(columns=[c for c in table if c == "flags" or c.startswith("index_")])
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
