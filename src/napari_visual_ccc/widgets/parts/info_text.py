"""Facts of a micrograph as rich text."""

from __future__ import annotations

from html import escape

from napari.layers import Layer

from ...core.micrograph import titled_facts
from ...core.units import in_short, sides_in_short
from ..layers.metadata import (
    MICROGRAPH,
    NOT_FACTS,
    calibration,
    known_bar,
    plane_shape,
    unit_name,
)


def describe(layer: Layer, verdict: str = "", bar_found: str = "not detected yet") -> str:
    """Return the facts of a layer as rich text; its verdict or a missing pixel size comes first."""
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
        hand = " (by hand)" if known.get("calibrated") else ""
        rows.append(("Pixel size", f"{sides_in_short(spacing[:-3:-1], unit)}{hand}"))
        field = in_short(width * spacing[-1], height * spacing[-2], unit)
        rows.append(("Field of view", field))
    if layer.ndim > 2:
        step = f"{layer.scale[-3]:.5g} {unit_name(layer.units[-3])}"
        rows.append(("Slices", f"{layer.data.shape[-3]}, {step} apart"))
    bar = known_bar(layer)
    rows.append(("Info bar", bar_found if bar is None else str(bar)))
    facts = {key: one for key, one in known.items() if key not in (*NOT_FACTS, "calibrated")}
    rows += titled_facts(facts)
    cells = "".join(
        f"<tr><td style='padding-right:8px'>{escape(name)}</td><td>{escape(value)}</td></tr>"
        for name, value in rows
    )
    notes = "".join(f"<p>{escape(str(note))}</p>" for note in known.get("notes") or ())
    # the verdict names a missing pixel size as well
    return f"{verdict or warning}<table>{cells}</table>{notes}"
