"""Private tags of microscopes: pixel size, acquisition facts, info bar."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...core.micrograph import InfoBar
from ...core.units import METRES, unit_of
from .pixel_size import PixelSizeClaim, number

_SECONDS = {"ns": 1e-3, "µs": 1.0, "ms": 1e3, "s": 1e6, "Secs": 1e6}

_AMPERES = {"fA": 1e-6, "pA": 1e-3, "nA": 1.0, "µA": 1e3}

# Zeiss writes three to four digits of it
_ZEISS_ROUNDING = 2e-3


@dataclass
class VendorMetadata:
    """Metadata that a microscope wrote into a file or beside it.

    Parameters
    ----------
    claims : list of PixelSizeClaim
        Claimed pixel sizes, the most trustworthy first.
    facts : dict
        Instrument, detector, ... under the names that all vendors share.
    original : dict
        Its own names and values.
    bar : InfoBar, optional
        None if the metadata do not mention an info bar.
    notes : list of str
        Messages for the user.
    """

    claims: list[PixelSizeClaim] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    original: dict[str, Any] = field(default_factory=dict)
    bar: InfoBar | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, other: VendorMetadata) -> None:
        """Fill in the metadata of another source; those present take precedence."""
        self.claims += other.claims
        self.facts = {**other.facts, **self.facts}
        self.original = {**other.original, **self.original}
        self.bar = other.bar if self.bar is None else self.bar
        self.notes += other.notes


def known_only(**facts: Any) -> dict[str, Any]:
    """Drop the facts that have no value."""
    return {name: value for name, value in facts.items() if value not in (None, "")}


def info_bar_below(rows: int | None, height: int) -> InfoBar | None:
    """Info bar below the scanned rows; None if their number is unknown or implausible."""
    if rows is None or not 0 < rows <= height or rows < height / 2:
        return None
    return InfoBar(bottom=height - rows)


def _degrees(value: Any) -> float | None:
    angle = number(value)
    return None if angle is None else round(math.degrees(angle), 4)


def _times(value: Any, factor: float) -> float | None:
    plain = number(value)
    return None if plain is None else plain * factor


# FEI, Thermo Fisher -------------------------------------------------------------------------------


def fei(tags: Mapping[str, Any], height: int, width: int) -> VendorMetadata:
    """Read the text that FEI microscopes write into TIFF (sections of names and values)."""
    sections = {name: part for name, part in tags.items() if isinstance(part, Mapping)}

    def part(name: str) -> Mapping[str, Any]:
        return sections.get(name, {})

    beam, image = part("Beam"), part("Image")
    # the section of the beam that was on; files of single-beam microscopes lack the others
    own = part(str(beam.get("Beam", ""))) or part("EBeam") or part("IBeam") or part("IRBeam")
    scan = part(str(beam.get("Scan", "")))
    claims = [
        PixelSizeClaim(f"FEI {name}", (one["PixelHeight"], one["PixelWidth"]), "m")
        for name, one in (("Scan", part("Scan")), ("beam scan", scan))
        if "PixelWidth" in one and "PixelHeight" in one
    ]
    columns, rows = number(image.get("ResolutionX")), number(image.get("ResolutionY"))
    field_width = number(own.get("HFW")) or number(part("Scan").get("HorFieldsize"))
    field_height = number(own.get("VFW")) or number(part("Scan").get("VerFieldsize"))
    if field_width and field_height and columns and rows:
        claims.append(
            PixelSizeClaim("FEI field of view", (field_height / rows, field_width / columns), "m")
        )
    canvas = number(image.get("MagCanvasRealWidth"))
    facts = known_only(
        instrument=part("System").get("SystemType"),
        detector=part("Detectors").get("Name"),
        voltage_kv=_times(beam.get("HV", own.get("HV")), 1e-3),
        magnification=round(canvas / field_width, 1) if canvas and field_width else None,
        working_distance_mm=_times(part("Stage").get("WorkingDistance", own.get("WD")), 1e3),
        tilt_deg=_degrees(part("Stage").get("StageT", own.get("StageTa"))),
        date=_fei_date(part("PrivateFei").get("TimeOfCreation"), part("User")),
        dwell_time_us=_times(part("Scan").get("Dwelltime", scan.get("Dwell")), 1e6),
        beam_current_na=_times(own.get("BeamCurrent"), 1e9),
    )
    notes = []
    if columns and columns != width:
        notes.append(
            f"the file says that {columns:.0f} columns were scanned, and has {width}: "
            "it was resized or cropped, check the pixel size"
        )
    if rows is None or columns != width:
        below = number(part("PrivateFei").get("DatabarHeight"))
        rows = None if below is None or columns not in (None, width) else height - below
    bar = info_bar_below(None if rows is None else int(rows), height)
    return VendorMetadata(claims, facts, {"fei": dict(tags)}, bar, notes)


def _fei_date(created: Any, user: Mapping[str, Any]) -> str | None:
    exact = re.match(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)", str(created or ""))
    if exact:
        day, month, year, time = exact.groups()
        return f"{year}-{month}-{day}T{time}"
    return " ".join(str(user[key]) for key in ("Date", "Time") if user.get(key)) or None


def phenom(text: str, height: int) -> VendorMetadata:
    """Read the XML that Thermo Fisher's Phenom microscopes write into TIFF."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(text[text.index("<FeiImage") : text.index("</FeiImage>") + 11])
    leaves = {one.tag: one for one in root.iter() if one.text and one.text.strip()}

    def value(name: str) -> Any:
        return leaves[name].text if name in leaves else None

    claims = []
    if "pixelWidth" in leaves and "pixelHeight" in leaves:
        size = (value("pixelHeight"), value("pixelWidth"))
        claims = [PixelSizeClaim("Phenom pixelWidth", size, leaves["pixelWidth"].get("unit", ""))]
    voltage = number(value("acceleratingVoltage"))
    if voltage is not None and leaves["acceleratingVoltage"].get("unit") != "kV":
        voltage *= 1e-3
    facts = known_only(
        instrument=value("edition") or value("type"),
        detector=value("detector"),
        voltage_kv=None if voltage is None else abs(voltage),
        date=value("time"),
    )
    below = number(value("databarHeight"))
    bar = info_bar_below(None if below is None else height - int(below), height)
    original = {name: one.text for name, one in leaves.items()}
    return VendorMetadata(claims, facts, {"phenom": original}, bar)


