"""Weights of the info-bar detector: ``python scripts/train_bar_weights.py DATA [hold]``.

DATA is the folder of development micrographs. Draws bars of all layouts on one half of them, and
pictures without a bar, spoils both as figures are, and prints the table of `bar_detector` and how
it does on drawings on the other half and on layouts that are in no fit. With ``hold`` it also
leaves out each layout and each family of letters in turn and prints the recall on what was left
out.

The terms that the weights are fitted to are written to tests/fixtures/bar_terms.npz, from which a
test fits them again to the weights in the source.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.bar_layouts import Barred
from benchmarks.info_bars import WITHIN, backgrounds, bars, without
from benchmarks.more_layouts import FREE, HELD_BACK, LOOKED_AT, more_bars
from napari_visual_ccc.engine.acquisition.bar_detector import (
    BORDERS,
    CERTAIN,
    Candidate,
    candidates,
    needed,
    terms,
    with_line,
)

# a false bar costs specimen; a missed one costs letters in the background
WEIGHT_OF_NONE = 6.0

# pictures with a bar, and as many without: of the training half and of the other
COUNT, OTHERS = 640, 250

# bars of each layout that is in no fit
MORE = 20

TABLE = Path(__file__).parents[1] / "tests/fixtures/bar_terms.npz"

# terms are stored, and fitted, in steps of this; weights of rows in steps of a half
STEP = 1 / 150


class Sample(NamedTuple):
    """A picture: its candidates, and the bar on it."""

    found: list[Candidate]
    made: Barred | None
    kind: str


def samples(data: Path, tune: bool, count: int, seed: int) -> Iterator[Sample]:
    rng = np.random.default_rng(seed)
    every, whole = backgrounds(data, tune)
    for made, (kind, image) in zip(
        bars(whole, count, rng), without(every, count, rng), strict=True
    ):
        yield Sample(_all(made.image), made, "bar")
        yield Sample(_all(image), None, kind)


def _all(image: np.ndarray) -> list[Candidate]:
    return [one for border in BORDERS for one in candidates(image, border)]


def rows(sample: Sample) -> Iterator[tuple[list[float], bool, float]]:
    """Terms of the candidates of a picture, which is the bar, and its weight."""
    for one in sample.found:
        at = list(terms(one.evidence).values())
        if sample.made is None:
            yield at, False, WEIGHT_OF_NONE
        elif one.border != sample.made.border:
            yield at, False, 1.0
        elif abs(one.first - sample.made.beneath) <= WITHIN and _ends(one, sample.made):
            yield at, True, 6.0
        elif one.stop < sample.made.beneath or one.stop > 1.5 * sample.made.taken:
            # other bands at the border of the bar overlap it, and are neither
            yield at, False, 0.5


def _ends(one: Candidate, made: Barred) -> bool:
    return abs(one.stop - made.taken) <= WITHIN


class Table(NamedTuple):
    """Terms of all candidates, in steps; which are the bar; weights, in halves."""

    terms: np.ndarray
    is_bar: np.ndarray
    weights: np.ndarray


def table_of(given: list[Sample]) -> Table:
    x, y, w = (
        np.array(part) for part in zip(*(row for s in given for row in rows(s)), strict=True)
    )
    return Table(np.round(x / STEP).clip(0, 255).astype("u1"), y, np.round(2 * w).astype("u1"))


def fit(table: Table) -> tuple[float, np.ndarray]:
    """Bias and weights, as they stand in the source: to two decimals."""
    x = table.terms * STEP
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    model = LogisticRegression(C=0.3, solver="newton-cholesky", tol=1e-8, max_iter=200)
    model.fit((x - middle) / spread, table.is_bar, sample_weight=table.weights / 2)
    weights = model.coef_[0] / spread
    bias = float(model.intercept_[0] - weights @ middle)
    return round(bias, 2), weights.round(2)


def best(sample: Sample, bias: float, weights: np.ndarray) -> tuple[float, Candidate | None]:
    scored = [(bias + float(weights @ list(terms(c.evidence).values())), c) for c in sample.found]
    return max(scored, key=lambda one: one[0], default=(-99.0, None))


def report(name: str, given: list[Sample], bias: float, weights: np.ndarray, least: float) -> None:
    """Recall (edge within two rows), wrong edges, and pictures without a bar that lose rows."""
    right = wrong = total = false = empty = 0
    for sample in given:
        value, one = best(sample, bias, weights)
        # stripes need more, as they do in the detector
        cut = one is not None and value >= least + needed(one) - CERTAIN
        if sample.made is None:
            false, empty = false + cut, empty + 1
            continue
        total += 1
        end = one and with_line(one, sample.found)
        good = end is not None and end.border == sample.made.border and _ends(end, sample.made)
        right, wrong = right + (cut and good), wrong + (cut and not good)
    shares = f"right {right / max(total, 1):.3f}, wrong edge {wrong / max(total, 1):.3f} of {total}"
    print(f"{name}: {shares}; false {false} of {empty}", flush=True)


def main(data: Path, hold: bool) -> None:
    train = list(samples(data, True, COUNT, 1))
    test = list(samples(data, False, OTHERS, 2))
    table = table_of(train)
    bias, weights = fit(table)
    np.savez_compressed(TABLE, **table._asdict())
    print(f"BIAS = {bias:.2f}\nWEIGHTS = {{")
    names = terms(next(s.found[0] for s in train if s.found).evidence)
    for name, weight in zip(names, weights, strict=True):
        print(f'    "{name}": {weight:.2f},')
    print("}")
    for least in (0.0, CERTAIN / 2, CERTAIN, CERTAIN + 1):
        report(f"log odds {least}: training half", train, bias, weights, least)
        report(f"log odds {least}: other half", test, bias, weights, least)
    for name in sorted({s.kind for s in test}):
        report(name, [s for s in test if s.kind == name], bias, weights, CERTAIN)
    for name in sorted({s.made.layout for s in test if s.made}):
        given = [s for s in test if s.made and s.made.layout == name]
        report(f"layout {name}, other half", given, bias, weights, CERTAIN)
    _, whole = backgrounds(data, False)
    for k, name in enumerate((*LOOKED_AT, FREE, *HELD_BACK)):
        made = more_bars(whole, [name], MORE, np.random.default_rng(100 + k))
        given = [Sample(_all(one.image), one, "bar") for one in made]
        report(f"layout {name}, in no fit", given, bias, weights, CERTAIN)
    if hold:
        for part in ("layout", "family"):
            for name in sorted({getattr(s.made, part) for s in train if s.made}):
                kept = [s for s in train if s.made is None or getattr(s.made, part) != name]
                out = [s for s in (*train, *test) if s.made and getattr(s.made, part) == name]
                report(f"without {part} {name}", out, *fit(table_of(kept)), CERTAIN)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "hold" in sys.argv)
