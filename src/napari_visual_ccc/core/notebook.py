"""Results as HTML, for notebooks."""

from __future__ import annotations

import base64
import importlib
import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .contrast import COLORMAPS, contrast
from .layers import ImageLayer, Layer, Style
from .units import counted

if TYPE_CHECKING:
    from .result import Result

# longest side of a thumbnail, in pixels
_SIDE = 160

# rows of a table that are shown
_ROWS = 5


class Shown:
    """What results do in scripts and notebooks; figures and files are made above this package."""

    def plot(self, name: str = "", *, image: Any = None) -> Any:
        """Draw the result as a matplotlib figure; see `napari_visual_ccc.plot`."""
        return _public("plot")(self, name, image=image)

    def save(self, path: str | Path, *, layer: str = "", force: bool = False) -> Path:
        """Write the result with its record, see `napari_visual_ccc.write`."""
        written: Path = _public("write")(self, path, layer=layer, force=force)
        return written

    def _repr_html_(self) -> str:
        """Show layers and tables in a notebook."""
        return to_html(self)  # type: ignore[arg-type]


def _public(name: str) -> Any:
    """Public function of the package, which imports those of its parts when they are asked for."""
    return getattr(importlib.import_module(__package__.rpartition(".")[0]), name)


def to_html(result: Result) -> str:
    """Describe a result: its layers with thumbnails of images, the head of its tables, its notes.

    Lazy arrays are not computed: they have no thumbnail.
    """
    parts = [f"<b>{escape(type(result).__name__)}</b>"]
    if result.layers:
        rows = "".join(
            f"<tr><td>{_thumbnail(layer)}</td><td>{escape(str(layer))}</td></tr>"
            for layer in result.layers
        )
        parts.append(f"<table>{rows}</table>")
    for name, table in result.tables.items():
        parts.append(f"<p>{escape(name)}: {counted(len(table), 'row')}</p>")
        parts.append(table.head(_ROWS).to_html(index=False, border=0, escape=True))
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
    parts.append(f"<ul>{notes}</ul>" if notes else "")
    return "\n".join(part for part in parts if part)


def _thumbnail(layer: Layer) -> str:
    data = layer.data
    if not isinstance(layer, ImageLayer) or not isinstance(data, np.ndarray) or not data.size:
        return ""
    plane = data[(0,) * (data.ndim - 2)]
    step = max(1, -(-max(plane.shape) // _SIDE))
    small = plane[::step, ::step]
    # percentiles subtract, which booleans refuse
    small = small.astype(np.uint8) if small.dtype == bool else small
    low, high = layer.limits or contrast(small, layer.style) or (0.0, 1.0)
    return f'<img alt="" src="data:image/png;base64,{_png(small, layer.style, low, high)}">'


def _png(plane: Any, style: Style, low: float, high: float) -> str:
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, plane, vmin=low, vmax=high, cmap=COLORMAPS[style], format="png")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