# Zeiss --------------------------------------------------------------------------------------------


def zeiss(tags: Mapping[str, Any], height: int, width: int) -> VendorMetadata:
    """Read the tag of Zeiss (and LEO) scanning microscopes.

    Two pixel sizes are in it: ``ap_pixel_size`` belongs to the screen and
    ``ap_image_pixel_size`` to the image, which is stored with 512 to 3072 columns. The unnamed
    numbers in front hold the former, for 1024 columns, with all digits.
    """

    def value(name: str) -> Any:
        entry = tags.get(name)
        return entry[1] if isinstance(entry, tuple | list) and len(entry) > 1 else None

    def unit(name: str) -> str:
        entry = tags.get(name)
        if not isinstance(entry, tuple | list) or len(entry) < 2:
            return ""
        # with a decimal comma, number and unit are one text
        return str(entry[2]) if len(entry) > 2 else re.sub(r"^[\s\d.,+-]+", "", str(entry[1]))

    def measured(name: str, units: Mapping[str, float]) -> float | None:
        plain = number(value(name))
        factor = units.get(unit_of(unit(name)), units.get(unit(name)))
        return None if plain is None or factor is None else plain * factor

    first = tags.get("")
    precise = number(first[3]) if isinstance(first, tuple | list) and len(first) > 3 else None
    claims = []
    image = measured("ap_image_pixel_size", METRES)
    if precise is not None and width:
        precise *= 1024 / width
        # the same, rounded: then the one with all digits
        if image is None or abs(precise - image) <= _ZEISS_ROUNDING * image:
            claims.append(PixelSizeClaim("Zeiss header", (precise, precise), "m"))
    if image is not None:
        claims.append(PixelSizeClaim("Zeiss Image Pixel Size", (image, image), "m"))
    if precise is not None and image is not None:
        claims.append(PixelSizeClaim("Zeiss header", (precise, precise), "m"))
    facts = known_only(
        instrument=value("dp_sem") or value("sv_serial_number"),
        detector=value("dp_detector_type") or value("dp_detector_channel"),
        voltage_kv=measured("ap_actualkv", {"kV": 1.0, "V": 1e-3}),
        magnification=number(value("ap_mag")),
        working_distance_mm=measured("ap_wd", {k: m * 1e3 for k, m in METRES.items()}),
        tilt_deg=number(value("ap_stage_at_t")),
        date=" ".join(str(value(k)) for k in ("ap_date", "ap_time") if value(k)) or None,
        dwell_time_us=measured("dp_dwell_time", _SECONDS),
        beam_current_na=measured("ap_iprobe", _AMPERES),
    )
    stored = [int(one) for one in re.findall(r"\d+", str(value("dp_image_store") or ""))]
    rows = stored[1] if len(stored) == 2 and stored[0] == width else None
    named = {key: value for key, value in tags.items() if key}
    # the info bar of Zeiss may lie over the lowest rows: equal numbers of rows prove nothing
    return VendorMetadata(claims, facts, {"zeiss": named}, info_bar_below(rows, height) or None)


