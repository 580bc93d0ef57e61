"""Text files that microscopes write beside an image: JEOL, Hitachi, TESCAN."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...core.files import LONGEST_NAME
from ...core.units import METRES, unit_of
from ..tables import decoded
from .pixel_size import PixelSizeClaim, in_unit, number
from .vendors import VendorMetadata, info_bar_below, known_only, tescan

# these texts have a few kilobytes
_LONGEST = 1 << 20


def find(path: Path, height: int, width: int) -> VendorMetadata | None:
    """Read the text file of the microscope beside an image.

    Parameters
    ----------
    path : Path
        Path of the image.
    height, width : int
        Shape of the image; the text gives the size without the info bar.

    Returns
    -------
    VendorMetadata or None
        None if there is no such file.
    """
    # the info bar may also lie over the image: equal numbers of rows prove nothing
    for name, text in _texts(path):
        if "$CM_" in text or "$$SM_" in text:
            return _jeol(name, text, height, width)
        if "[SemImageFile]" in text or "[TemImageFile]" in text:
            return _hitachi(name, text, height, width)
        if "[MAIN]" in text:
            return tescan(text, name, height)
    return None


def exists(path: Path) -> bool:
    """Whether there is a text file of a microscope beside an image."""
    return find(path, 0, 0) is not None


def beside(path: Path) -> list[Path]:
    """Text files that may be those of a microscope, by their names."""
    ending = path.suffix[1:]
    names = [f"{path.stem}.txt", f"{path.stem}.TXT", f"{path.name}.txt"]
    names += [f"{path.stem}-{ending}.hdr", f"{path.stem}.hdr", f"{path.stem}.HDR"]
    found = (path.parent / name for name in names if len(os.fsencode(name)) <= LONGEST_NAME)
    # other than that of a Path, it is False for a name that no file system takes
    return [one for one in found if os.path.isfile(one) and one.stat().st_size <= _LONGEST]


def _texts(path: Path) -> list[tuple[str, str]]:
    return [(one.name, decoded(one.read_bytes())) for one in beside(path)]


def _jeol(name: str, text: str, height: int, width: int) -> VendorMetadata:
    values = dict(re.findall(r"^\$+(\w+)[ \t]+(.*?)\s*$", text, re.M))
    full = re.findall(r"\d+", values.get("CM_FULL_SIZE", ""))
    marker = re.match(r"\s*([\d.,]+)\s*(\S+)", values.get("SM_MICRON_MARKER", ""))
    bar = number(values.get("SM_MICRON_BAR"))
    claims = []
    if marker and bar:
        # the bar is so many pixels of the full image, which may have been saved smaller
        shrunk = int(full[0]) / width if full and width and int(full[0]) else 1.0
        size = (number(marker.group(1)) or 0) / bar * shrunk
        claims = [PixelSizeClaim(f"{name}, scale bar", (size, size), unit_of(marker.group(2)))]
    facts = known_only(
        instrument=values.get("CM_INSTRUMENT"),
        detector=values.get("CM_SIGNAL"),
        voltage_kv=number(values.get("CM_ACCEL_VOLT")),
        magnification=number(values.get("CM_MAG")),
        working_distance_mm=number(values.get("SM_WD")),
        date=" ".join(values[k] for k in ("CM_DATE", "CM_TIME") if k in values) or None,
    )
    rows = int(full[1]) if len(full) > 1 and int(full[0]) == width else None
    return VendorMetadata(claims, facts, {name: values}, info_bar_below(rows, height) or None)


def _hitachi(name: str, text: str, height: int, width: int) -> VendorMetadata:
    values = {k.strip(): v.strip() for k, v in re.findall(r"^([^=\[\n]+)=(.*)$", text, re.M)}
    full = [int(one) for one in re.findall(r"\d+", values.get("DataSize", ""))]
    shrunk = full[0] / width if full and full[0] and width else 1.0
    claims = []
    if "PixelSize" in values:
        size = (in_unit(values["PixelSize"], "nm") or 0) * shrunk
        claims = [PixelSizeClaim(f"{name}, PixelSize", (size, size), "nm")]
    facts = known_only(
        instrument=values.get("InstructName") or values.get("InstrumentName"),
        detector=values.get("SignalName"),
        voltage_kv=_measured(values.get("AcceleratingVoltage"), {"volt": 1e-3, "v": 1e-3}),
        magnification=number(values.get("Magnification")),
        working_distance_mm=_measured(
            values.get("WorkingDistance"), {k: m * 1e3 for k, m in METRES.items()}
        ),
        date=" ".join(values[k] for k in ("Date", "Time") if values.get(k)) or None,
    )
    rows = full[1] if len(full) > 1 and full[0] == width else None
    return VendorMetadata(claims, facts, {name: values}, info_bar_below(rows, height) or None)


def _measured(text: str | None, factors: dict[str, float]) -> float | None:
    """Read ``"8100 um"`` in the unit that the factors lead to; a bare number as it is."""
    value = number(text)
    unit = re.sub(r"^[\s\d.,+-]+", "", text or "")
    if value is None:
        return None
    return value * factors.get(unit_of(unit), factors.get(unit.lower(), 1.0))
