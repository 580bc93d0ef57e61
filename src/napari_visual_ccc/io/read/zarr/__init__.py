"""Zarr and OME-Zarr."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ....core.files import stem
from ....core.micrograph import Micrograph
from ...axes import name_of, order_of
from ...header import KEY, restore
from ..checks import UnreadableFileError, is_large
from ..lazy import from_file, whole_tiles
from ..npy import REAL, check_real
from ..pixel_size import axis, combined_claim, number, plain, resolve_pixel_size
from ..slices.order import natural
from . import store

SUFFIXES = FOLDERS = (".zarr",)

# levels of groups in groups that are looked into
_DEEPEST = 4

# chunks that are read one by one
_MANY, _TINY_BYTES = 1_000_000, 4096


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr store."""
    return any((path / name).is_file() for name in ("zarr.json", ".zarray", ".zgroup"))


def read(path: Path) -> list[Micrograph]:
    """Read a Zarr array, an OME-Zarr image with its levels, or all images of a group; lazily."""
    import zarr

    root = zarr.open(store.kind()(path), mode="r")
    if isinstance(root, zarr.Array):
        check_real(root.ndim, root.dtype)
        return [_zarr_image(path, [root], stem(path), {})]
    found = list(_groups(path, root, stem(path)))
    if not found:
        raise UnreadableFileError("is a Zarr group without an array of two or more axes")
    return found


def declared(path: Path) -> int:
    """Numbers of the largest array of a store, also of one in groups within it."""
    import zarr

    def largest(one: Any, depth: int = 0) -> int:
        if isinstance(one, zarr.Array):
            return int(one.size)
        inner = one.members() if depth < _DEEPEST else ()
        return max((largest(member, depth + 1) for _, member in inner), default=0)

    return largest(zarr.open(store.kind()(path), mode="r"))


def is_plain(path: Path) -> bool:
    """Whether a store has the suffix of Zarr, and only arrays without metadata."""
    import zarr

    if path.suffix.lower() not in SUFFIXES:
        return False
    root = zarr.open(store.kind()(path), mode="r")
    described = isinstance(root, zarr.Group) and (
        _multiscales(root) or len(list(root.groups())) > 0
    )
    return not described


def _multiscales(group: Any) -> Any:
    attributes = dict(group.attrs)
    described = attributes.get("ome", attributes)
    scales = described.get("multiscales") if isinstance(described, Mapping) else None
    return scales if isinstance(scales, list) and scales else None


def _groups(path: Path, group: Any, name: str, depth: int = 0) -> Any:
    import zarr

    scales = _multiscales(group)
    if scales:
        for number_, one in enumerate(scales):
            arrays = [group[str(level["path"])] for level in one["datasets"]]
            title = name if len(scales) == 1 else f"{name} {number_ + 1}"
            image = restore(_zarr_image(path, arrays, title, one), dict(group.attrs).get(KEY))
            yield replace(image, notes=(*image.notes, *_labels_in(path, group)))
    elif depth < _DEEPEST:
        members = sorted([*group.groups(), *group.arrays()], key=lambda pair: natural(pair[0]))
        images = [
            (key, one) for key, one in members
            if isinstance(one, zarr.Group) or (one.ndim >= 2 and one.dtype.kind in REAL)
        ]  # fmt: skip
        for key, one in images:
            title = name if len(images) == 1 else f"{name} {key}"
            if isinstance(one, zarr.Group):
                yield from _groups(path, one, title, depth + 1)
            else:
                yield _zarr_image(path, [one], title, {})


def _labels_in(path: Path, group: Any) -> tuple[str, ...]:
    """Name the label maps that lie within an image of OME-Zarr."""
    if "labels" not in group:
        return ()
    attributes = dict(group["labels"].attrs)
    names = attributes.get("ome", attributes).get("labels") or ()
    places = ", ".join(f"{path.name}/{group['labels'].path}/{name}" for name in names)
    return (f"it has label maps: open {places}",) if names else ()


