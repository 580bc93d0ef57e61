"""Draw the flowcharts of mermaid that the pages have as SVG, so that a page loads no script.

On GitHub the same text is drawn by mermaid. Understood are lines ``a[text] -->|label| b{{text}}``:
nodes in a box, or in one with points for ``{{}}``.
"""

from __future__ import annotations

import re
from html import escape
from typing import NamedTuple

NODE = r"(\w+)(?:\[([^\]]*)\]|\{\{([^}]*)\}\})?"
LINE = re.compile(rf"{NODE}\s*-->(?:\|([^|]*)\|)?\s*{NODE}")

# all in pixels; the width of a letter is that of the widest common font
LETTER, HEIGHT, GAP, STEP, LANE = 7.2, 30, 26, 84, 50


class Edge(NamedTuple):
    start: str
    end: str
    label: str


def parse(text: str) -> tuple[dict[str, tuple[str, bool]], list[Edge]]:
    """Text and shape of every node, and the edges.

    Raises
    ------
    ValueError
        If a line is not understood.
    """
    shown: dict[str, tuple[str, bool]] = {}
    edges = []
    for line in filter(None, map(str.strip, text.splitlines()[1:])):
        found = LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"no edge of a flowchart: {line!r}")
        start, box, points, label, end, end_box, end_points = found.groups()
        for name, words, pointed in ((start, box, points), (end, end_box, end_points)):
            if words or pointed or name not in shown:
                shown[name] = (words or pointed or name, pointed is not None)
        edges.append(Edge(start, end, label or ""))
    return shown, edges


def rows_of(names: list[str], edges: list[Edge]) -> dict[str, int]:
    """Row of every node: below all that lead to it, except where arrows go round in a circle."""
    order = {name: place for place, name in enumerate(names)}
    forward = [edge for edge in edges if not _leads(edge.end, edge.start, edges, order)]
    rows = dict.fromkeys(names, 0)
    for _ in names:
        for edge in forward:
            rows[edge.end] = max(rows[edge.end], rows[edge.start] + 1)
    return rows


def _leads(start: str, end: str, edges: list[Edge], order: dict[str, int]) -> bool:
    """Whether arrows lead back, and this one goes to a node that was named earlier."""
    reached, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for edge in edges:
            if edge.start == here and edge.end not in reached:
                reached.add(edge.end)
                waiting.append(edge.end)
    return end in reached and order[start] < order[end]


def draw(text: str) -> str:
    """SVG of a flowchart, in the colours of the text around it."""
    shown, edges = parse(text)
    rows = rows_of(list(shown), edges)
    widths = {name: LETTER * len(words) + 28 for name, (words, _) in shown.items()}
    places, room = _places(rows, edges, widths)
    arrows, labels = [], []
    for edge in edges:
        near = rows[edge.end] == rows[edge.start] + 1
        arrow, middle = (_down if near else _beside)(edge, places, widths)
        arrows.append(
            f'<path d="{arrow}" fill="none" stroke="currentColor" marker-end="url(#tip)"/>'
        )
        labels.append(_label(edge.label, *middle) if edge.label else "")
    boxes = [_box(places[name], widths[name], *shown[name]) for name in shown]
    height = STEP * max(rows.values()) + HEIGHT + 20
    return (
        f'<svg role="img" aria-label="{escape(_words(shown, edges))}" '
        f'viewBox="0 0 {room:.0f} {height}" width="{room:.0f}" '
        'style="max-width: 100%; height: auto" font-size="12.5" fill="currentColor" '
        'xmlns="http://www.w3.org/2000/svg"><defs><marker id="tip" viewBox="0 0 8 8" refX="8" '
        'refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
        f'<path d="M0 0 8 4 0 8z"/></marker></defs>{"".join(arrows + boxes + labels)}</svg>'
    )


def _places(
    rows: dict[str, int], edges: list[Edge], widths: dict[str, float]
) -> tuple[dict[str, tuple[float, float]], float]:
    """Centre of every node, and the width of the chart; a row lies in its middle."""
    lines: list[list[str]] = [[] for _ in range(max(rows.values()) + 1)]
    for name, row in rows.items():
        lines[row].append(name)
    # a node has room for the label above it
    slots = dict(widths)
    for edge in edges:
        slots[edge.end] = max(slots[edge.end], LETTER * len(edge.label))
    lengths = [sum(slots[name] for name in line) + GAP * (len(line) - 1) for line in lines]
    around = LANE if any(rows[edge.end] != rows[edge.start] + 1 for edge in edges) else 20
    room = max(lengths) + 2 * around
    places = {}
    for row, (line, length) in enumerate(zip(lines, lengths, strict=True)):
        left = (room - length) / 2
        for name in line:
            places[name] = (left + slots[name] / 2, 10 + HEIGHT / 2 + STEP * row)
            left += slots[name] + GAP
    return places, room


def _down(edge: Edge, places, widths) -> tuple[str, tuple[float, float]]:
    """An arrow to the next row, and its middle."""
    (x, y), (end_x, end_y) = places[edge.start], places[edge.end]
    y, end_y = y + HEIGHT / 2, end_y - HEIGHT / 2
    middle = (y + end_y) / 2
    path = f"M{x} {y}C{x} {middle} {end_x} {middle} {end_x} {end_y}"
    return path, ((x + 3 * end_x) / 4, middle + 8) if x != end_x else (x, middle)


def _beside(edge: Edge, places, widths) -> tuple[str, tuple[float, float]]:
    """An arrow over several rows or back up, beside what lies between."""
    (x, y), (end_x, end_y) = places[edge.start], places[edge.end]
    side = -1 if x < end_x else 1
    outer = max(
        side * places[name][0] + widths[name] / 2
        for name in places
        if min(y, end_y) <= places[name][1] <= max(y, end_y)
    )
    x, end_x = x + side * widths[edge.start] / 2, end_x + side * widths[edge.end] / 2
    bend = side * (outer + 1.5 * LANE)
    path = f"M{x} {y}C{bend} {y} {bend} {end_y} {end_x} {end_y}"
    return path, (side * (outer + LANE / 2), (y + end_y) / 2)


def _box(place: tuple[float, float], width: float, words: str, pointed: bool) -> str:
    x, y = place
    left, right, top, bottom = x - width / 2, x + width / 2, y - HEIGHT / 2, y + HEIGHT / 2
    tip = 9 if pointed else 0
    corners = (
        f"{left},{y} {left + tip},{top} {right - tip},{top} {right},{y} {right - tip},{bottom} "
        f"{left + tip},{bottom}"
    )
    return (
        f'<polygon points="{corners}" fill="var(--pst-color-surface, #f3f4f5)" '
        'stroke="currentColor"/>'
        f'<text x="{x}" y="{y + 4.5}" text-anchor="middle">{escape(words)}</text>'
    )


def _label(words: str, x: float, y: float) -> str:
    return (
        f'<text x="{x}" y="{y + 4}" text-anchor="middle" font-style="italic" '
        'stroke="var(--pst-color-background, white)" stroke-width="5" paint-order="stroke">'
        f"{escape(words)}</text>"
    )


def _words(shown, edges: list[Edge]) -> str:
    """The chart as a sentence, for a screen reader."""
    return "; ".join(f"{shown[one.start][0]} leads to {shown[one.end][0]}" for one in edges)
