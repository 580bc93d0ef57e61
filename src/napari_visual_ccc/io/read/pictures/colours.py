"""What the numbers of a pixel in a file mean: grey, colours, inks, opacity, indices of a palette.

Readers of TIFF and of pictures ask here, so that one picture gives the same pixels in each format.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...axes import ALPHA

INKS = "inks (CMYK) were converted to red, green and blue"

DISPLAY = "a colour table for the screen is left out: the numbers in the file are used"

# share of the entries of a palette that may mark numbers, as those at both ends of the scale
_MARKED = 0.1


def from_inks(inks: Any, top: float) -> Any:
    """Convert cyan, magenta, yellow and black to red, green and blue.

    As the PostScript Language Reference defines it: red = 1 - min(1, cyan + black).

    Parameters
    ----------
    inks : (..., 4 or more) array
        Numpy or dask; further inks are left out.
    top : float
        Number of full ink.
    """
    wide = inks[..., :4].astype(np.float64 if np.dtype(inks.dtype).itemsize > 2 else np.int64)
    left = top - wide[..., :3] - wide[..., 3:4]
    return left.clip(0, top).astype(inks.dtype)


def of_palette(table: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Decide what stands in the place of the indices of a palette.

    Parameters
    ----------
    table : (n, 3) uint8 array
        Red, green and blue of each index.

    Returns
    -------
    values : (n,) or (n, 3) array or None
        Grey levels or colours; None where the indices are grey levels themselves: the palette goes
        from black to white in even steps, but perhaps for some marked levels.
    note : str
        What was left out, for the user.
    """
    grey = (table == table[:, :1]).all(axis=1)
    even = np.abs(table[:, 0] - np.linspace(0, 255, len(table))) <= 1
    ramp = grey & even
    if ramp.all():
        return None, ""
    if len(table) > 16 and (~ramp).mean() <= _MARKED:
        return None, DISPLAY
    return (table[:, 0] if grey.all() else table), ""


def equal(samples: Any) -> bool:
    """Whether all numbers of every pixel are equal; False for lazy arrays, which are not read."""
    return isinstance(samples, np.ndarray) and bool((samples == samples[..., :1]).all())


def is_opaque(alpha: Any) -> bool:
    """Whether opacity is the same everywhere."""
    return isinstance(alpha, np.ndarray) and alpha.size > 0 and bool((alpha == alpha.flat[0]).all())


def of_samples(
    samples: Any, kind: str, alphas: Sequence[int] = (), top: float = 255
) -> tuple[Any, bool, tuple[str, ...]]:
    """Decide what several numbers a pixel are.

    Parameters
    ----------
    samples : (..., Y, X, n) array
        Numpy or dask.
    kind : {'grey', 'colour', 'inks', 'lightness'}
        What the file says of the first ones: lightness is that of CIE L*a*b* or YCbCr.
    alphas : sequence of int
        Which of them are opacity.
    top : float
        Number of full ink.

    Returns
    -------
    data : (..., Y, X), (..., Y, X, 3 or 4) or (..., n, Y, X) array
        Grey, colours, or channels.
    channels : bool
        Whether it has channels, before the rows.
    notes : tuple of str
        What was left out or converted.
    """
    count = samples.shape[-1]
    if kind == "inks" and count >= 4:
        return from_inks(samples, top), False, (INKS,)
    if kind == "lightness":
        return samples[..., 0], False, ("colour image: its lightness was used",)
    if kind == "colour":
        more = (f"{count - 3} of {count} numbers a pixel are left out: they are no colours",)
        return (samples, False, ()) if count <= 4 else (samples[..., :3], False, more)
    left = [k for k in range(count) if k not in alphas]
    if count == 2 and not alphas and is_opaque(samples[..., 1]):
        left = [0]
    notes = (ALPHA,) if len(left) < count else ()
    if len(left) == 1 or equal(samples[..., left]):
        return samples[..., left[0]], False, notes
    kept = samples[..., left] if len(left) < count else samples
    many = f"each pixel has {len(left)} numbers: they are taken for channels"
    return kept.transpose(*range(kept.ndim - 3), -1, -3, -2), True, (*notes, many)


# how a picture is to be shown, by the number of TIFF and EXIF
_TURNS = {
    2: "mirrored", 3: "turned by 180 degrees", 4: "upside down", 5: "transposed",
    6: "turned by 90 degrees", 7: "transposed and turned", 8: "turned by 270 degrees",
}  # fmt: skip


def of_orientation(number: Any) -> tuple[str, ...]:
    """Note of a picture that viewers turn or mirror: pixels are used as they are stored."""
    turn = _TURNS.get(number if isinstance(number, int) else 1)
    if turn is None:
        return ()
    return (
        f"other programs may show it {turn} (orientation {number}): rows and columns are those "
        "in the file",
    )
