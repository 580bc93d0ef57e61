"""What a network sees at a place, and where it sees the like: in an image, and in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from ...core.pixel_size import PixelSize
from ...core.progress import Progress, Steps
from ...core.result import Result
from ...engine.acquisition.info_bar import Doubts
from ...engine.classification.windows import Device, model_facts
from ...engine.lens.cells import open_model, see, through_all
from ...engine.lens.nearest import FolderSearch, look
from ...engine.lens.ranking import cells_of, rank_channels
from ...engine.lens.similar import example_weights, middle_of


def look_at(  # noqa: PLR0913
    image: Any,
    example: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    layer: str = "",
    count: Annotated[int, {"min": 1, "max": 100}] = 9,
    folder: Annotated[Path | None, {"mode": "d"}] = None,
    hits: Annotated[int, {"min": 1, "max": 1000, "applies": {"folder": "given"}}] = 36,
    device: Device = "auto",
) -> Steps[Result]:
    """Look at a pixel: its feature vector, its highest channels, and the patches most like it.

    In the AI lens a click on the maps or the micrograph does this for the maps that are shown.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype; (C, Y, X) for a model of several channels. A stack
        is processed slice by slice (in the viewer: the current slice).
    example : layer of points, shapes or labels
        A point on the pixel. Of several points, of a drawn region or a painted mask, the mean
        feature is taken. In a stack a place (y, x) is looked at in every slice, by itself; a place
        (z, y, x) in its slice.
    spacing : (y, x), optional
        Pixel size.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors); the shipped model by default.
    layer : str
        Name of a layer; if empty the last maps of a classifier, or the code of an autoencoder.
    count : int
        Number of patches of the image that are listed.
    folder : Path
        Also look for patches like it in all images of this folder.
    hits : int
        Largest number of patches of the folder that are listed; at most 9 of one image.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        Tables ``patches`` (the place itself first; position and side in pixels and in the unit,
        cosine similarity after the mean feature of the image is subtracted), ``channels`` (the
        feature vector without dead and duplicate channels, the highest first, in standard
        deviations above their mean over the image; rank is that of the variance), and with a
        folder ``hits`` (file, position and side in pixels and nm). The patches are rectangles, the
        hits a sheet to the right of the micrograph. There are no patches where missing pixels (NaN
        or infinite) have an influence.

    Raises
    ------
    FileNotFoundError, ValueError
        If the example is empty, looks like the mean of the image or lies near missing pixels, the
        model has no such layer,
        or there is no such folder or no image in it.
    RuntimeError
        If memory is full.
    """
    from ...io.datasets import unlabelled

    others = [] if folder is None else unlabelled(folder)
    loaded = yield from open_model(model, device)
    doubts = Doubts()
    card = loaded.card
    others = doubts.watched(others, card.channels, kept=card.keeps_info_bar)
    seen = yield from see(image, spacing, unit, loaded, layer)
    yield Progress(0, 0, "patches")
    ranked = rank_channels(cells_of(seen.maps), "variance")
    weights = example_weights(example, seen)
    found = look(
        seen.maps[ranked.order], ranked.order, weights, middle_of(example, seen),
        place=seen.placement, count=count, size=PixelSize.of(spacing, unit),
    )  # fmt: skip
    result = found.result
    facts = {**model_facts(seen.tap.model), "layer": seen.tap.name, "cell_px": seen.stride}
    result = replace(
        result, facts=facts, model=seen.tap.model.identity,
        notes=(*result.notes, *ranked.notes, *seen.notes),
    )  # fmt: skip
    if not others:
        return result
    search = FolderSearch(loaded, layer, found.feature, "subtract", hits, ranked.order)
    skipped = yield from through_all(others, search.look)
    return replace(
        result,
        layers=(*result.layers, *search.sheet(seen.shape)),
        tables={**result.tables, "hits": search.table},
        notes=(*result.notes, *skipped, *search.notes, *doubts.notes),
    )
