"""Classify many images with one network: read ahead on threads, crops of several in a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays.inputs import to_gray
from ...arrays.lazy import tile_workers
from ...core.dataset import Example
from ...core.micrograph import Micrograph
from ...core.pixel_size import nanometres
from ...core.plain import printable
from ...core.progress import Progress, Steps, as_one_step
from ...engine.acquisition.bar_detector import info_bar_of
from ...engine.classification.classify import predict_plane, predicted
from ...engine.classification.crops import (
    is_crop,
    missing_share,
    network_plane,
    open_plane,
    scale_note,
    window_side,
)
from ...engine.classification.windows import NetworkOutput, crops_and_views, of_crops
from ...io.axes import without_singles
from .pool import THREADS, pool
from .queue import each

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

# key of a row: share of the pixels that are missing, where some are
MISSING = "missing"

# batches of a core, or of a GPU, that are gathered before they run
_BATCHES = 2


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image as the network takes it.

    Parameters
    ----------
    plane : array
        Without info bar.
    size : float or None
        Pixel size in nm.
    notes : tuple of str
        Remarks on the image.
    crops : array, optional
        Its crops; None for a micrograph, which is classified window by window.
    views : int
        Views that the network takes of each crop.
    """

    plane: np.ndarray
    size: float | None
    notes: tuple[str, ...]
    crops: np.ndarray | None = None
    views: int = 1


def classified(
    model: Model,
    examples: Sequence[Example],
    *,
    tta: bool,
    coverage: float,
    thresholds: np.ndarray | None,
) -> Steps[list[dict[str, Any]]]:
    """Classify images as `classify` does each of them.

    Returns
    -------
    list of dict
        A row an image: ``name`` and `Prediction.row`, or ``verdict`` and ``problem``; and
        `MISSING`.
    """
    from ...nets.device import at_a_time
    from ...nets.predict import BATCH

    rows: list[dict[str, Any]] = [{"name": one.name, "verdict": ""} for one in examples]
    how: dict[str, Any] = {"tta": tta, "coverage": coverage, "thresholds": thresholds}
    # the cores wait for each other after each such group
    most = _BATCHES * at_a_time(model.device) * BATCH.get(model.device.type, BATCH["cpu"])
    done, together = 0, Together(model)
    with pool(THREADS, tile_workers()) as made:
        for one in each(made, lambda example: prepared(example, model, tta), examples):
            here = Progress(done, len(examples), "images")
            yield here
            if one is None:
                continue
            done += 1
            try:
                image = one.answer()
                if share := missing_share(image.plane):
                    rows[one.number][MISSING] = share
                if image.crops is None:
                    steps = predict_plane(model, image.plane, image.size, image.notes, **how)
                    rows[one.number] |= (yield from as_one_step(steps, here)).row
                else:
                    together.add(one.number, image)
            except (ValueError, OSError) as error:
                rows[one.number]["problem"] = printable(str(error))
            if together.count >= most or done == len(examples):
                for number, output, notes in (yield from as_one_step(together.outputs(), here)):
                    rows[number] |= predicted(model, output, notes, **how).row
    yield Progress(done, len(examples), "images")
    return rows


def prepared(example: Example, model: Model, tta: bool) -> Prepared:
    """Read an image and make what the network takes."""
    card = model.card
    micrograph = example.read()
    image = specimen_of(micrograph, card.channels if card.depth > 1 else (), card.keeps_info_bar)
    plane, notes = network_plane(image, card, "classify")
    size = nanometres(micrograph.spacing, micrograph.unit)
    notes = (*notes, *scale_note(card, size), f"{card.name}: {card.use}")
    shape = plane.shape[-2:]
    if not is_crop(card, shape, window_side(card, shape, size)):
        return Prepared(plane, size, notes)
    return Prepared(plane, size, notes, *crops_and_views(model, plane, size, tta))


class Together:
    """Crops of several images, which the network takes in one batch."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._images: list[tuple[int, Prepared]] = []

    def add(self, number: int, image: Prepared) -> None:
        """Put an image to the others."""
        self._images.append((number, image))

    @property
    def count(self) -> int:
        """Number of views that are waiting."""
        return sum(len(self._crops(image)) * image.views for _, image in self._images)

    @staticmethod
    def _crops(image: Prepared) -> np.ndarray:
        assert image.crops is not None
        return image.crops

    def outputs(self) -> Steps[Iterator[tuple[int, NetworkOutput, tuple[str, ...]]]]:
        """Run the network on all that are waiting: number, output and notes of each image."""
        from ...nets.predict import predict, size_term

        images, self._images = self._images, []
        if not images:
            return iter(())
        crops = np.concatenate([self._crops(image) for _, image in images])
        # the same for all images of a model
        logits, features = yield from predict(
            self.model, lambda a, b: crops[a:b], len(crops), views=images[0][1].views
        )
        found, start = [], 0
        for number, image in images:
            stop = start + len(self._crops(image))
            # the pixel size is a term of the logits, and each image has its own
            own = logits[start:stop] + size_term(self.model, image.size).cpu().numpy()
            output, feature = of_crops(own, features[start:stop])
            found.append((number, NetworkOutput(output, feature[None]), image.notes))
            start = stop
        return iter(found)


def specimen_of(
    micrograph: Micrograph, channels: Sequence[str] = (), keep_info_bar: bool = False
) -> Any:
    """The grey image, or its channels, without the info bar if that is not kept."""
    if channels:
        return open_plane(micrograph, keep_info_bar, channels)[0]
    grey, _ = to_gray(micrograph.data)
    # a single slice of a stack is an image
    grey = without_singles(grey)
    if keep_info_bar:
        return grey
    return grey[(..., *info_bar_of(micrograph).specimen(*grey.shape[-2:]))]
