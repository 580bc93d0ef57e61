"""The newest result alone: what a run hides, how it comes back, and what the next run takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer

from ...core.contrast import COLORMAPS
from ...core.layers.palette import are_classes
from .metadata import METADATA, plane_shape
from .recalibrate import results_of

if TYPE_CHECKING:
    from uuid import UUID

    from napari.viewer import Viewer

KEY = "h"

# results that runs have hidden, of all viewers: what the user hides is not shown again
_hidden_by_runs: set[UUID] = set()

# layers that are hidden, or shown, while a label is marked
_hidden_by_marks: set[UUID] = set()
_shown_by_marks: set[UUID] = set()


def show_alone(
    viewer: Viewer, source: Layer, masks: Sequence[Layer], made: Sequence[Layer]
) -> list[Layer]:
    """Show the result of a run, and hide what lay on its image before.

    Hidden are earlier results of the same image, whichever form made them, and masks that the run
    used. The image, what the result was computed from, layers of other images, and what else the
    user has drawn or opened stay as they are. The image is hidden where the result is a part of it,
    such as one without its info bar: on the image it would change nothing.

    Parameters
    ----------
    source : Layer
        What the result lies on.
    masks : sequence of Layer
        Labels that the run used.
    made : sequence of Layer
        Layers of the result. If none of them is visible, the first is shown.

    Returns
    -------
    list of Layer
        Those that were visible and are hidden now.
    """
    present = [one for one in made if one in viewer.layers]
    if not present:
        return []
    if not any(one.visible for one in present):
        present[0].visible = True
    line = origins(source, viewer.layers)
    # the masks that a mask was made of are results like others
    kept = {one.unique_id for one in line if isinstance(one, Image)}
    kept |= {one.unique_id for one in present}
    earlier = [*results_of(line[-1], viewer), *masks]
    if any(_is_part(one, source) for one in present):
        earlier.append(source)
        kept.discard(source.unique_id)
    hidden = []
    for one in earlier:
        # what a mark has hidden would come back with its end
        is_shown = one.visible or one.unique_id in _hidden_by_marks
        if is_shown and one.unique_id not in kept:
            one.visible = False
            hidden.append(one)
    _hidden_by_runs.update(one.unique_id for one in hidden)
    _hidden_by_runs.difference_update(one.unique_id for one in present)
    changed = [one.unique_id for one in (*hidden, *present)]
    _hidden_by_marks.difference_update(changed)
    _shown_by_marks.difference_update(changed)
    return hidden


class Uncovered:
    """Labels that are shown while one of them is marked, without the results that lie on them.

    Parameters
    ----------
    viewer : Viewer
        Of the layers.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._changed: list[Layer] = []

    def show(self, layer: Layer) -> None:
        """Show labels, and hide the other results of their image."""
        layers = list(self._viewer.layers)
        image = image_for(layer, layers, None)
        line = [*origins(layer, layers), *([] if image is None else origins(image, layers))]
        kept = {one.unique_id for one in line if isinstance(one, Image)} | {layer.unique_id}
        for one in results_of(line[-1], self._viewer):
            if one.visible and one.unique_id not in kept:
                one.visible = False
                _hidden_by_marks.add(one.unique_id)
                self._changed.append(one)
        if not layer.visible:
            layer.visible = True
            _shown_by_marks.add(layer.unique_id)
            self._changed.append(layer)

    def is_covered(self, layer: Layer | None) -> bool:
        """Whether labels are in the viewer, and another run has hidden them."""
        return layer is not None and layer in self._viewer.layers and not layer.visible

    def end(self) -> None:
        """Show and hide them as before, but for what a run has shown or hidden since."""
        for one in self._changed:
            if one.unique_id in _hidden_by_marks:
                one.visible = True
            elif one.unique_id in _shown_by_marks:
                one.visible = False
        changed = [one.unique_id for one in self._changed]
        _hidden_by_marks.difference_update(changed)
        _shown_by_marks.difference_update(changed)
        self._changed = []


def show_again(layers: Iterable[Layer]) -> None:
    """Show layers that a run has hidden, as before the run."""
    for one in layers:
        one.visible = True
        _hidden_by_runs.discard(one.unique_id)


def hide_again(layers: Iterable[Layer]) -> None:
    """Hide layers as a run that is repeated has done."""
    for one in layers:
        one.visible = False
        _hidden_by_runs.add(one.unique_id)


def switch(viewer: Viewer) -> list[Layer]:
    """Show all results that runs have hidden; if they are visible, hide them again.

    Returns
    -------
    list of Layer
        Those whose visibility was changed.
    """
    earlier = [one for one in viewer.layers if one.unique_id in _hidden_by_runs]
    hidden = [one for one in earlier if not one.visible]
    changed = hidden or earlier
    for one in changed:
        one.visible = bool(hidden)
    return changed


def bind_key(viewer: Viewer) -> None:
    """Let a key of the viewer switch, unless the user has given it another meaning."""
    keys = {str(key).lower() for key in viewer.keymap}
    if KEY not in keys:
        viewer.bind_key(KEY, _on_key)


def _on_key(viewer: Viewer) -> None:
    """Show all results that runs have hidden, or the newest alone."""
    switch(viewer)


