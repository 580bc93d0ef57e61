"""Prepare labelled images for training: grey, stretched, cut into crops of one size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...arrays.inputs import stretch
from ...core.plain import reason_of
from ...core.progress import Progress, Steps
from ...core.units import counted
from ..acquisition.bar_detector import info_bar_of
from ..classification.crops import in_range_of, mostly_missing, open_plane, resized_crops, thumbnail
from ..screening.duplicates import SIDE
from ..screening.properties import ImageProperties, properties_of

if TYPE_CHECKING:
    import pandas as pd

    from ...core.dataset import Dataset, Example
    from ...nets.card import NetworkInput
    from ...nets.models.base import Architecture
    from ...nets.training.recipe import TrainingRecipe

# images of about one size, and not larger than this, are crops of single objects
_CROP_PX = 256

_LARGEST_BYTES, _KEPT_BYTES = 6 << 30, 1 << 30


@dataclass(frozen=True)
class PreparedDataset:
    """The crops of all images that could be read.

    Parameters
    ----------
    crops : (n crops, side, side) float16 array
        Input of the network before its normalisation, 0 to 1; (n crops, C, side, side) of images of
        several channels.
    image_index : (n crops,) int array
        Image that each crop is of.
    targets, groups : (n,) arrays
        Class index and group of each image.
    log_sizes : (n,) array, optional
        Logarithm (base 10) of the pixel size minus its mean, if the network takes it.
    thumbnails : (n, 48, 48) uint8 array
        Small pictures.
    classes : tuple of str
        In the order of the outputs.
    table, skipped : DataFrame
        ``name``, ``label``, ``group`` of each image; ``name``, ``reason`` of those left out.
    network_input : NetworkInput
        What of an image the network takes; part of the model card.
    digest : str
        SHA-256 of names, classes, groups and pixels; of regions, also of the grey ranges of their
        images.
    notes : tuple of str
        Messages for the user.
    parts : (n,) array of str, optional
        ``"train"``, ``"validation"`` or ``"test"`` where the data set is divided already, or
        ``"cross-validated"``.
    pixels : tuple of bytes
        SHA-256 of the pixels of each image.
    properties : tuple of ImageProperties
        Size and file of each image.
    pictures : (n, 96, 96) uint8 array
        Pictures to find near-duplicates with.
    """

    crops: np.ndarray
    image_index: np.ndarray
    targets: np.ndarray
    groups: np.ndarray
    log_sizes: np.ndarray | None
    thumbnails: np.ndarray
    classes: tuple[str, ...]
    table: pd.DataFrame
    skipped: pd.DataFrame
    network_input: NetworkInput
    digest: str
    notes: tuple[str, ...]
    parts: np.ndarray | None = None
    pixels: tuple[bytes, ...] = ()
    properties: tuple[ImageProperties, ...] = ()
    pictures: np.ndarray = field(default_factory=lambda: np.zeros((0, SIDE, SIDE), np.uint8))

    def mean_by_image(self, values: np.ndarray) -> np.ndarray:
        """Mean over the crops of each image: (n crops, ...) → (n, ...)."""
        sums = np.zeros((len(self.targets), *values.shape[1:]))
        np.add.at(sums, self.image_index, values)
        return sums / np.bincount(self.image_index).reshape(-1, *[1] * (values.ndim - 1))

    def crops_of(self, images: np.ndarray) -> np.ndarray:
        """Indices of the crops of some images."""
        return np.flatnonzero(np.isin(self.image_index, images))

    def classes_of_one_group(self, images: np.ndarray) -> list[str]:
        """Names of the classes of which some images are of a single group."""
        targets, groups = self.targets[images], self.groups[images].astype(str)
        return [
            self.classes[k] for k in np.unique(targets) if len(np.unique(groups[targets == k])) < 2
        ]


def prepare(
    data: Dataset,
    architecture: Architecture,
    recipe: TrainingRecipe,
    *,
    kept_bytes: int = _KEPT_BYTES,
) -> Steps[PreparedDataset]:
    """Read all images and cut their crops.

    Parameters
    ----------
    data : Dataset
        Labelled images; files that cannot be read are skipped and listed.
    architecture : Architecture
        Architecture of the network.
    recipe : TrainingRecipe
        Window, input size, info bar and use of the pixel size.
    kept_bytes : int
        Size of the images that are kept in memory; the others are read twice.

    Raises
    ------
    ValueError
        If fewer than two classes are left, no image has the pixel size that is asked for, or
        the crops would not fit into memory.
    """
    import pandas as pd

    images = yield from _read_all(data, recipe, kept_bytes)
    read, skipped = images.read, images.skipped
    classes = tuple(sorted({one.example.label for one in read}))
    if len(classes) < 2:
        new = [*skipped[len(data.skipped) :], *skipped]
        reason = f"; {new[0][0]}: {new[0][1]}" if new else ""
        raise ValueError(
            f"{data.name}: images of two classes are needed, {len(read)} could be used{reason}"
        )
    network_input = _network_input(architecture, [one.shape for one in read], recipe)
    network_input.info_bar = "keep" if recipe.keep_info_bar else "leave out"
    if data.channels:
        network_input.channels = list(data.channels)
    ranges: dict[Any, NetworkInput] = {}
    crops, image_index, thumbnails, pictures = yield from _make_crops(read, network_input, ranges)
    log_sizes = _add_pixel_sizes(network_input, read, recipe.use_pixel_size)
    notes: tuple[str, ...] = (*data.notes, _window_note(network_input))
    if skipped:
        count = len(data.examples) + len(data.skipped)
        verb = "was" if len(skipped) == 1 else "were"
        notes = (*notes, f"{len(skipped)} of {counted(count, 'file')} {verb} skipped")
    rows = [(one.example.name, one.example.label, one.example.group) for one in read]
    has_parts = data.is_divided or data.is_cross_validated
    return PreparedDataset(
        crops,
        image_index,
        np.array([classes.index(label) for _, label, _ in rows]),
        np.array([group for *_, group in rows], dtype=object),
        log_sizes,
        thumbnails,
        classes,
        pd.DataFrame(rows, columns=["name", "label", "group"]),
        pd.DataFrame(skipped, columns=["name", "reason"]),
        network_input,
        _digest(images.digest, ranges),
        notes,
        np.array([one.example.part for one in read]) if has_parts else None,
        tuple(images.pixels),
        tuple(one.properties for one in read),
        pictures,
    )


class _ReadImage(NamedTuple):
    """A labelled image that was read; its plane is kept while there is room."""

    example: Example
    shape: tuple[int, ...]
    size_nm: float | None
    plane: np.ndarray | None
    properties: ImageProperties


@dataclass
class _ReadImages:
    read: list[_ReadImage] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    digest: str = ""
    pixels: list[bytes] = field(default_factory=list)


def _read_all(data: Dataset, recipe: TrainingRecipe, kept_bytes: int) -> Steps[_ReadImages]:
    images = _ReadImages(skipped=[(name, reason) for name, reason in data.skipped])
    digest, held = hashlib.sha256(), 0
    for number, example in enumerate(data.examples):
        yield Progress(number, len(data.examples), "reading images")
        try:
            micrograph = example.read()
            plane, size = open_plane(micrograph, recipe.keep_info_bar, data.channels)
        except (ValueError, OSError) as error:
            images.skipped.append((example.name, reason_of(error, example.path)))
            continue
        if gaps := mostly_missing(plane):
            images.skipped.append((example.name, gaps))
            continue
        if recipe.window_unit == "nm" and size is None:
            images.skipped.append((example.name, "no pixel size, which a window in nm needs"))
            continue
        digest.update(f"{example.name}\0{example.label}\0{example.group}\0".encode())
        digest.update(f"{plane.shape}{plane.dtype.str}".encode())
        pixels = np.ascontiguousarray(plane).tobytes()
        digest.update(pixels)
        images.pixels.append(hashlib.sha256(pixels).digest())
        held += plane.nbytes
        # thousands of large images do not fit into memory: the later ones are read again
        kept = plane if held <= kept_bytes else None
        about = properties_of(micrograph, plane.shape[-2:], size, example.path)
        if recipe.keep_info_bar:
            about = about._replace(has_bar=bool(info_bar_of(micrograph)))
        images.read.append(_ReadImage(example, plane.shape[-2:], size, kept, about))
    images.digest = digest.hexdigest()
    return images


def _digest(pixels: str, ranges: dict[Any, NetworkInput]) -> str:
    """Digest of the images, and of the grey ranges of those that some are regions of."""
    limits = [one.normalisation.limits for one in ranges.values()]
    return hashlib.sha256(f"{pixels} {limits}".encode()).hexdigest() if limits else pixels


def _network_input(
    architecture: Architecture, shapes: list[tuple[int, ...]], recipe: TrainingRecipe
) -> NetworkInput:
    """Decide on the window and the size of the input, from the sizes of the images."""
    from ...nets.card import NetworkInput, Normalisation, View

    short = np.array([min(shape) for shape in shapes])
    longest = max(max(shape) for shape in shapes)
    window, median = recipe.window, int(np.median(short))
    if window > 0 and recipe.window_unit == "nm":
        view, side = View(kind="physical", window_nm=float(window)), 0
    elif window > 0:
        view, side = View(kind="window"), max(8, round(window))
    elif longest <= _CROP_PX and longest <= 1.5 * short.min():
        view, side = View(kind="window"), max(8, median)
    else:
        view, side = View(kind="whole", fraction=1.0), max(8, median)
    input_px = recipe.input_px
    if input_px <= 0:
        input_px = architecture.input_px
        if architecture.any_size and side:
            # enlarging to more than twice the pixels adds no detail
            input_px = int(np.clip(round(2 * side / 32) * 32, 96, architecture.input_px))
    return NetworkInput(
        input_px=int(input_px),
        window_px=int(side or architecture.input_px),
        view=view,
        normalisation=Normalisation(
            kind="percentile", low=0.5, high=99.5, scope="image",
            mean=architecture.mean, std=architecture.std,
        ),
    )  # fmt: skip


def _add_pixel_sizes(
    network_input: NetworkInput, read: list[_ReadImage], use_pixel_size: bool
) -> np.ndarray | None:
    """Put the range of pixel sizes on the card and, if the network takes them, their mean."""
    from ...nets.card import PixelSizeInput

    sizes = np.array([np.nan if one.size_nm is None else one.size_nm for one in read])
    known = np.isfinite(sizes)
    if known.sum() * 2 > len(sizes):
        network_input.pixel_size_nm = [float(np.nanmin(sizes)), float(np.nanmax(sizes))]
    if not use_pixel_size:
        return None
    if not known.any():
        raise ValueError("no image has a pixel size that the network could use")
    logs = np.log10(np.where(known, sizes, 1.0))
    mean = float(logs[known].mean())
    network_input.pixel_size_input = PixelSizeInput(log10_mean=mean)
    # an unknown size counts as the mean
    return np.where(known, logs - mean, 0.0)


def _window_note(network_input: NetworkInput) -> str:
    view = network_input.view
    if view.kind == "whole":
        return "the network takes whole images"
    if view.kind == "physical":
        return f"the network takes windows of {view.window_nm:g} nm"
    return f"the network takes windows of {network_input.window_px} px"


def _make_crops(
    read: list[_ReadImage], network_input: NetworkInput, ranges: dict[Any, NetworkInput]
) -> Steps[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Crops of all images, the image of each crop, a thumbnail and a picture of each image."""
    crops, image_index, thumbnails, pictures, levels = [], [], [], [], []
    side, total = network_input.input_px, 0
    for number, one in enumerate(read):
        yield Progress(number, len(read), "preparing images")
        plane = one.plane
        if plane is None:
            plane = open_plane(
                one.example.read(), network_input.keeps_info_bar, network_input.channels
            )[0]
        mine = resized_crops(plane, in_range_of(one.example, network_input, ranges), one.size_nm)
        total += mine.nbytes
        if total > _LARGEST_BYTES:
            raise ValueError(
                f"the crops need more than {_LARGEST_BYTES >> 30} GiB at {side} px; choose a "
                "smaller input, a larger window or fewer images"
            )
        crops.append(mine)
        image_index += [number] * len(mine)
        thumbnails.append(thumbnail(plane))
        pictures.append(thumbnail(plane, SIDE))
        if network_input.depth > 1:
            levels.append([stretch(channel)[1] for channel in plane])
    found = np.concatenate(crops)
    if levels:
        network_input.channel_statistics = _statistics(network_input.channels, levels, found)
    return found, np.array(image_index), np.stack(thumbnails), np.stack(pictures)


def _statistics(
    channels: list[str], levels: list[list[tuple[float, float]]], crops: np.ndarray
) -> dict[str, dict[str, float]]:
    """Grey levels of each channel, for the model card."""
    limits = np.median(np.array(levels), axis=0)
    found = {}
    for number, name in enumerate(channels):
        mine = crops[:, number].astype(np.float32)
        values = (*limits[number], mine.mean(), mine.std())
        names = ("low", "high", "mean", "std")
        found[name] = {key: float(f"{value:.6g}") for key, value in zip(names, values, strict=True)}
    return found
