"""Report on an autoencoder: reconstructions, their quality, curves and card."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.files import written
from ...core.plain import plain
from ...engine.autoencoder.tiles import TEST, TRAIN, VALIDATION
from ...engine.autoencoder.trained import TrainedAutoencoder
from ..architecture import totals
from ..classifier import card_rows
from ..pages import render
from ..performance import image_of
from ..pictures import Picture
from ..plots import draw_history

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# of a table row: decimals of the metrics, and their units
_METRICS = {"psnr": ("PSNR", 1, " dB"), "ssim": ("SSIM", 3, "")}

# images of the numbers, by part
_PARTS = {TEST: "test images", TRAIN: "training tiles, nothing was held out"}

_TITLES = {TEST: "test tiles", VALIDATION: "held-out tiles", TRAIN: "training tiles"}

_MOST_ROWS = 200

# pixels between tiles
_GAP = 4


def write_autoencoder_report(
    result: TrainedAutoencoder, page: Path, numbers: Path, *, force: bool = False
) -> None:
    """Write the report as one HTML page that needs no other file, and its numbers as JSON.

    Parameters
    ----------
    result : TrainedAutoencoder
        From `train_autoencoder`.
    page, numbers : Path
        Files to write.
    force : bool
        Replace files that are there.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    with written(page, force=force) as part:
        part.write_text(render("autoencoder", **_values(result)), "utf-8", "backslashreplace")
    with written(numbers, force=force) as part:
        part.write_text(json.dumps(report_numbers(result), indent=1), encoding="utf-8")


def report_numbers(result: TrainedAutoencoder) -> dict[str, Any]:
    """Give the content of the report as values that JSON can hold; unknown values are None."""
    return plain(
        {
            "summary": result.summary.to_dict("records"),
            "images": result.images.to_dict("records"),
            "split": result.split.to_dict("records"),
            "skipped": result.skipped.to_dict("records"),
            "history": result.history.to_dict("records"),
            "parameters": totals(result.architecture),
            "model": result.model.card.as_dict(),
            "facts": dict(result.facts),
            "notes": list(result.notes),
        }
    )


def sheet(examples: np.ndarray) -> np.ndarray:
    """Lay out tiles (row 1), reconstructions (2) and residuals (3) as one uint8 picture."""
    rows = []
    for kind in range(examples.shape[1]):
        cells = [np.pad(one[kind], _GAP // 2, constant_values=255) for one in examples]
        rows.append(np.concatenate(cells, axis=1))
    return np.concatenate(rows)


def draw_examples(axes: Axes, result: TrainedAutoencoder) -> None:
    """Draw the tiles beside their reconstructions, in the dock of the viewer."""
    axes.imshow(sheet(result.examples), cmap="gray", vmin=0, vmax=255)
    side = result.examples.shape[-1] + _GAP
    names = ("tile", "reconstruction", "residual")
    axes.set_yticks([(k + 0.5) * side for k in range(3)], names)
    axes.set_xticks([])


def summary_text(result: TrainedAutoencoder) -> str:
    """PSNR and SSIM in one line, by part where it is not the validation part alone."""
    parts = []
    for part, rows in result.summary.groupby("part", sort=False):
        values = rows.drop(columns="part").itertuples(index=False, name=None)
        numbers = ", ".join(
            f"{_METRICS[name][0]} {_value(name, *found)}" for name, *found in values
        )
        parts.append(numbers if part == VALIDATION else f"{_PARTS[str(part)]}: {numbers}")
    return "; validation images: ".join(parts)


def _values(result: TrainedAutoencoder) -> dict[str, Any]:
    """Values of the template."""
    card, scale = result.model.card, result.model.card.anomaly
    curve = Picture("Training", (8, 5), lambda axes: draw_history(axes, result.history, "psnr"))
    rows = [
        (row["name"], row["part"], str(row["tiles"]), *(_of_row(row, name) for name in _METRICS))
        for row in result.images.head(_MOST_ROWS).to_dict("records")
    ]
    shown = result.summary["part"].iloc[0]
    return {
        "title": f"{card.name}: reconstruction of {_TITLES[shown]}",
        "shown": _TITLES[shown],
        "chosen": VALIDATION in set(result.summary["part"]),
        "summary": summary_text(result),
        "notes": list(result.notes),
        "examples": image_of(_png(sheet(result.examples)), "png", "Reconstructions", 900),
        "images": rows,
        "scale": None if scale is None else {
            "tiles": scale.tiles, "side": scale.tile_px, "of": scale.chosen_on,
        },
        "curve": image_of(curve.svg(), "svg+xml", curve.title, 768),
        "skipped": list(result.skipped.head(_MOST_ROWS).itertuples(index=False, name=None)),
        "card": card_rows({k: v for k, v in card.as_dict().items() if k != "classes"}),
        "layers": f"{totals(result.architecture)['parameters']:,}",
    }  # fmt: skip


def _of_row(row: dict[Any, Any], name: str) -> str:
    return _value(name, row[name], row[f"{name}_low"], row[f"{name}_high"])


def _value(name: str, value: float, low: float, high: float) -> str:
    """Value with its interval, such as ``24.1 dB (23.0 to 25.2)``."""
    _, digits, unit = _METRICS[name]
    known = f" ({low:.{digits}f} to {high:.{digits}f})" if math.isfinite(low + high) else ""
    return f"{value:.{digits}f}{unit}{known}"


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png", optimize=True)
    return file.getvalue()
