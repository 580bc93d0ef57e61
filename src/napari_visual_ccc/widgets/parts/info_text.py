"""Facts of a micrograph as rich text."""

from __future__ import annotations

from html import escape
from typing import Any

from napari.layers import Layer

from ..layers.metadata import (
    MICROGRAPH,
    NOT_FACTS,
    calibration,
    known_bar,
    plane_shape,
    unit_name,
)

# keys of a micrograph's facts with their titles, in the order of display
_FACTS = {
    "instrument": "Instrument", "detector": "Detector", "voltage_kv": "Voltage (kV)",
    "beam_current_na": "Beam current (nA)", "magnification": "Magnification",
    "working_distance_mm": "Working distance (mm)", "tilt_deg": "Tilt (°)",
    "dwell_time_us": "Dwell time (µs)", "camera_length_mm": "Camera length (mm)",
    "date": "Date",
}  # fmt: skip


def describe(layer: Layer) -> str:
    """Return the facts of a layer as rich text; a missing pixel size comes first."""
    known = dict(layer.metadata.get(MICROGRAPH) or {})
    spacing, unit = calibration(layer)
    height, width = plane_shape(layer)
    rows = [("Image", layer.name), ("Pixels", f"{width} × {height}, {layer.dtype}")]
    warning = ""
    if spacing is None:
        warning = (
            "<p><b style='color:#e0a000'>No pixel size.</b> Lengths are in pixels. Type it, or "
            "draw a line over the scale bar.</p>"
        )
    else:
        sides = [f"{side:.5g}" for side in dict.fromkeys(reversed(spacing[-2:]))]
        hand = " (by hand)" if known.get("calibrated") else ""
        rows.append(("Pixel size", f"{' × '.join(sides)} {unit}{hand}"))
        rows.append(("Field of view", _field(width * spacing[-1], height * spacing[-2], unit)))
    if layer.ndim > 2:
        step = f"{layer.scale[-3]:.5g} {unit_name(layer.units[-3])}"
        rows.append(("Slices", f"{layer.data.shape[-3]}, {step} apart"))
    bar = known_bar(layer)
    rows.append(("Info bar", "not detected yet" if bar is None else str(bar)))
    more = [key for key in known if key not in (*_FACTS, *NOT_FACTS, "calibrated")]
    titles = {**_FACTS, **{key: key.replace("_", " ").capitalize() for key in more}}
    rows += [(title, _text(known[key])) for key, title in titles.items() if key in known]
    cells = "".join(
        f"<tr><td style='padding-right:8px'>{escape(name)}</td><td>{escape(value)}</td></tr>"
        for name, value in rows
    )
    notes = "".join(f"<p>{escape(str(note))}</p>" for note in known.get("notes") or ())
    return f"{warning}<table>{cells}</table>{notes}"


def _field(width: float, height: float, unit: str) -> str:
    """Width and height in the unit that keeps the numbers short."""
    names = ("pm", "nm", "µm", "mm")
    while unit in names[:-1] and width >= 1000:
        width, height, unit = width / 1000, height / 1000, names[names.index(unit) + 1]
    return f"{width:.4g} × {height:.4g} {unit}"


def _text(value: Any) -> str:
    # adding zero makes -0 a 0
    return f"{value + 0.0:.5g}" if isinstance(value, float) else str(value)
