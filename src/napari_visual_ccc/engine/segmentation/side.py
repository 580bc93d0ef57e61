"""Which class of a threshold is objects: by the evidence of both, or by the border."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...arrays.lazy import is_lazy
from ...arrays.tiling import middle
from ...core.progress import Progress, Steps
from .plane.first_pass import weigh
from .plane.sides import DOUBTFUL, bright_or_dark

# slices of a stack that are looked at, evenly spread
_WEIGHED, _BORDERS = 5, 9

# share of the height and width that counts as border
_BORDER = 0.01

# sides of the middle of a plane that is weighed, in pixels
_MIDDLE = 4096


def sampled_slices(shape: tuple[int, ...], number: int = _WEIGHED) -> list[tuple[int, ...]]:
    """Return indices of slices of a stack, evenly spread, the first and the last included."""
    every = list(np.ndindex(shape[:-2]))
    return [every[n] for n in np.unique(np.linspace(0, len(every) - 1, number).round().astype(int))]


def mean_evidence(found: list[dict[str, float]]) -> dict[str, float]:
    """Average the evidence of slices."""
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _is_doubtful(side: dict[str, float]) -> bool:
    return abs(sum(side.values())) < DOUBTFUL


def side_facts(side: dict[str, float]) -> dict[str, Any]:
    """Return the side that the evidence speaks for, the evidence, and whether it is doubtful."""
    return {
        "objects": bright_or_dark(side),
        "evidence": {name: round(value, 2) for name, value in side.items()},
        "doubtful": _is_doubtful(side),
    }


def side_notes(side: dict[str, float], what: str = "particles") -> tuple[str, ...]:
    """Say the side, and whether it is doubtful."""
    if not side:
        return ()
    if _is_doubtful(side):
        taken = bright_or_dark(side)
        other = "dark" if taken == "bright" else "bright"
        return (
            f"doubtful: {what} may be bright or dark; taken as {taken}: look at the image, and"
            f" choose objects {other} if they are",
        )
    return (f"{what} are {bright_or_dark(side)}",)


def objects_of(labels: Any, grey: Any, by: str) -> Steps[tuple[dict[str, Any], tuple[str, ...]]]:
    """Find which class of a threshold is objects.

    Parameters
    ----------
    labels : (..., Y, X) array
        0 = not finite, 1 = dark, 2 = bright.
    grey : (..., Y, X) array
        What the threshold was found in.
    by : {'auto', 'border'}
        The border decides as well where slices are too small to have forms.

    Returns
    -------
    facts : dict
        ``objects`` and, where the sides were weighed, ``evidence`` and ``doubtful``.
    notes : tuple of str
    """
    side: dict[str, float] = {}
    if by == "auto":
        side = yield from _weighed(labels, grey)
    if side:
        return side_facts(side), side_notes(side, "objects")
    objects = _by_border(labels)
    return {"objects": objects}, (f"objects are {objects}: the other side fills the image border",)


def _weighed(labels: Any, grey: Any) -> Steps[dict[str, float]]:
    """Mean evidence of some slices; empty where there is none."""
    found, chosen = [], sampled_slices(labels.shape)
    for done, index in enumerate(chosen):
        yield Progress(done, len(chosen), "side")
        part = middle(labels.shape[-2:], _MIDDLE)
        classes, plane = labels[index][part], grey[index][part]
        if is_lazy(labels):
            from dask.base import compute

            # together: both read the same chunks
            classes, plane = compute(classes, plane, callbacks=())
        try:
            found.append((yield from weigh(np.asarray(plane), np.asarray(classes) == 2)))
        except ValueError:
            # nothing is finite, or too small
            continue
    return mean_evidence(found) if found else {}


def _by_border(labels: Any) -> str:
    """Side of the objects: not the one that fills most of the border."""
    counts = np.zeros(3, np.int64)
    for strips in _borders(labels):
        counts += sum(np.bincount(strip.ravel(), minlength=3) for strip in strips)
    return "bright" if counts[1] >= counts[2] else "dark"


def _borders(labels: Any) -> Iterator[tuple[Any, ...]]:
    height, width = labels.shape[-2:]
    rows, columns = max(1, round(height * _BORDER)), max(1, round(width * _BORDER))
    for index in sampled_slices(labels.shape, _BORDERS):
        plane = labels[index]
        strips = (plane[:rows], plane[-rows:], plane[:, :columns], plane[:, -columns:])
        if is_lazy(labels):
            from dask.base import compute

            # together: strips share the chunks they lie in
            strips = compute(*strips)
        yield strips
