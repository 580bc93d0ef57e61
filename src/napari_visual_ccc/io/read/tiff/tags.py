"""Tags of TIFF: pixel size, steps of axes, acquisition facts, and the header of this package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ....core.micrograph import Axis
from ...axes import UNKNOWN
from .. import sidecar, vendors
from ..pixel_size import PixelSizeClaim, axis, combined_claim, number, of_resolution
from ..vendors import VendorMetadata

# private tags of microscopes
FEI, OLYMPUS = (34680, 34682), (33471, 33560)

PHENOM, ZEISS, TVIPS, TESCAN = 34683, 34118, 37706, 50431

_GATAN = tuple(range(65003, 65012))

_MAKE = 271

# a file with any of these has more than its pixels
PRIVATE = (*FEI, PHENOM, ZEISS, *OLYMPUS, TVIPS, TESCAN, *_GATAN)


def read_metadata(
    path: Path, tif: Any, page: Any, index: int, height: int, width: int
) -> list[VendorMetadata]:
    """Read all sources of metadata, the most trustworthy first."""
    found = _microscope(page, height, width)
    beside = sidecar.find(path, height, width) if index == 0 else None
    found += [beside] if beside else []
    if tif.is_ome:
        found.append(_ome(tif, index))
    if tif.is_imagej:
        found.append(_imagej(tif, page))
    if is_jeol(page) or any(tag in page.tags for tag in _GATAN):
        found.append(_by_rosetta(path, index))
    resolved = resolution(page)
    found += [VendorMetadata([resolved])] if resolved else []
    return found


def _microscope(page: Any, height: int, width: int) -> list[VendorMetadata]:
    """Read the private tags that tifffile decodes (and two texts that it leaves as they are)."""
    tags, found = page.tags, []
    for tag in FEI:
        value = tags.valueof(tag)
        if isinstance(value, dict):
            found.append(vendors.fei(value, height, width))
    text = _text(tags.valueof(PHENOM))
    if "</FeiImage>" in text:
        found.append(vendors.phenom(text, height))
    value = tags.valueof(ZEISS)
    if isinstance(value, dict):
        found.append(vendors.zeiss(value, height, width))
    olympus = {}
    for tag in OLYMPUS:
        value = tags.valueof(tag)
        olympus.update(value if isinstance(value, dict) else {})
    if olympus:
        found.append(vendors.olympus(olympus))
    value = tags.valueof(TVIPS)
    if isinstance(value, dict):
        found.append(vendors.tvips(value))
    text = _text(tags.valueof(TESCAN))
    if "PixelSizeX" in text:
        found.append(vendors.tescan(text, "TESCAN tag", height))
    return found


def is_jeol(page: Any) -> bool:
    """Whether the manufacturer is JEOL."""
    return bool(page.tags.valueof(_MAKE) == "JEOL Ltd.")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, tuple) and value and isinstance(value[0], int):
        return bytes(one & 255 for one in value).decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _by_rosetta(path: Path, index: int) -> VendorMetadata:
    """Let RosettaSciIO read what tifffile does not: JEOL and Gatan tags."""
    from .. import rosetta

    try:
        return rosetta.of_tiff(path, index)
    except ImportError as error:
        return VendorMetadata(notes=[f"its pixel size was not read: {error}"])


def _imagej(tif: Any, page: Any) -> VendorMetadata:
    described = tif.imagej_metadata or {}
    sizes = [_per_pixel(page.tags.valueof(tag)) for tag in (283, 282)]
    claims = []
    if None not in sizes:
        # as ImageJ has it
        unit = described.get("unit", "pixel")
        claims = [combined_claim("ImageJ", sizes, (described.get("yunit", unit), unit))]
    return VendorMetadata(claims, {}, {"imagej": described})


def resolution(page: Any) -> PixelSizeClaim | None:
    """Pixel size in the resolution tags, where it is too small for a resolution to print with."""
    sizes, unit = stated_resolution(page)
    return None if unit is None or 296 not in page.tags else of_resolution("TIFF", sizes, unit)


def stated_resolution(page: Any) -> tuple[list[float | None], str | None]:
    """Size of a pixel (y, x) in the resolution tags, and its unit: inches by default."""
    unit = _RESOLUTION_UNITS.get(int(page.tags.valueof(296, default=2)))
    return [_per_pixel(page.tags.valueof(tag)) for tag in (283, 282)], unit


_RESOLUTION_UNITS = {2: "inch", 3: "cm"}


def missing_files(tif: Any, series: Any, index: int) -> tuple[str, ...]:
    """Say which files of a set, or how many planes, are missing: their pixels are blank."""
    blank = sum(page is None for page in series.pages)
    if not blank:
        return ()
    folder = Path(tif.filehandle.dirname)
    names = [one.attrib.get("FileName", "") for one in _uuids(tif, index)]
    gone = [name for name in dict.fromkeys(names) if name and not (folder / name).is_file()]
    who = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    what = f"{blank} of {len(series.pages)} planes are blank"
    if not gone:
        return (f"{what}: the file names them and does not have them",)
    return (f"{what}: {who} of the set is missing beside the file; put it back, or leave them out",)


def _uuids(tif: Any, index: int) -> list[Any]:
    images = _root(tif).findall(".//{*}Image") if tif.is_ome else []
    return images[index].findall(".//{*}UUID") if index < len(images) else []


def _per_pixel(value: Any) -> float | None:
    if not isinstance(value, tuple) or len(value) != 2 or value[0] == 0:
        return None
    return float(value[1] / value[0])


def _ome(tif: Any, index: int) -> VendorMetadata:
    pixels = _pixels(tif, index)
    sizes = [number(pixels.get(f"PhysicalSize{name}")) for name in "YX"]
    if sizes == [None, None]:
        return VendorMetadata(original={"ome": pixels})
    units = [pixels.get(f"PhysicalSize{name}Unit", "µm") for name in "YX"]
    return VendorMetadata([combined_claim("OME", sizes, units)], {}, {"ome": pixels})


def channel_names(tif: Any, index: int) -> list[str]:
    """Names of the channels of an OME image; empty unless all have one."""
    images = _root(tif).findall(".//{*}Image") if tif.is_ome else []
    if index >= len(images):
        return []
    names = [one.attrib.get("Name", "") for one in images[index].findall("{*}Pixels/{*}Channel")]
    return names if all(names) else []


def _root(tif: Any) -> Any:
    from xml.etree import ElementTree

    return ElementTree.fromstring(tif.ome_metadata)


def _pixels(tif: Any, index: int) -> dict[str, str]:
    images = _root(tif).findall(".//{*}Image")
    if index >= len(images):
        return {}
    pixels = images[index].find("{*}Pixels")
    return {} if pixels is None else dict(pixels.attrib)


def stored_header(tif: Any) -> dict[str, Any]:
    """Read the record that this package writes into the description of its own files."""
    if tif.is_ome:
        text = _root(tif).findtext(".//{*}Image/{*}Description")
    else:
        text = (tif.imagej_metadata or {}).get("Info") if tif.is_imagej else None
    try:
        stored = json.loads(text or "")
    except (TypeError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


_LETTERS = {"Z": "z", "T": "t", "C": "c", "I": "image", "Q": UNKNOWN, "A": "angle", "R": "region"}


def read_axes(tif: Any, series: Any, index: int) -> tuple[tuple[Axis, ...], tuple[str, ...]]:
    """Read the steps of the leading axes from OME or ImageJ; and notes about them."""
    steps: dict[str, tuple[Any, Any]] = {}
    if tif.is_ome:
        pixels = _pixels(tif, index)
        steps["Z"] = pixels.get("PhysicalSizeZ"), pixels.get("PhysicalSizeZUnit", "µm")
        steps["T"] = pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")
    elif tif.is_imagej:
        described = tif.imagej_metadata or {}
        steps["Z"] = described.get("spacing"), described.get("zunit", described.get("unit"))
        steps["T"] = described.get("finterval"), described.get("tunit", "s")
    found = [
        axis(_LETTERS.get(letter, letter.lower()), *steps.get(letter, (None, "")))
        for letter in series.axes
        if letter not in "YXS"
    ]
    return tuple(one for one, _ in found), tuple(note for _, notes in found for note in notes)