def origins(layer: Layer, layers: Iterable[Layer]) -> list[Layer]:
    """A layer, the one that it is a result of, and so on: an image that is no result comes last."""
    return _line(layer, {str(one.unique_id): one for one in layers})


def _line(layer: Layer, by_id: Mapping[str, Layer]) -> list[Layer]:
    line = [layer]
    while (parent := by_id.get(_parent(line[-1]))) is not None and parent not in line:
        line.append(parent)
    return line


def image_under(layer: Layer, layers: Iterable[Layer]) -> Layer:
    """The image that a map lies on, such as a heatmap; any other layer is returned itself."""
    return next((one for one in origins(layer, layers) if not _is_map(one)), layer)


def image_for(layer: Layer, layers: Sequence[Layer], chosen: Layer | None) -> Layer | None:
    """The image that a run takes while a layer is selected.

    Parameters
    ----------
    layer : Layer
        The selected one.
    layers : sequence of Layer
        Of the viewer, the topmost last.
    chosen : Layer or None
        What the form has chosen before.

    Returns
    -------
    Layer or None
        The layer, or the image that it was made of or opened with. Of a layer that belongs to no
        image, such as a drawing: the choice before, unless it is hidden; else the topmost visible
        image. Labels are looked for on an image of their size first.
    """
    made_of = [one for one in origins(layer, layers) if isinstance(one, Image)]
    if made_of:
        return image_under(made_of[0], layers)
    images = [one for one in reversed(layers) if isinstance(one, Image)]
    together = [one for one in images if _opened_together(one, layer)]
    if together:
        return together[0]
    fits = isinstance(layer, Labels)
    # the choice before is the first of equals
    images.sort(
        key=lambda one: (
            not one.visible,
            fits and plane_shape(one) != plane_shape(layer),
            one != chosen,
        )
    )
    return image_under(images[0], layers) if images else None


def labels_for(
    layer: Layer, layers: Sequence[Layer], chosen: Layer | None, *, objects: bool
) -> Layer | None:
    """The labels that a run takes while a layer is selected.

    Parameters
    ----------
    layer, layers
        As `image_for`.
    chosen : Layer or None
        What the form has chosen before; kept while no visible labels are of the same image.
    objects : bool
        Prefer objects to classes, where none are visible.

    Returns
    -------
    Layer or None
        The layer, or labels of its image: the newest of those that are visible, else the newest
        result, else the newest.
    """
    if isinstance(layer, Labels):
        return layer
    every = [one for one in layers if isinstance(one, Labels)]
    own = _of_its_image(layer, every, layers)
    is_none_visible = not any(one.visible for one in own)
    if chosen is not None and chosen in own and (chosen.visible or is_none_visible):
        return chosen

    def rank(one: Layer) -> tuple[bool, ...]:
        is_result = METADATA in one.metadata
        return one.visible, objects and is_result and not are_classes(one.features), is_result

    # of equals, the newest
    return max(reversed(own or every), key=rank, default=None)


def map_for(layer: Layer, layers: Sequence[Layer], chosen: Layer | None) -> Layer | None:
    """The map that a run takes while a layer is selected: it, or the newest of its image.

    Of those that are visible first. Where the image has none, any image may be one.
    """
    if isinstance(layer, Image):
        return layer
    maps = _of_its_image(layer, [one for one in layers if _is_map(one)], layers)
    if not maps:
        return image_for(layer, layers, chosen)
    return max(reversed(maps), key=lambda one: bool(one.visible))


def _of_its_image(layer: Layer, some: Sequence[Layer], layers: Sequence[Layer]) -> list[Layer]:
    """Layers that come from the same image as another one: made of it, or opened with it."""
    by_id = {str(one.unique_id): one for one in layers}
    root = _line(layer, by_id)[-1]
    roots = [_line(one, by_id)[-1] for one in some]
    return [
        one for one, its in zip(some, roots, strict=True)
        if its == root or _opened_together(its, root)
    ]  # fmt: skip


def _opened_together(one: Layer, other: Layer) -> bool:
    """Whether two layers are of one sample or file."""
    first, second = one.source, other.source
    if first.sample is not None or second.sample is not None:
        return bool(first.sample == second.sample)
    return first.path is not None and first.path == second.path


def _is_map(layer: Layer) -> bool:
    """Whether a result has colours of its own: a heatmap, or channels as red, green and blue."""
    if METADATA not in layer.metadata or not isinstance(layer, Image):
        return False
    return bool(layer.rgb or layer.colormap.name != COLORMAPS["grey"])


def _is_part(layer: Layer, source: Layer) -> bool:
    """Whether an image shows a part of another one in the same grey levels."""
    if not isinstance(layer, Image) or not isinstance(source, Image) or _is_map(layer):
        return False
    own, whole = (np.diff(one.extent.world[:, -2:], axis=0)[0] for one in (layer, source))
    # the coarse pixels of a level of a pyramid may end before the image does
    pixel = np.maximum(np.abs(layer.scale[-2:]), np.abs(source.scale[-2:]))
    return bool(np.any(own < whole - pixel))


def _parent(layer: Layer) -> str:
    record: Any = layer.metadata.get(METADATA)
    return str(record.get("layer", "")) if isinstance(record, dict) else ""
