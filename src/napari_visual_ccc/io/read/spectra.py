"""Tell spectrum images from volumes, as far as a file states it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# units of an axis of energies or wavenumbers
_UNITS = ("ev", "kev", "mev", "cm^-1", "cm-1", "1/cm")

# words in the name of such an axis, or of one of wavelengths
_WORDS = {
    "energy", "energies", "loss", "eloss", "ev", "kev", "wavelength", "wavelengths", "wavenumber",
    "wavenumbers", "raman", "lambda", "spectrum", "spectral",
}  # fmt: skip

# how signal types of HyperSpy begin
_KINDS = ("EELS", "EDS", "EDX", "CL", "PL", "LUMI", "RAMAN", "XPS", "XRF")

# names of the axis of a volume, a series or channels
_SLICES = {"z", "t", "c", "slice", "slices", "depth", "time", "frame", "tilt", "height", "plane"}

_LENGTHS = ("å", "nm", "µm", "um", "mm", "cm", "m", "px")


def is_spectrum_image(
    axes: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any] | None = None
) -> bool:
    """Whether one of the axes of a signal is one of energies or wavelengths.

    Parameters
    ----------
    axes : sequence of mappings
        ``name`` and ``units`` of the axes of the signal, as RosettaSciIO gives them.
    metadata : mapping, optional
        Its metadata: the type of the signal tells, where neither name nor unit of an axis does.
    """
    kind = str(((metadata or {}).get("Signal") or {}).get("signal_type") or "").upper()
    return kind.startswith(_KINDS) or any(
        str(one.get("units")).strip().lower() in _UNITS
        or _WORDS & set(re.split(r"[^a-z]+", str(one.get("name")).lower()))
        for one in axes
    )


def doubt(axes: Sequence[Mapping[str, Any]], shape: Sequence[int]) -> tuple[str, ...]:
    """Note on three axes of a signal of which nothing tells whether they are a volume.

    Parameters
    ----------
    axes : sequence of mappings
        As `is_spectrum_image` takes them.
    shape : sequence of int
        Of the array.
    """
    signal = [one for one in axes if not one.get("navigate")]
    if len(signal) != 3 or len(shape) != 3:
        return ()
    names = [str(one.get("name")).strip().lower() for one in signal]
    units = [str(one.get("units")).strip().lower() for one in signal]
    if _SLICES & set(names) or all(unit in _LENGTHS for unit in units):
        return ()
    return (
        f"the file does not tell a volume from a spectrum image: read as {shape[0]} slices of "
        f"{shape[1]} x {shape[2]} px; of a spectrum image save maps, or move the axis of energies "
        "to the front",
    )