# Olympus, TVIPS, TESCAN ---------------------------------------------------------------------------


def olympus(tags: Mapping[str, Any]) -> VendorMetadata:
    """Read the tags of Olympus Soft Imaging Solutions."""
    claims = []
    if "pixelsizex" in tags and "pixelsizey" in tags:
        claims = [PixelSizeClaim("Olympus SIS tag", (tags["pixelsizey"], tags["pixelsizex"]), "m")]
    date: Any = tags.get("datetime")
    facts = known_only(
        detector=tags.get("cameraname"),
        magnification=number(tags.get("magnification")),
        date=date.isoformat() if hasattr(date, "isoformat") else None,
    )
    return VendorMetadata(claims, facts, {"olympus": dict(tags)})


def tvips(tags: Mapping[str, Any]) -> VendorMetadata:
    """Read the tag of TVIPS cameras; in diffraction mode their pixel size is no length."""
    claims, notes = [], []
    diffraction = number(tags.get("TemMode")) == 3
    if diffraction:
        notes.append("a diffraction pattern: TVIPS states no pixel size in 1/nm for it")
    elif "PixelSizeX" in tags and "PixelSizeY" in tags:
        claims = [PixelSizeClaim("TVIPS tag", (tags["PixelSizeY"], tags["PixelSizeX"]), "nm")]
    stage = tags.get("TemStagePosition")
    facts = known_only(
        instrument=tags.get("TemType") if isinstance(tags.get("TemType"), str) else None,
        detector=tags.get("CameraType"),
        voltage_kv=_times(tags.get("TemHighTension", tags.get("HighTension")), 1e-3),
        magnification=None if diffraction else number(tags.get("TemMagnification")),
        camera_length_mm=number(tags.get("TemMagnification")) if diffraction else None,
        tilt_deg=number(stage[3]) if isinstance(stage, list | tuple) and len(stage) > 3 else None,
    )
    return VendorMetadata(claims, facts, {"tvips": dict(tags)}, None, notes)


def tescan(text: str, source: str, height: int) -> VendorMetadata:
    """Read the names and values that TESCAN writes into a tag or a .hdr file beside the image."""
    values = {k.strip(): v.strip() for k, v in re.findall(r"^([^=\[\n\0]+)=(.*)$", text, re.M)}
    claims = []
    if "PixelSizeX" in values:
        size = (values.get("PixelSizeY", values["PixelSizeX"]), values["PixelSizeX"])
        claims = [PixelSizeClaim(f"{source}, PixelSizeX", size, "m")]
    facts = known_only(
        instrument=values.get("Device") or values.get("DeviceModel"),
        detector=values.get("Detector") or values.get("Detector0"),
        voltage_kv=_times(values.get("HV", values.get("AcceleratorVoltage")), 1e-3),
        magnification=number(values.get("Magnification")),
        working_distance_mm=_times(values.get("WD"), 1e3),
        tilt_deg=number(values.get("StageTilt")),
        date=" ".join(values[key] for key in ("Date", "Time") if values.get(key)) or None,
        dwell_time_us=_times(values.get("DwellTime"), 1e6),
        beam_current_na=_times(values.get("BeamCurrent"), 1e9),
    )
    strip = number(values.get("ImageStripSize"))
    bar = None if strip is None or strip < 0 else info_bar_below(height - int(strip), height)
    return VendorMetadata(claims, facts, {source: values}, bar)