def _zarr_image(
    path: Path, arrays: Sequence[Any], name: str, described: Mapping[str, Any]
) -> Micrograph:
    levels = [from_file(one, path, f"{one.path} {one.name}", _zarr_chunks(one)) for one in arrays]
    names, units = _zarr_axes(described, arrays[0])
    order = order_of(arrays[0].shape, names)
    levels = [order.apply(one) for one in levels]
    data, planar = levels[0], 3 if order.is_colour else 2
    is_named = len(names) == len(arrays[0].shape) and {"y", "x"} <= {name_of(one) for one in names}
    scale, shift = _zarr_place(described, len(arrays[0].shape))
    steps, shifts, units = (order.of(one) if one else [] for one in (scale, shift, units))
    claims = []
    if is_named and steps:
        rows = slice(data.ndim - planar, data.ndim - planar + 2)
        claims = [combined_claim("OME-Zarr", steps[rows], units[rows])]
    spacing, unit, source, notes = resolve_pixel_size(claims)
    found = [
        axis(one, step, unit_)
        for one, step, unit_ in zip(order.leading, steps or [1.0] * data.ndim, units, strict=False)
    ]
    leading = tuple(one for one, _ in found)
    notes = (*notes, *(note for _, more in found for note in more))
    notes = (*notes, order.note) if order.note else notes
    if not described and not is_large(data.nbytes):
        data = np.asarray(data)
    metadata = {
        "facts": {},
        "original": plain({"multiscales": dict(described)} if described else {}),
    }
    if claims and any(shifts) and all(scale):
        # as the size of a pixel: in one unit, or in pixels
        sizes = (*(one.step for one in leading), *(spacing or (1.0, 1.0)))
        place = [p / step * size for p, step, size in zip(shifts, steps, sizes, strict=False)]
        metadata["origin"] = place if any(place[:-2]) else place[-2:]
    return Micrograph(
        data, spacing, unit, name, path, metadata, leading if is_named or order.leading else (),
        None, tuple(levels[1:]), notes, source,
    )  # fmt: skip


def _zarr_chunks(array: Any) -> tuple[int, ...]:
    """Its own chunks, joined in rows and columns where they are small: each is a task of dask."""
    if array.nchunks > _MANY and math.prod(array.chunks) * array.dtype.itemsize < _TINY_BYTES:
        raise UnreadableFileError(
            f"is cut into {array.nchunks:,} tiny chunks, which takes hours to read; save it with "
            "larger ones"
        )
    joined = map(whole_tiles, array.shape[-2:], array.chunks[-2:])
    chunks = (*array.chunks[:-2], *joined)
    store.check_pieces(array, math.prod(chunks))
    return chunks


def _zarr_axes(described: Mapping[str, Any], array: Any) -> tuple[list[str], list[str]]:
    axes = described.get("axes")
    if not isinstance(axes, list):
        named = getattr(getattr(array, "metadata", None), "dimension_names", None) or ()
        # xarray keeps them so in version 2
        named = named or array.attrs.get("_ARRAY_DIMENSIONS") or ()
        return [name_of(one) for one in named], [""] * len(named)
    # the names of version 0.3 are texts, not dictionaries
    parts = [one if isinstance(one, Mapping) else {"name": one} for one in axes]
    names = [name_of(one.get("name")) for one in parts]
    return names, [str(one.get("unit") or "") for one in parts]


def _zarr_place(described: Mapping[str, Any], ndim: int) -> tuple[list[float], list[float]]:
    """Steps of the axes, and where the first pixel is centred: of the finest level in the whole."""
    scale, shift = np.ones(ndim), np.zeros(ndim)
    datasets = described.get("datasets") or [{}]
    for one in (datasets[0], described):
        for step in one.get("coordinateTransformations") or []:
            kind = step.get("type")
            values = step.get(kind) if kind in ("scale", "translation") else None
            if not isinstance(values, Sequence) or len(values) != ndim:
                continue
            numbers = np.array([number(value) or 0.0 for value in values])
            if kind == "scale":
                scale, shift = scale * numbers, shift * numbers
            else:
                shift = shift + numbers
    return [float(one) for one in scale] if described else [], [float(one) for one in shift]
