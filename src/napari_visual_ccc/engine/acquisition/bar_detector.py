"""Detector of the info bar: a band along a border, judged by its edges, paper and letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...arrays.inputs import to_gray
from ...arrays.lazy import in_memory
from ...core.micrograph import InfoBar, Micrograph
from .bar_rows import Rows, first_of_paper, last_change, sharpest
from .lettering import solid, strokes

BORDERS = ("bottom", "top", "left", "right")

# largest share of the height (of the width, at a side); least and most rows, least columns
_SHARE, _LEAST, _MOST, _NARROWEST = 1 / 3, 12, 2048, 64

# fewest rows of specimen that may lie beneath a bar
_BENEATH = 6

# samples along a border, and rows inwards: enough to separate paper from specimen
_SAMPLED, _DEEP = 512, 1024

# rows beyond the highest bar, to rule out stripes
_FURTHER = 104

# rows beyond the end of a bar that show how the specimen changes
_NEAR = 32

# candidates whose letters are looked at, above or below and at a side
_READ, _READ_SIDE = 6, 3

# log odds from which a bar is left out, and from which it is proposed
CERTAIN, PROPOSED = 1.5, 0.0

# more of them where the specimen has edges as sharp beyond it and is as quiet: regular lines
_STRIPED, _SHARP, _QUIET = 1.0, 0.9, 0.1

# marks that are no letters: all of one size, or nearly so and as wide as they are high, or such
# as fill their convex hulls, more so if their sizes vary; particles in a row are proposed, whatever
# the rest
_SAME, _ALIKE, _BULKY, _SOLID, _SOLID_VARIED, _NEVER = 0.2, 0.78, 0.7, 0.8, 0.83, 99.0

# share of the height beyond which a bar is looked for where there is none before, and proposed
_FAR = 1 / 5

# logistic regression on drawn bars and on pictures without one (scripts/train_bar_weights.py)
BIAS = -28.51
WEIGHTS: dict[str, float] = {
    "letters": 6.49,
    "edge": -0.61,
    "paper": -2.21,
    "letters on paper": 2.24,
    "letters on glass": 10.90,
    "straight": 3.20,
    "end": -1.02,
    "few letters": 1.87,
    "narrow": -2.36,
    "variety": 0.99,
    "blank": -0.16,
    "slender": 0.76,
    "contrast": 0.95,
    "stripes": -3.60,
    "quiet": 1.27,
    "sign": 7.97,
    "start": 5.40,
    "mean paper": 11.52,
    "side": -1.17,
    "high": -5.51,
}

# letters that speak most for a bar, but for their number
_BEST = {
    "lined": 1.0,
    "slender": 0.0,
    "variety": 1.3,
    "wide": 1.0,
    "blank": 0.0,
    "contrast": 1.5,
    "clear": 4.0,
}


@dataclass(frozen=True)
class Candidate:
    """A band that may be a bar: its first row from the border and the row where it ends.

    Known to `by` rows. A line along its edge, if there is one, ends at `line`.
    """

    border: str
    first: int
    stop: int
    line: int
    by: int
    evidence: dict[str, float]


def info_bar_of(micrograph: Micrograph) -> InfoBar:
    """Info bar that the file states, or else the detected one."""
    stated = micrograph.info_bar
    return find_info_bar(micrograph.data) if stated is None else stated


def middle_plane(image: Any) -> Any:
    """Grey plane in which the bar is looked for: of a stack the middle slice."""
    grey, _ = to_gray(image)
    return grey[tuple(length // 2 for length in grey.shape[:-2])]


def candidates(plane: Any, border: str, least: float = -np.inf) -> list[Candidate]:
    """Bands along a border with what speaks for each being a bar.

    Bands that reach no score of `least`, whatever is written on them, are left out unread.
    """
    across, along = plane.shape if border in ("top", "bottom") else plane.shape[::-1]
    most = min(round(across * _SHARE), _MOST)
    if most < _LEAST or along < _NARROWEST:
        return []
    # farther than a bar may reach: stripes that continue are no bar
    band = _band(plane, border, most + _FURTHER, max(1, along // _SAMPLED))
    if band.min() == band.max():
        return []
    by = max(1, len(band) // _DEEP)
    rows = Rows.of(_averaged(band, by))
    found = []
    for first, stop in _pairs(rows, border, _LEAST // by, most // by):
        evidence = rows.evidence(first, stop)
        evidence["side"] = float(border in ("left", "right"))
        evidence["share"] = float(np.log((stop - first) * by / across))
        line = rows.after_line(stop)
        found.append(Candidate(border, first * by, stop * by, line * by, by, evidence))
    found = _best(rows, found, _READ_SIDE if border in ("left", "right") else _READ)
    return [_read(plane, one) for one in found if _highest(one) >= least]


def _pairs(rows: Rows, border: str, least: int, most: int) -> Iterator[tuple[int, int]]:
    edges = rows.edges(max(3, least), most)
    edges = sorted({*edges, *map(rows.after_line, edges)})
    starts = [0]
    if border in ("top", "bottom"):
        starts += [r for r in rows.edges(_BENEATH, most) if r >= _BENEATH]
    for first in starts:
        yield from ((first, stop) for stop in edges if stop - first >= max(3, least))


def _best(rows: Rows, found: list[Candidate], count: int) -> list[Candidate]:
    """Candidates of most promise; the paper of their parts is looked at only where it matters."""
    looked: list[Candidate] = []
    for one in sorted(found, key=_promise, reverse=True):
        if len(looked) == count and _promise(looked[-1]) >= _promise(one):
            break
        first, stop = one.first // one.by, one.stop // one.by
        own = rows.own_paper(first, stop, one.evidence["levels"])
        looked.append(replace(one, evidence={**one.evidence, **own}))
        looked = sorted(looked, key=_promise, reverse=True)[:count]
    return looked


def _promise(one: Candidate) -> float:
    """Order of candidates before their letters are read; at most, if paper is not looked at yet."""
    e = {"own clean": 1.0, "own beyond": 0.0, **one.evidence}
    edge = min(max(e["edge"], 0), 2) + 2 * e["straight"] + 0.5 * min(0, e["start"])
    side = 2 * max(e["sign"], e["clean"] - e["beyond"], e["own clean"] - e["own beyond"])
    return edge + side + 2 * e["clean"] + e["fall"] - 2 * e["beyond"] + e["quiet"] - e["stripes"]


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def terms(evidence: dict[str, float]) -> dict[str, float]:
    """Bring evidence to 0 to 1 where more of it says no more, and combine what belongs together."""

    def of(name: str, low: float, high: float) -> float:
        return _unit((evidence[name] - low) / (high - low))

    letters = of("letters", 0, 3) * of("lined", 0, 0.6) * of("clear", 1, 2.5)
    # what is not straight is no edge of a drawing
    straight = of("straight", 0.5, 0.95)
    edge = of("edge", -0.2, 1.8)
    fall = evidence["fall"] * (1 - evidence["beyond"])
    end = straight * max(edge, _unit(fall / 0.5))
    fallen = _unit((evidence["clean"] - evidence["beyond"]) / 0.7)
    own_fallen = _unit((evidence["own clean"] - evidence["own beyond"]) / 0.7)
    # cells of other paper, or paper that fades, have no one grey level
    own = of("own clean", 0.6, 0.95) * own_fallen
    paper = max(of("clean", 0.5, 0.9) * fallen, own)
    return {
        "letters": letters,
        "edge": edge,
        "paper": paper,
        "letters on paper": letters * paper * end,
        "letters on glass": letters * (1 - paper) * edge * of("sign", 0, 1) * of("through", 0, 0.5),
        "straight": straight,
        "end": end,
        "few letters": of("letters", 3.0, 1.5),
        "narrow": of("wide", 0.5, 0.1),
        "variety": of("variety", 0, 1.3),
        "blank": of("blank", 0, 0.5),
        "slender": of("slender", 0.8, 0.2),
        "contrast": evidence["contrast"],
        "stripes": of("stripes", 0, 1.2),
        "quiet": of("quiet", -1, 2),
        # the specimen is brighter than middle grey here and darker there
        "sign": max(evidence["sign"], paper),
        "start": of("start", -0.5, 1.5),
        "mean paper": max(of("paper", 0, 0.85), 0.8 * own * straight),
        "side": evidence["side"],
        "high": of("share", -1.7, -1.1),
    }


def score(one: Candidate) -> float:
    """Log odds that a candidate is an info bar."""
    known = terms(one.evidence)
    return BIAS + sum(weight * known[name] for name, weight in WEIGHTS.items())


def needed(one: Candidate) -> float:
    """Log odds from which a candidate is left out."""
    striped = one.evidence["stripes"] > _SHARP and one.evidence["quiet"] < _QUIET
    return CERTAIN + _STRIPED * striped + _NEVER * in_a_row(one.evidence)


def in_a_row(evidence: dict[str, float]) -> bool:
    """Whether what stands on a band is a row of like particles, not letters."""
    if not evidence["letters"]:
        return False
    alike = evidence["variety"] <= _ALIKE
    bulky = evidence["slender"] >= _BULKY and alike
    filled = evidence["solid"] >= (_SOLID if alike else _SOLID_VARIED)
    return bulky or evidence["variety"] <= _SAME or filled


def _highest(one: Candidate) -> float:
    """Log odds with the best letters there are: the most of them, or few."""
    return max(
        score(replace(one, evidence={**one.evidence, **_BEST, "letters": number}))
        for number in (1.5, 3.0)
    )


def _read(plane: Any, one: Candidate) -> Candidate:
    whole = _band(plane, one.border, one.stop, 1)[one.first :]
    letters = strokes(whole, turned=one.border in ("left", "right"))
    return replace(one, evidence={**one.evidence, **letters, "solid": solid(whole)})


def with_line(one: Candidate, every: list[Candidate]) -> Candidate:
    """Candidate that holds the line along the edge of another, which belongs to the bar."""
    end = one.border, one.first, one.line
    return next((o for o in every if (o.border, o.first, o.stop) == end), one)


def _to_the_row(plane: Any, border: str, stop: int, by: int) -> int:
    """End of a bar to the row, where it was found to a few of them in means of `by` rows."""
    along = plane.shape[1] if border in ("top", "bottom") else plane.shape[0]
    band = _band(plane, border, stop + _NEAR + 4 * by, max(1, along // _SAMPLED))
    if by > 1:
        near = 4 * by
        stop += int(sharpest(band[stop - near : stop + near], by).argmax()) - near
    return last_change(band, stop)


def _beneath(plane: Any, border: str, stop: int) -> int:
    """Rows of specimen beneath a bar that was found from the border on."""
    if border in ("left", "right"):
        return 0
    return first_of_paper(_band(plane, border, stop, max(1, plane.shape[1] // _SAMPLED)))


def _far_inside(plane: Any) -> InfoBar:
    """Bar with so much specimen beyond it that it lies farther from the border than others do."""
    past = round(_FAR * plane.shape[0])
    rest = {"bottom": plane[: plane.shape[0] - past], "top": plane[past:]}
    every = [one for border, part in rest.items() for one in candidates(part, border, CERTAIN)]
    inside = [one for one in every if one.first and score(one) >= needed(one)]
    if not inside:
        return InfoBar()
    best = max(inside, key=score)
    end = with_line(best, every).stop
    stop = past + _to_the_row(rest[best.border], best.border, end, best.by)
    return InfoBar.of({best.border: stop}, beneath=past + best.first)


def _averaged(band: np.ndarray, by: int) -> np.ndarray:
    if by == 1:
        return band
    rows = len(band) // by
    return np.asarray(band[: rows * by].reshape(rows, by, -1).mean(axis=1))


def find_info_bar(image: Any) -> InfoBar:
    """Detect the info bar in the pixels alone; only rows and columns near the borders are read.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, finite or not, numpy or dask. Of a stack the middle slice.

    Returns
    -------
    InfoBar
        All zeros where there is none. ``doubtful`` is a bar that is proposed only.
    """
    plane = middle_plane(image)
    bar, proposed = InfoBar(), InfoBar()
    for border in BORDERS:
        # a second bar lies inside the first
        specimen = plane[bar.specimen(*plane.shape)]
        every = candidates(specimen, border, PROPOSED)
        found = max(every, key=score, default=None)
        if found is None or score(found) < PROPOSED:
            continue
        end = with_line(found, every).stop
        stop = _to_the_row(specimen, border, end, found.by)
        if score(found) >= needed(found):
            first = found.first or _beneath(specimen, border, stop)
            bar = InfoBar.of({**bar.pixels, border: stop}, beneath=bar.beneath + first)
        else:
            beneath = proposed.beneath + found.first
            proposed = InfoBar.of({**proposed.pixels, border: stop}, beneath=beneath)
    if not bar and not proposed:
        proposed = _far_inside(plane)
    if not proposed:
        return bar
    numbers = {border: size or proposed.pixels[border] for border, size in bar.pixels.items()}
    beneath = bar.beneath + proposed.beneath
    return replace(bar, doubtful=InfoBar.of(numbers, beneath=beneath))


def _band(plane: Any, border: str, height: int, step: int) -> np.ndarray:
    """Rows from a border inwards, the outermost first; columns at the left and right border."""
    inwards = slice(None, height) if border in ("top", "left") else slice(-1, -1 - height, -1)
    upright = border in ("left", "right")
    part = plane[::step, inwards].T if upright else plane[inwards, ::step]
    part = in_memory(part)
    band = np.ascontiguousarray(part, "f4" if part.dtype.itemsize <= 2 else "f8")
    missing = ~np.isfinite(band)
    if missing.any():
        # a band may be a view of the image, which stays as it is
        band = np.where(missing, 0 if missing.all() else np.median(band[~missing]), band)
    return band
