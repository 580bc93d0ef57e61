"""Figures of results, with a scale bar, a colour bar and names."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.files import PICTURE, written
from ..core.layers import Layer
from ..core.micrograph import Micrograph
from ..core.pixel_size import PixelSize
from ..core.result import Prediction
from ..core.units import LENGTHS
from .layers import draw_layer, size_of, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def preview(
    layer: Layer,
    path: Path,
    *,
    image: Any = None,
    pixel_size: PixelSize | None = None,
    bar: bool = True,
    force: bool = False,
) -> None:
    """Draw one layer of a result, labels and heatmaps over their image.

    Parameters
    ----------
    layer : Layer
        What to draw; of a stack, the first slice.
    path : Path
        Ends in ``.png`` or ``.svg``.
    image : (..., Y, X) array, optional
        What lies under it.
    pixel_size : PixelSize, optional
        Of the image, for the scale bar.
    bar : bool
        Draw a scale bar; what is not drawn at the scale of the image has none.
    force : bool
        Replace a file that is there.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    figure, axes = _sheet(layer, pixel_size, image)
    draw(axes, layer, image=image, pixel_size=pixel_size, bar=bar)
    save(figure, path, force=force)


def overlay(
    layers: list[Layer],
    path: Path,
    *,
    title: str = "",
    pixel_size: PixelSize | None = None,
    force: bool = False,
) -> None:
    """Draw layers above each other, the first at the bottom.

    Parameters
    ----------
    layers : list of Layer
        At least one, in the frame of the first; of stacks, the first slice.
    path, pixel_size, force
        As `preview`.
    title : str
        What to write above.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    figure, axes = _sheet(layers[0], pixel_size)
    axes.set_axis_off()
    axes.set_title(title)
    for number, layer in enumerate(layers):
        draw_layer(axes, layer, over=number > 0)
    _scale_bar(axes, pixel_size)
    save(figure, path, force=force)


def _sheet(layer: Layer, pixel_size: PixelSize | None, image: Any = None) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    height, width = size_of(layer, image)
    height *= _aspect(pixel_size)
    # a sliver still needs room for its title and its scale bar
    wide, high = (max(2.0, 6.0 * min(1.0, n)) for n in (width / height, height / width))
    figure = Figure(figsize=(wide + 1.6, high + 0.8), dpi=130, layout="constrained")
    return figure, figure.add_subplot()


def _aspect(pixel_size: PixelSize | None) -> float:
    """Height of a pixel over its width."""
    return 1.0 if pixel_size is None else pixel_size.height / pixel_size.width


def save(figure: Figure, path: Path, *, force: bool = False) -> None:
    """Write a figure as what the ending of its path says: PNG, or SVG or PDF with editable text."""
    from matplotlib import rc_context

    kind = path.suffix[1:].lower()
    # the same figure is the same file on every run; what a journal prints has 300 dpi
    date = "CreationDate" if kind == "pdf" else "Date"
    options: dict[str, Any] = {"metadata": {date: None}, "dpi": 300}
    style: Any = {
        "pdf.fonttype": 42,
        "svg.hashsalt": "visual-ccc",
        "svg.fonttype": "none",
        "image.composite_image": False,
    }
    # in memory first: on a full disk the writers of matplotlib fail as they close the file, with
    # errors that do not say so
    with rc_context(style):
        if kind == "png":
            drawn = png(figure, metadata=PICTURE)
        else:
            drawn = bytes_of(figure, kind, **options)
    with written(path, force=force) as part:
        part.write_bytes(drawn)


def bytes_of(figure: Figure, kind: str, **options: Any) -> bytes:
    """Draw a figure in a format."""
    file = BytesIO()
    with any_names(figure):
        figure.savefig(file, format=kind, **options)
    return file.getvalue()


@contextmanager
def any_names(figure: Figure) -> Iterator[None]:
    """Draw a figure within, whatever is in the names of classes and files."""
    with warnings.catch_warnings():
        # letters that the font lacks are boxes; a program that shows an SVG has other fonts
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        without_formulas(figure)
        yield


def without_formulas(figure: Figure) -> Figure:
    """Take names with dollar signs as they are: as a formula, one with an error is not drawn."""
    from matplotlib.cbook import is_math_text
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        shown = text.get_text()
        # powers on logarithmic axes are formulas of matplotlib itself
        if is_math_text(shown) and "\\mathdefault" not in shown:
            text.set_parse_math(False)
    return figure


def png(figure: Figure, *, metadata: dict[str, str] | None = None) -> bytes:
    """Draw a figure as PNG, in half the time that ``savefig`` takes.

    That draws a figure with a layout twice, and compresses it most: for 10 % less space.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = BytesIO()
    canvas: Any = FigureCanvasAgg(figure)
    with any_names(figure):
        canvas.print_png(file, metadata=metadata, pil_kwargs={"compress_level": 3})
    return file.getvalue()


