"""Crops of many images through one network: read ahead on threads, those of several in a batch.

Numbers are those of `classify`. An image that is no crop, and one with a fault, goes the way of
every operation, alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays.inputs import to_gray
from ...core.memory import in_words
from ...core.micrograph import InfoBar
from ...core.pixel_size import nanometres
from ...core.plain import printable
from ...core.progress import Progress, Steps
from ...core.settings.borrowed import given_back
from ...engine.acquisition.bar_detector import info_bar_of
from ...engine.classification.classify import predicted
from ...engine.classification.crops import is_crop, network_plane, scale_note, window_side
from ...engine.classification.decision import thresholds_of
from ...engine.classification.windows import NetworkOutput, crops_and_views, of_crops
from ...io.read import read
from ..choices import ignored
from ..files.run_on_file import FileJob
from ..run import KEPT
from ..save import NOTHING
from .images import Image
from .job import channels_of, choices_of
from .pool import THREADS, Pool
from .queue import each
from .work import EXPECTED, Report, report_of

if TYPE_CHECKING:
    from ...nets.checkpoint import Model

# batches of a core, or of a GPU, that are gathered before they run
_BATCHES = 2


def is_for_crops(job: FileJob, scheduler: Any) -> bool:
    """Whether a batch can give crops of several images to the network together.

    That is one which classifies grey images on threads, and writes tables alone.
    """
    is_classified = job.name == "classify" and job.record is None
    return (
        is_classified and job.formats == NOTHING and scheduler == THREADS and not channels_of(job)
    )


@dataclass(frozen=True, eq=False)
class Prepared:
    """A crop as the network takes it.

    Parameters
    ----------
    size : float or None
        Pixel size in nm.
    notes : tuple of str
        Remarks on the image.
    crops : array
        What the network takes, several views of it.
    views : int
        Views that the network takes of each crop.
    scale : tuple
        Pixel size and its unit.
    seconds : float
        That reading it took.
    """

    size: float | None
    notes: tuple[str, ...]
    crops: np.ndarray
    views: int = 1
    scale: tuple[Any, str] = (None, "px")
    seconds: float = 0.0


def reports(
    job: FileJob, images: Sequence[Image], made: Pool, alone: Callable[[Image], Report]
) -> Iterator[tuple[int, Report] | Progress | None]:
    """Classify images as `classify` does each of them.

    Parameters
    ----------
    job : FileJob
        With `is_for_crops`.
    images : sequence of Image
        The images.
    made : Pool
        Threads that read.
    alone : callable
        What is done with an image that does not go with others: see `work`.

    Yields
    ------
    (int, Report), Progress or None
        Number of an image and what became of it; others in between.

    Raises
    ------
    RuntimeError
        If memory is full.
    """
    from ...nets import checkpoint
    from ...nets import device as devices
    from ...nets.device import at_a_time
    from ...nets.predict import BATCH

    chosen = choices_of(job)
    yield None
    device = devices.choose(chosen["device"])
    model = checkpoint.load_model(chosen["model"], device, shared=True)

    ready = _Reader(job, model, alone)
    together = Together(job, model)
    # the cores wait for each other after each such group
    most = _BATCHES * at_a_time(device) * BATCH.get(device.type, BATCH["cpu"])
    for one in each(made, ready, images):
        if one is None:
            yield None
            continue
        found = one.answer()
        if isinstance(found, Prepared):
            together.add(one.number, found)
        else:
            yield one.number, found
        if together.count >= most:
            yield from (yield from together.outputs())
    yield from (yield from together.outputs())


class _Reader:
    """Make what the network takes of an image, on a thread; what is no crop is done there."""

    def __init__(self, job: FileJob, model: Model, alone: Callable[[Image], Report]) -> None:
        self.job, self.model, self.alone = job, model, alone
        self._is_recorded, self._one_at_a_time = False, threading.Lock()

    def __call__(self, image: Image) -> Prepared | Report:
        if not self._is_recorded:
            # the record of the batch is that of an image which went alone
            with self._one_at_a_time:
                if not self._is_recorded:
                    found = self.alone(image)
                    self._is_recorded = bool(found.record)
                    return found
        crop = None
        # a fault is met again there, and said
        with suppress(*EXPECTED):
            crop = prepared(self.job, image, self.model)
        if crop is not None:
            return crop
        # crops of others are on the GPU as well
        is_shared = self.model.device.type != "cpu"
        with self._one_at_a_time if is_shared else nullcontext():
            return self.alone(image)


def prepared(job: FileJob, image: Image, model: Model) -> Prepared | None:
    """Read a crop and make what the network takes; None if the image is none."""
    start, card = time.perf_counter(), model.card
    micrograph = read(image.path)
    keeps = card.keeps_info_bar and not job.keep_info_bar
    bar = InfoBar() if job.keep_info_bar or keeps else info_bar_of(micrograph)
    grey, colour = to_gray(micrograph.data)
    if grey.ndim != 2:
        return None
    plane, notes = network_plane(grey[bar.specimen(*grey.shape)], card, "classify")
    scale = (job.spacing, job.unit) if job.spacing else (micrograph.spacing, micrograph.unit)
    size = nanometres(*scale)
    if not is_crop(card, plane.shape, window_side(card, plane.shape, size)):
        return None
    notes = (*colour, *notes, *scale_note(card, size), f"{card.name}: {card.use}")
    of_image = (KEPT,) if keeps else (bar.doubt,) if bar.doubt else ()
    notes = (*micrograph.notes, *notes, *ignored(job.name, job.parameters, ["image"]), *of_image)
    crops, views = crops_and_views(model, plane, size, choices_of(job)["tta"])
    return Prepared(size, notes, crops, views, scale, time.perf_counter() - start)


class Together:
    """Crops of several images, which the network takes in one batch."""

    def __init__(self, job: FileJob, model: Model) -> None:
        chosen = choices_of(job)
        limits = thresholds_of(model.card, chosen["decision"], chosen["thresholds"])
        self.model = model
        self._how: dict[str, Any] = {
            "tta": chosen["tta"], "coverage": chosen["coverage"], "thresholds": limits,
        }  # fmt: skip
        self._images: list[tuple[int, Prepared]] = []

    def add(self, number: int, image: Prepared) -> None:
        """Put an image to the others."""
        self._images.append((number, image))

    @property
    def count(self) -> int:
        """Number of views that are waiting."""
        return sum(len(image.crops) * image.views for _, image in self._images)

    def outputs(self) -> Steps[list[tuple[int, Report]]]:
        """Run the network on all that are waiting: number of each image and its report."""
        from ...nets.predict import predict, size_term

        images, self._images = self._images, []
        if not images:
            return []
        start = time.perf_counter()
        crops = np.concatenate([image.crops for _, image in images])
        with in_words(), given_back():
            # the same for all images of a model
            logits, features = yield from predict(
                self.model, lambda a, b: crops[a:b], len(crops), views=images[0][1].views
            )
        seconds = (time.perf_counter() - start) / len(images)
        found, begin = [], 0
        for number, image in images:
            end = begin + len(image.crops)
            # the pixel size is a term of the logits, and each image has its own
            own = logits[begin:end] + size_term(self.model, image.size).cpu().numpy()
            output, feature = of_crops(own, features[begin:end])
            report = self._report(image, NetworkOutput(output, feature[None]))
            found.append((number, replace(report, seconds=round(image.seconds + seconds, 4))))
            begin = end
        return found

    def _report(self, image: Prepared, output: NetworkOutput) -> Report:
        try:
            prediction = predicted(self.model, output, image.notes, **self._how)
        except EXPECTED as error:
            return Report(printable(str(error)))
        return report_of(prediction, prediction.notes, *image.scale)
