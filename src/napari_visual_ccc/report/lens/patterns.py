"""Page on the common patterns of a folder: what channels and classes look like to a network."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import written
from ...core.plain import check_given, path_given
from ...engine.lens.patches import sheet
from ...engine.lens.patterns import ClassPattern, Patterns
from ..pages import render

_KERNEL_COLUMNS = 16


def write_patterns(
    result: Patterns, path: str | Path, *, title: str = "Common patterns", force: bool = False
) -> Path:
    """Write what the classes and the channels look like to the network, as one HTML page.

    Parameters
    ----------
    result : Patterns
        From `common_patterns`.
    path : str or Path
        Page to write; it needs no other file.
    title : str
        Heading of the page.
    force : bool
        Replace a file that exists.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    check_given(result, Patterns, "result", "what common_patterns returned")
    path = path_given(path, "path")
    table = result.tables["patches"]
    page = render(
        "patterns",
        title=title,
        facts=result.facts,
        notes=result.notes,
        classes=[_class(name, one) for name, one in result.classes.items()],
        channels=[
            {
                "number": channel,
                "made": _png(result.maximised[channel]) if channel in result.maximised else "",
                "patches": [
                    {"picture": _png(picture), "text": _where(row)}
                    for picture, row in zip(
                        patches, table[table["channel"] == channel].to_dict("records"), strict=True
                    )
                ],
            }
            for channel, patches in result.patches.items()
        ],
        kernels=_png(sheet(list(result.kernels), _KERNEL_COLUMNS)) if len(result.kernels) else "",
    )
    with written(Path(path), force=force) as part:
        part.write_text(page, "utf-8", "backslashreplace")
    return Path(path)


def _class(name: str, one: ClassPattern) -> dict[str, Any]:
    return {
        "name": name,
        "crops": one.crops,
        "mean": _png(one.mean),
        "made": "" if one.maximised is None else _png(one.maximised),
        "top": [
            {"picture": _png(picture), "text": text}
            for picture, text in zip(one.top, one.names, strict=True)
        ],
        "channels": [(channel, f"{100 * part:.1f} %") for channel, part in one.channels],
    }


def _where(row: Mapping[Any, Any]) -> str:
    place = f"{row['file']}: y {row['y_px']:.0f}, x {row['x_px']:.0f} px"
    size = "" if np.isnan(row["width_nm"]) else f", {row['width_nm']:.3g} nm wide"
    return f"{place}{size}; activation {row['activation']:.3g}"


def _png(picture: np.ndarray) -> str:
    """PNG of a uint8 picture, in base64."""
    from matplotlib.image import imsave

    file = io.BytesIO()
    imsave(file, picture, cmap="gray", vmin=0, vmax=255, format="png")
    return base64.b64encode(file.getvalue()).decode()