def draw(
    axes: Axes,
    layer: Layer | None,
    *,
    image: Any = None,
    pixel_size: PixelSize | None = None,
    title: str | None = None,
    bar: bool = True,
) -> None:
    """Draw a layer (or the image alone) into axes, with a scale bar."""
    axes.set_axis_off()
    axes.set_title((layer.name if layer is not None else "image") if title is None else title)
    if image is not None:
        grey = _grey_plane(image)
        extent = (0, grey.shape[1], grey.shape[0], 0)
        low, high = np.nanpercentile(grey, (0.5, 99.5))
        small = thinned(grey)
        axes.imshow(small, cmap="gray", vmin=low, vmax=max(high, low + 1e-12), extent=extent)
    if layer is not None:
        draw_layer(axes, layer, over=image is not None)
    axes.set_aspect(_aspect(pixel_size))
    if bar:
        _scale_bar(axes, pixel_size)


def _grey_plane(image: Any) -> np.ndarray:
    from ..arrays.inputs import to_gray

    grey, _ = to_gray(image)
    return np.asarray(grey[(0,) * (grey.ndim - 2)])


def _scale_bar(axes: Axes, pixel_size: PixelSize | None) -> None:
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    axes.set_aspect(_aspect(pixel_size))
    left, right, bottom, top = axes.axis()
    size, unit = (1.0, "px") if pixel_size is None else (pixel_size.width, pixel_size.unit)
    length, text = round_length(abs(right - left) * size / 4, unit)
    bar = AnchoredSizeBar(
        axes.transData, length / size, text, "lower left", pad=0.4, sep=3,
        color="white", frameon=True, size_vertical=abs(bottom - top) / 120, label_top=True,
    )  # fmt: skip
    bar.patch.set(facecolor="black", alpha=0.6, linewidth=0)
    axes.add_artist(bar)


def round_length(most: float, unit: str) -> tuple[float, str]:
    """Choose how long a scale bar is, and how to say it: "500 nm", "2 µm", "5 nm⁻¹".

    Parameters
    ----------
    most : float
        The longest that it may be, in `unit`.
    unit : str
        Lengths become nm, µm, mm or m; below a nanometre they keep their unit.

    Returns
    -------
    length : float
        In `unit`: 1, 2 or 5 times a power of ten.
    text : str
        The length in the unit that suits it.
    """
    power = 10.0 ** np.floor(np.log10(most))
    length = float(next(n for n in (5, 2, 1) if n * power <= most * (1 + 1e-9)) * power)
    if unit not in LENGTHS:
        return length, f"{length:g} {unit[2:]}⁻¹" if unit.startswith("1/") else f"{length:g} {unit}"
    metres = length * LENGTHS[unit]
    fitting = [name for name in ("nm", "µm", "mm", "m") if metres >= LENGTHS[name] * (1 - 1e-9)]
    name = fitting[-1] if fitting else unit
    return length, f"{metres / LENGTHS[name]:g} {name}"


def panels(
    source: Micrograph,
    layers: list[Layer],
    path: Path,
    *,
    title: str,
    prediction: Prediction | None = None,
    force: bool = False,
) -> None:
    """Draw an image beside all layers of its results, and the classes as bars.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    figure, places = _places(1 + len(layers) + (prediction is not None), title)
    draw(next(places), None, image=source.data, pixel_size=source.pixel_size)
    for layer in layers:
        over = source.data if getattr(layer, "style", "heat") == "heat" else None
        draw(next(places), layer, image=over, pixel_size=source.pixel_size)
    if prediction is not None:
        bars(next(places), prediction)
    for empty in places:
        empty.set_axis_off()
    save(figure, path, force=force)


def _places(count: int, title: str) -> tuple[Figure, Iterator[Axes]]:
    """Make a figure of up to three columns."""
    from matplotlib.figure import Figure

    columns = min(count, 3)
    rows = -(-count // columns)
    figure = Figure(figsize=(5.2 * columns, 4.4 * rows), dpi=110, layout="constrained")
    figure.suptitle(title)
    return figure, iter(figure.subplots(rows, columns, squeeze=False).ravel())


def side_by_side(
    layers: Sequence[Layer],
    path: Path,
    *,
    title: str = "",
    pixel_size: PixelSize | None = None,
    force: bool = False,
) -> None:
    """Draw layers beside each other, each by itself.

    Parameters
    ----------
    layers : sequence of Layer
        At least one; of stacks, the first slice.
    path, pixel_size, force
        As `preview`.
    title : str
        What to write above.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    figure, places = _places(len(layers), title)
    for layer, axes in zip(layers, places, strict=False):
        draw(axes, layer, pixel_size=pixel_size)
    for empty in places:
        empty.set_axis_off()
    save(figure, path, force=force)


def bars(axes: Axes, prediction: Prediction) -> None:
    """Draw the five most probable classes as bars."""
    top = prediction.top(5)[::-1]
    axes.barh([name for name, _ in top], [100 * value for _, value in top], color="#4c9be8")
    stated = f"{prediction.means.replace('_', ' ')} (%)"
    axes.set(xlim=(0, 100), xlabel=stated, title=prediction.model.get("use", ""))
