"""Validate images and labels, and convert colour to grey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .histogram import percentiles, value_by_value
from .lazy import as_array_or_dask, is_lazy, within_reach
from .pairs import looks_grey
from .volumes import parts

# Rec. 709, as in skimage.color.rgb2gray; grey values that become 0 and 1
_LUMINANCE = (0.2125, 0.7154, 0.0721)
Limits = tuple[float, float]


def to_gray(image: Any) -> tuple[Any, tuple[str, ...]]:
    """Convert an image to grey without losing levels.

    Parameters
    ----------
    image : (..., Y, X) or (..., Y, X, 3 or 4) array
        Any real dtype, numpy or dask; arrays on disk above 1 GiB (memory-mapped, zarr) become
        dask. A last axis of 3 or 4 on an array of three or more dimensions is colour.

    Returns
    -------
    grey : (..., Y, X) array
        Of the same dtype (bool becomes uint8, long double float64), never rescaled; the input
        itself where it is grey.
    notes : tuple of str
        What was converted, for the user.

    Raises
    ------
    ValueError
        If the array is empty, has fewer than two dimensions, is not of real numbers, or holds
        numbers that float32 does not.
    """
    image = as_array_or_dask(image)
    if image.dtype.kind not in "biuf":
        raise ValueError(f"image is of type {image.dtype}; real numbers are needed")
    if image.ndim < 2:
        raise ValueError(f"image has {image.ndim} dimension(s); a (Y, X) image is needed")
    if image.size == 0:
        raise ValueError(f"image is empty: its shape is {image.shape}")
    notes: tuple[str, ...] = ()
    image = within_reach(image)
    if image.ndim > 2 and image.shape[-1] in (3, 4):
        image, notes = _grey_from_colour(image)
    if image.dtype == bool:
        image = image.astype(np.uint8)
    # no library computes with more
    double = image.dtype.kind == "f" and image.dtype.itemsize > 8
    return image.astype(np.float64) if double else image, notes


def _grey_from_colour(image: Any) -> tuple[Any, tuple[str, ...]]:
    red, green, blue = (image[..., channel] for channel in range(3))
    if (
        not is_lazy(image)
        and np.array_equal(red, green, equal_nan=image.dtype.kind == "f")
        and (np.array_equal(red, blue, equal_nan=image.dtype.kind == "f"))
    ):
        return np.ascontiguousarray(red), ()
    grey = sum(
        c.astype(np.float64) * w for c, w in zip((red, green, blue), _LUMINANCE, strict=True)
    )
    if image.dtype.kind in "biu":
        grey = grey.round()
    return grey.astype(image.dtype), ("colour image: its luminance was used",)


def plane_of(image: Any, what: str) -> Any:
    """Validate a single (Y, X) image.

    Raises
    ------
    ValueError
        If the image is a stack; `what` is named in the message.
    """
    if image.ndim != 2:
        raise ValueError(
            f"{what} works on one (Y, X) image; this one has shape {image.shape}: pick a slice"
        )
    return image


def missing_pixels(image: np.ndarray) -> np.ndarray | None:
    """Mask of the pixels that are NaN or infinite; None without any, a ValueError if all are."""
    if image.dtype.kind != "f":
        return None
    missing = ~np.isfinite(image)
    if missing.all():
        raise ValueError("image has no finite pixel: all are NaN or infinite")
    return missing if missing.any() else None


def finite(image: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Replace NaN and infinities by the median of the rest.

    Parameters
    ----------
    image : numpy array
        Any real dtype.

    Returns
    -------
    filled : array
        The image itself when nothing was missing, otherwise a filled copy.
    missing : bool array or None
        Where pixels were not finite; None when there are none.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    missing = missing_pixels(image)
    if missing is None:
        return image, None
    filled = image.copy()
    filled[missing] = np.median(image[~missing])
    return filled, missing


def subtract_level(plane: np.ndarray, zero: float) -> np.ndarray:
    """Subtract a level before the conversion to float32: small contrasts keep their digits."""
    wide = plane.astype("f8" if plane.dtype.itemsize > 2 else "f4")
    return (wide - np.array(zero, wide.dtype)).astype(np.float32)


def stretch(
    image: np.ndarray, low: float = 0.5, high: float = 99.5, limits: Limits | None = None
) -> tuple[np.ndarray, Limits]:
    """Percentile stretch to float32 between 0 and 1, never through 8 bit.

    Parameters
    ----------
    image : array
        Finite, any real dtype.
    low, high : float
        Percentiles that become 0 and 1.
    limits : (low, high), optional
        Grey values to use instead (a fixed range).

    Returns
    -------
    stretched : float32 array
        Zeros where the image is constant.
    limits : (low, high)
        The grey values that became 0 and 1.
    """
    if limits is None:
        zero, one = percentiles(image, low, high)
        limits = (float(image.min()), float(image.max())) if zero == one else (zero, one)
    zero, width = limits[0], limits[1] - limits[0]
    if width <= 0:
        return np.zeros(image.shape, np.float32), limits

    def scaled(grey: np.ndarray) -> np.ndarray:
        stretched = ((grey.astype(np.float64) - zero) / width).astype(np.float32)
        return np.clip(stretched, 0, 1, out=stretched)

    return value_by_value(image, scaled), limits


def require_integers(labels: Any, advice: str) -> Any:
    """Validate a (..., Y, X) array of integers, numpy or dask.

    Whole numbers of a float type, as 32-bit label maps of ImageJ, become integers, NaN becomes 0.

    Raises
    ------
    ValueError
        If the array is of another kind, or empty; `advice` says what to do.
    """
    labels = as_array_or_dask(labels)
    if labels.dtype.kind == "f" and labels.ndim >= 2 and labels.size:
        labels = _whole_numbers(labels)
    if labels.dtype.kind not in "biu" or labels.ndim < 2 or labels.size == 0:
        raise ValueError(
            f"labels are {labels.dtype} of shape {labels.shape}; a (Y, X) array of integers "
            f"is needed: {advice}"
        )
    return labels


def _whole_numbers(labels: Any) -> Any:
    """Convert whole numbers of a float type to integers; the array itself if it has others.

    Blocks of dask are checked when they are computed: those of a stack may not fit into memory.
    """
    if not is_lazy(labels):
        known = np.nan_to_num(labels, nan=0.0, posinf=0.5, neginf=0.5)
        # a constant image is no label map
        if known.min() == known.max() or not _is_exact(known):
            return labels
        return known.astype(np.int64 if float(np.abs(known).max()) >= 2**31 else np.int32)
    first = np.asarray(labels[(0,) * (labels.ndim - 2)])
    if not _is_exact(np.nan_to_num(first, nan=0.0, posinf=0.5, neginf=0.5)):
        return labels

    def block(part: np.ndarray) -> np.ndarray:
        known = np.nan_to_num(part, nan=0.0, posinf=0.5, neginf=0.5)
        if not _is_exact(known):
            raise ValueError("labels hold numbers that are not whole; integers are needed")
        return known.astype(np.int64)

    return labels.map_blocks(block, dtype=np.int64)


def _is_exact(values: np.ndarray) -> bool:
    """Whether all numbers are whole, and so small that the next whole number is another one."""
    most = 2.0 ** (np.finfo(values.dtype).nmant + 1)
    return float(np.abs(values).max()) <= min(most, 2.0**62) and bool(
        (values == np.rint(values)).all()
    )


def validate_labels(labels: Any) -> Any:
    """Validate (..., Y, X) labels of regions or phases, numpy or dask.

    Raises
    ------
    ValueError
        If the array is not of integers, is empty, or looks like a micrograph.
    """
    labels = require_integers(labels, "segment or cluster the image first")
    refuse_grey(labels)
    return labels


def refuse_grey(labels: Any, most: int = 16) -> None:
    """Validate that integers are labels: in the middle of the first plane.

    Raises
    ------
    ValueError
        If they look like a micrograph of more than `most` levels.
    """
    if looks_grey(labels[(0,) * (labels.ndim - 2)], most):
        raise ValueError(
            "labels look like a grey image (its levels change as those of a micrograph do): "
            "segment or cluster it first"
        )


def label_parts(labels: Any, axes: int) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Iterate over slices (2 axes) or volumes (3 axes) of labels with their index.

    Raises
    ------
    ValueError
        If a label is negative.
    """
    for index, part in parts(labels, axes):
        yield index, require_non_negative(part)


def require_non_negative(part: np.ndarray) -> np.ndarray:
    """Validate that no label is negative.

    Raises
    ------
    ValueError
        If one is.
    """
    if part.dtype.kind == "i" and part.min() < 0:
        raise ValueError(f"labels hold {part.min()}; they must be 0 (background) or above")
    return part
