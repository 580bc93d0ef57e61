"""Common patterns of a folder of images: what the channels and classes of a network look for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...core.dataset import Dataset, Example
from ...core.layers import ImageLayer
from ...core.progress import Progress, Steps, as_one_step
from ...engine.acquisition.info_bar import Doubts
from ...engine.classification.crops import resized_crops
from ...engine.classification.windows import Device, model_facts
from ...engine.lens.cells import ROW, SeenFile, open_model, see_file, through_all
from ...engine.lens.patches import cut_patch, peaks
from ...engine.lens.patterns import (
    TOP,
    CropsOfClasses,
    Patterns,
    class_table,
    first_kernels,
    maximise_channels,
    maximise_classes,
    pattern_sheet,
)
from ...engine.lens.ranking import cells_of, flat_cells, rank_channels

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

# images, and cells of each, by which the channels are ranked
_RANKED_IMAGES, _RANKED_CELLS = 12, 512

# patches of one image at most, so that one image does not fill a channel
_OF_ONE = 3

# weight of the surroundings in the order of patches
_TIE = 1e-3

_COLUMNS = ("channel", "place", "activation", *ROW)


def common_patterns(
    folder: Path | Dataset,
    *,
    model: Path | None = None,
    layer: str = "",
    channels: Annotated[int, {"min": 1, "max": 64}] = 12,
    rank_by: Literal["variance", "sparsity"] = "variance",
    iterations: Annotated[int, {"min": 0, "max": 1000}] = 48,
    seed: Annotated[int, {"min": 0, "max": 100_000}] = 0,
    device: Device = "auto",
) -> Steps[Patterns]:
    """Collect the common patterns of a folder: what each channel and each class looks for.

    Patches that excite a channel most, an input made to excite it (Olah et al., Distill 2017;
    Mordvintsev et al., Distill 2018), and for a classifier what each class looks like: the crops
    with its highest probability, their mean, an input made for it, the channels that it uses.

    Parameters
    ----------
    folder : Path or Dataset
        Its images, also those in folders within it; or a data set, whose labels then count as the
        classes.
    model : Path
        Model file (.safetensors); the shipped model by default.
    layer : str
        Name of a layer; if empty the last maps of a classifier, or the code of an autoencoder.
    channels : int
        Number of channels; those of the highest rank over the folder, without dead and duplicate
        ones.
    rank_by : {'variance', 'sparsity'}
        Order of the channels, over a sample of 12 images.
    iterations : int
        Steps of gradient ascent for the inputs that are made; 0 makes none.
    seed : int
        Seed of the inputs that are made by gradient ascent.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Patterns
        The sheet as an image: a row for each channel, its made input first and then its nine
        patches, of at most three from one image; the table ``patches`` with file, position and
        score. A patch has the side of the effective receptive field. ``classes``, ``maximised``
        and ``kernels`` hold the pictures of the page that `write_patterns` writes.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, no image in it can be read, or the model has no such layer.
    RuntimeError
        If memory is full.
    """
    import pandas as pd

    from ...nets.lens.tap import Tap

    examples = _examples(folder)
    loaded = yield from open_model(model, device)
    doubts = Doubts()
    # those of a data set are watched already
    kept = loaded.card.keeps_info_bar or isinstance(folder, Dataset)
    examples = doubts.watched(examples, loaded.card.channels, kept=kept)
    tap = Tap(loaded, layer)
    seen_px = tap.seen_px()
    order, ranks, note = yield from _rank(examples, loaded, layer, rank_by)
    chosen = [int(k) for k in order[:channels]]
    collected = _Collected(loaded, layer, chosen, seen_px)
    skipped = yield from through_all(examples, collected.look)
    maximised = yield from maximise_channels(tap, chosen, iterations, seed)
    classes = {}
    if collected.classes is not None:
        made = yield from maximise_classes(loaded, iterations, seed)
        classes = yield from collected.classes.patterns(made)
    patches = {k: np.stack([one for _, one in rows]) for k, rows in collected.top.items()}
    picture = pattern_sheet(patches, maximised)
    rows = [
        {"channel": k, "place": place, **row}
        for k, found in collected.top.items()
        for place, (row, _) in enumerate(found, start=1)
    ]
    tables = {"patches": pd.DataFrame(rows, columns=list(_COLUMNS)), "channels": ranks}
    tables |= {"classes": class_table(classes)} if classes else {}
    facts = {
        **model_facts(loaded), "layer": tap.name, "images": len(examples) - len(skipped),
        "seen_px": seen_px,
    }  # fmt: skip
    sheet = ImageLayer(picture, name="patterns", limits=(0.0, 255.0))
    return Patterns(
        (sheet,), tables, model=loaded.identity, facts=facts,
        notes=(note, *skipped, *collected.notes, *doubts.notes), patches=patches,
        maximised=maximised, kernels=first_kernels(loaded), classes=classes,
    )  # fmt: skip


def _examples(folder: Path | Dataset) -> list[Example]:
    from ...io.datasets import unlabelled

    return list(folder.examples) if isinstance(folder, Dataset) else unlabelled(folder)


def _rank(
    examples: list[Example], model: Model, layer: str, by: Literal["variance", "sparsity"]
) -> Steps[tuple[np.ndarray, Any, str]]:
    """Rank the channels by a sample of cells of a sample of images."""
    places = np.linspace(0, len(examples) - 1, min(_RANKED_IMAGES, len(examples)))
    parts, first = [], None
    for done, place in enumerate(places.round().astype(int)):
        here = Progress(done, len(places), "channels")
        yield here
        try:
            one = yield from as_one_step(see_file(examples[place], model, layer), here)
        except (ValueError, OSError) as error:
            first = first or error
            continue
        flat = flat_cells(one.seen.maps)
        some = np.linspace(0, flat.shape[1] - 1, min(_RANKED_CELLS, flat.shape[1]))
        parts.append(flat[:, np.unique(some.round().astype(int))])
    if not parts:
        assert first is not None
        raise first
    ranked = rank_channels(cells_of(np.concatenate(parts, axis=1)[:, None]), by)
    return ranked.order, ranked.table, ranked.notes[0]


class _Collected:
    """Patches of the chosen channels, and crops of the classes, over many images."""

    def __init__(self, model: Model, layer: str, channels: list[int], seen_px: int) -> None:
        self.model, self.layer, self.seen_px = model, layer, seen_px
        self.top: dict[int, list[tuple[dict[str, Any], np.ndarray]]] = {k: [] for k in channels}
        self.notes: tuple[str, ...] = ()
        is_classifier = model.design.explainable is not None and model.card.depth == 1
        self.classes = CropsOfClasses(model) if is_classifier else None

    def look(self, example: Example) -> Steps[None]:
        """Look at one image."""
        one = yield from see_file(example, self.model, self.layer)
        self.notes += one.gap_note
        # receptive field in pixels of this image
        scale = self.seen_px * one.seen.stride / self._stride
        apart = max(1, round(scale / one.seen.stride / 2))
        for channel, kept in self.top.items():
            kept += self._patches(one, channel, scale, apart)
            kept.sort(key=lambda found: -found[0]["order"])
            del kept[TOP:]
        if self.classes is not None:
            # its grey levels are stretched already
            scope = self.model.card.normalisation.model_copy(update={"limits": [0.0, 1.0]})
            card = self.model.card.model_copy(update={"normalisation": scope})
            crops = resized_crops(one.with_gaps, card, one.size_nm)
            yield from self.classes.add(example.name, example.label, crops)

    def _patches(
        self, one: SeenFile, channel: int, side: float, apart: int
    ) -> list[tuple[dict[str, Any], np.ndarray]]:
        from scipy.ndimage import uniform_filter

        kept, coarse = self.top[channel], one.seen.maps[channel]
        # many cells of a saturated activation (ReLU6) are equal: those in active surroundings first
        around = uniform_filter(np.where(np.isnan(coarse), np.nanmean(coarse), coarse), 3)
        ordered = coarse + _TIE * around
        least = kept[-1][0]["order"] if len(kept) == TOP else -np.inf
        return [
            (
                {
                    "activation": float(coarse[row, column]),
                    "order": height,
                    **one.row((row, column), side),
                },
                cut_patch(one.shown, one.centre((row, column)), side),
            )
            for row, column, height in peaks(ordered, _OF_ONE, apart)
            if height > least
        ]

    @property
    def _stride(self) -> int:
        from ...nets.lens.tap import Tap

        return Tap(self.model, self.layer).geometry().stride
