"""Find more like this: in an image, and in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ...core.layers import ImageLayer, Layer
from ...core.pixel_size import PixelSize
from ...core.progress import Progress, Steps
from ...core.result import Result
from ...engine.acquisition.info_bar import Doubts
from ...engine.classification.windows import Device, model_facts
from ...engine.lens.cells import open_model, see, through_all
from ...engine.lens.similar import (
    Background,
    FolderSearch,
    background_of,
    cosine_map,
    example_weights,
    feature_of,
    similar_regions,
    to_image,
)


def find_similar(  # noqa: PLR0913
    image: Any,
    example: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    layer: str = "",
    threshold: Annotated[float, {"min": -1, "max": 1, "step": 0.01}] = 0.6,
    min_size: Annotated[int, {"min": 0, "max": 100_000}] = 20,
    background: Background = "subtract",
    folder: Annotated[Path | None, {"mode": "d"}] = None,
    hits: Annotated[int, {"min": 1, "max": 1000}] = 36,
    device: Device = "auto",
) -> Steps[Result]:
    """Find more like this: where an image, or a folder, looks to a network as an example does.

    Every cell of a layer is compared with the mean feature of the example by the cosine of the
    angle between them. What the network takes for alike need not be alike to a person: see the
    measurements in the documentation.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour image of any real dtype; (C, Y, X) for a model of several channels. A stack
        is processed slice by slice (in the viewer: the current slice).
    example : layer of points, shapes or labels
        Points on what to look for (and, with the feature ``label``, negative ones on what is not
        meant), regions drawn around it, or a painted mask.
    spacing : (y, x), optional
        Pixel size.
    unit : str
        Unit of `spacing`.
    model : Path
        Model file (.safetensors); the shipped model by default.
    layer : str
        Name of a layer; if empty the last maps of a classifier, or the code of an autoencoder.
        Earlier layers have smaller cells and see grey levels and edges rather than shapes.
    threshold : float
        Smallest similarity of a region, up to 1.
    min_size : int
        Smaller regions, in pixels, are left out.
    background : {'subtract', 'keep'}
        Subtract the mean feature of each image from the example and the cells, so that what all
        cells have in common does not count.
    folder : Path
        Also look in all images of this folder.
    hits : int
        Largest number of hits in the folder that are listed; at most 9 of one image.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Result
        ``similarity``: (Y, X) float32, -1 to 1, NaN where missing pixels (NaN or infinite) have an
        influence, where nothing is labelled either; ``similar``: labels of the regions above the
        threshold, the most similar first, with a table of similarity and area. With a folder the
        table ``hits``: file, position, similarity and side of the patch, in pixels and nm, and
        their sheet as an image to the right of the micrograph.

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
    if not loaded.card.keeps_info_bar:
        others = doubts.watched(others, loaded.card.channels)
    seen = yield from see(image, spacing, unit, loaded, layer)
    ground = background_of(seen.maps, background)
    weights = example_weights(example, seen)
    feature = feature_of(seen.maps, weights) - ground * np.float32(weights.sum())
    if not np.linalg.norm(feature) > 0:
        raise ValueError("the example has no feature in this layer: choose another layer")
    yield Progress(0, 0, "similarity")
    coarse = cosine_map(seen.maps, feature, ground)
    fine = to_image(coarse, seen.placement, seen.shape, seen.known)
    size = PixelSize.of(spacing, unit)
    regions = similar_regions(fine, threshold, min_size, size)
    limits = (-1.0, 1.0) if background == "subtract" else (0.0, 1.0)
    style: Any = "signed" if background == "subtract" else "heat"
    made: list[Layer] = [ImageLayer(fine, style=style, limits=limits, name="similarity"), regions]
    count = int(np.asarray(regions.data).max())
    notes = (f"{count} regions are as similar as {threshold:g}", *seen.notes)
    tables = {}
    if others:
        search = FolderSearch(loaded, layer, feature, background, hits)
        skipped = yield from through_all(others, search.look)
        tables["hits"] = search.table
        made += search.sheet(seen.shape)
        notes = (*notes, *skipped, *search.notes, *doubts.notes)
    facts = {
        **model_facts(seen.tap.model), "layer": seen.tap.name, "cell_px": seen.stride,
        "regions": count,
    }  # fmt: skip
    return Result(tuple(made), tables, model=seen.tap.model.identity, facts=facts, notes=notes)
