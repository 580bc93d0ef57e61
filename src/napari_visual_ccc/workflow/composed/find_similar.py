"""Find more like this: in an image, and in a folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from ...arrays.lazy import is_lazy
from ...arrays.stacks import at_slice, each_slice, slices_of
from ...core.layers import ImageLayer
from ...core.pixel_size import MinDiameter, PixelSize
from ...core.progress import Progress, Steps, as_one_step
from ...core.result import Result
from ...core.units import are, counted
from ...engine.acquisition.info_bar import Doubts
from ...engine.classification.windows import Device, model_facts
from ...engine.lens.cells import Seen, open_model, see, through_all
from ...engine.lens.nearest import FolderSearch
from ...engine.lens.similar import (
    NONE_POSITIVE,
    Background,
    background_of,
    by_sign,
    cosine_map,
    example_weights,
    feature_of,
    similar_regions,
    to_image,
)

if TYPE_CHECKING:
    from ...nets.checkpoint import Model


def find_similar(  # noqa: PLR0913
    image: Any,
    example: Any,
    spacing: Any = None,
    unit: str = "px",
    *,
    model: Path | None = None,
    layer: str = "",
    threshold: Annotated[float, {"min": -1, "max": 1, "step": 0.01}] = 0.6,
    min_diameter: MinDiameter = 0.0,
    background: Background = "subtract",
    folder: Annotated[Path | None, {"mode": "d"}] = None,
    hits: Annotated[int, {"min": 1, "max": 1000, "applies": {"folder": "given"}}] = 36,
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
        meant), regions drawn around it, or a painted mask. Of a stack each is taken of the slice
        that it is in, (z, y, x), or of the first slice if it has none, and looked for in all
        slices; ``facts["example_slices"]``, which the record has, and a note tell which.
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
    min_diameter : float
        Smaller regions are left out: diameter of a circle of the same area, in the unit of the
        pixel size, or in pixels without one. 0: regions of fewer than 20 pixels.
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
    card = loaded.card
    others = doubts.watched(others, card.channels, kept=card.keeps_info_bar)
    search = _Search(spacing, unit, loaded, layer, threshold, min_diameter, background)
    given = image if is_lazy(image) else np.asarray(image)
    colour = given.ndim > 2 and given.shape[-1] in (3, 4)
    axes = 3 if card.depth > 1 or colour else 2
    work = search.in_stack if given.ndim > axes else search.in_plane
    result, feature = yield from work(given, example, axes)
    if not others:
        return result
    found = FolderSearch(loaded, layer, feature, background, hits)
    skipped = yield from through_all(others, found.look)
    shape = given.shape[-3:-1] if colour else given.shape[-2:]
    return replace(
        result,
        layers=(*result.layers, *found.sheet(shape)),
        tables={**result.tables, "hits": found.table},
        notes=(*result.notes, *skipped, *found.notes, *doubts.notes),
    )


@dataclass(frozen=True, eq=False)
class _Search:
    """Choices of a run, and its steps."""

    spacing: Any
    unit: str
    model: Model
    layer: str
    threshold: float
    min_diameter: float
    background: Background

    def in_plane(self, plane: Any, example: Any, axes: int) -> Steps[tuple[Result, np.ndarray]]:
        """Search a plane for what is drawn on it."""
        seen = yield from self._see(plane)
        feature = self._difference(self._features(seen, example))
        return (yield from self._similar(seen, feature)), feature

    def in_stack(self, stack: Any, example: Any, axes: int) -> Steps[tuple[Result, np.ndarray]]:
        """Search all slices for what is drawn, each in its slice."""
        shape = stack.shape[:-axes]
        slices = slices_of(example, shape)
        where = slices or [(0,) * len(shape)]
        parts = []
        for number, index in enumerate(where):
            here = Progress(number, len(where), "example")
            yield here
            seen = yield from as_one_step(self._see(np.asarray(stack[index])), here)
            parts += self._features(seen, at_slice(example, index) if slices else example)
        feature = self._difference(parts)

        def of_slice(plane: np.ndarray) -> Steps[Result]:
            return (yield from self._similar((yield from self._see(plane)), feature))

        result = yield from each_slice(of_slice, stack, axes)
        names = ", ".join(str(list(one))[1:-1] for one in where)
        note = f"the example was taken of slice {names}"
        note += "" if slices else ", the first: give it as (z, y, x) for another"
        facts = {**result.facts, "example_slices": [list(one) for one in where]}
        return replace(result, facts=facts, notes=(note, *result.notes)), feature

    def _see(self, plane: Any) -> Steps[Seen]:
        return see(plane, self.spacing, self.unit, self.model, self.layer)

    def _features(self, seen: Seen, example: Any) -> list[tuple[int, int, np.ndarray]]:
        """Sign and weight of what is drawn on a plane, and its feature above the background."""
        ground = background_of(seen.maps, self.background)
        return [
            (sign, count, feature_of(seen.maps, example_weights(part, seen)) - ground)
            for sign, count, part in by_sign(example, seen)
        ]

    @staticmethod
    def _difference(parts: list[tuple[int, int, np.ndarray]]) -> np.ndarray:
        """Mean feature of what is meant, minus that of what is not."""
        counts = {sign: sum(n for one, n, _ in parts if one == sign) for sign in (1, -1)}
        if not counts[1]:
            raise ValueError(NONE_POSITIVE)
        shares = [np.float32(sign * n / counts[sign]) for sign, n, _ in parts]
        total = np.sum([k * one for k, (*_, one) in zip(shares, parts, strict=True)], axis=0)
        if not np.linalg.norm(total) > 0:
            raise ValueError("the example has no feature in this layer: choose another layer")
        return total

    def _similar(self, seen: Seen, feature: np.ndarray) -> Steps[Result]:
        """Map and regions of a plane."""
        yield Progress(0, 0, "similarity")
        coarse = cosine_map(seen.maps, feature, background_of(seen.maps, self.background))
        fine = to_image(coarse, seen.placement, seen.shape, seen.known)
        size = PixelSize.of(self.spacing, self.unit)
        regions = similar_regions(fine, self.threshold, self.min_diameter, size)
        is_signed = self.background == "subtract"
        shown = ImageLayer(
            fine, style="signed" if is_signed else "heat", name="similarity",
            limits=(-1.0, 1.0) if is_signed else (0.0, 1.0), quantity="cosine similarity",
        )  # fmt: skip
        count = int(np.asarray(regions.data).max())
        facts = {
            **model_facts(seen.tap.model), "layer": seen.tap.name, "cell_px": seen.stride,
            "regions": count,
        }  # fmt: skip
        notes = (
            f"{counted(count, 'region')} {are(count)} as similar as {self.threshold:g}",
            *seen.notes,
        )
        return Result((shown, regions), model=seen.tap.model.identity, facts=facts, notes=notes)
