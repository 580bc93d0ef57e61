"""Statistics of rows near a border: where a band may begin and end, and what speaks for a bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# parts of a row that each must show the edge; the part that counts, from the weakest
_PARTS, _WEAK = 16, 3

# grey levels that are distinguished, and how many on each side of paper are paper
_LEVELS, _NEAR, _NOISY = 64, 2, 5

# rows on each side of an edge that are compared; rows that the edge itself may take
_ACROSS, _SOFT = 3, 2

# rows on each side of an edge in which parts of the width may change elsewhere
_WAVES = 5

# rows beyond an edge whose changes from row to row are the measure of it
_BESIDE = 40

# edges by their size, and by the fall of plain rows
_EDGES, _FALLS, _FALL = 10, 4, 0.2

# share of a row of a line that has one grey level
_CLEAN = 0.93

# rows, and blocks of columns, that tell the paper of each part of a band
_LOOKED_AT, _BLOCKS = 32, 128

# grey levels that tell paper from specimen, and least rise of the share of paper at its first row
_FINE, _JUMP = 256, 0.35


@dataclass(frozen=True)
class Rows:
    """What is known of each row of a band, the outermost first.

    `grey` is the grey level in units of the spread of the specimen, `bent` the same with extremes
    drawn together (-1 to 1). ``step[r]`` is the change from the rows before `r` to those after it
    in the weaker parts of the width, ``sign[r]`` how far it has one sign; ``noise[r]`` is the
    roughness along a row, ``plain[r]`` the largest share of it that has one grey level,
    ``levels[r]`` counts pixels by grey level, summed over the rows before `r`, and ``turns[r]`` is
    the change from the row before `r` to `r` in each part of the width.
    """

    grey: np.ndarray
    bent: np.ndarray
    step: np.ndarray
    sign: np.ndarray
    noise: np.ndarray
    levels: np.ndarray
    plain: np.ndarray
    turns: np.ndarray

    @classmethod
    def of(cls, band: np.ndarray) -> Rows:
        """Measure a band, (rows, columns) float, whose inner half is specimen for the most part."""
        inner = band[len(band) // 2 :]
        low, middle, high = np.percentile(inner[::2, ::2], (2, 50, 98))
        spread = 4 * float(np.median(np.abs(inner[::2, ::2] - middle)))
        scale = max(spread, 0.08 * float(high - low)) or float(np.ptp(band)) / 4 or 1.0
        grey = np.clip((band - middle) / scale, -8, 8).astype(np.float32)
        bent = np.tanh(grey)
        change = _changes(bent, _ACROSS)
        step = np.zeros(len(band), np.float32)
        sign = np.zeros(len(band), np.float32)
        inside = slice(_ACROSS, len(band) - _ACROSS + 1)
        step[inside] = _weakest(np.abs(change), _WEAK)
        sign[inside] = np.abs(np.sign(change).mean(axis=1))
        noise = _weakest(np.abs(np.diff(grey, 2, axis=1)), _PARTS // 4)
        bins = ((bent + 1) * (_LEVELS / 2)).astype(np.int64).clip(0, _LEVELS - 1)
        bins += _LEVELS * np.arange(len(band))[:, None]
        counts = np.bincount(bins.ravel(), minlength=_LEVELS * len(band)).reshape(-1, _LEVELS)
        levels = np.vstack([np.zeros((1, _LEVELS), np.int64), counts.cumsum(axis=0)])
        within = counts.cumsum(axis=1)
        window = np.pad(within, ((0, 0), (1 + _NEAR, _NEAR)), mode="edge")
        window[:, : 1 + _NEAR] = 0
        plain = (window[:, 2 * _NEAR + 1 :] - window[:, : -2 * _NEAR - 1]).max(axis=1)
        turns = np.zeros((len(band), min(_PARTS, band.shape[1])), np.float32)
        turns[1:] = _by_part(np.abs(np.diff(grey, axis=0)))
        return cls(grey, bent, step, sign, noise, levels, plain / band.shape[1], turns)

    def edges(self, least: int, most: int) -> list[int]:
        """Rows at which a band may end: the strongest changes, one in five rows."""
        step = self.step
        rows = np.arange(max(1, least), min(most, len(step) - _ACROSS) + 1)
        highest = _sliding_max(np.pad(step, _SOFT), 2 * _SOFT + 1)[rows]
        found = rows[(step[rows] == highest) & (step[rows] > 0.01)].tolist()
        by_size = sorted(found, key=lambda r: -step[r])[:_EDGES]
        by_ratio = sorted(found, key=lambda r: -self.sharpness(r))[:_EDGES]
        return sorted({*by_size, *by_ratio, *self._falls(least, most)})

    def _falls(self, least: int, most: int) -> list[int]:
        """Rows at which plain rows end: paper of the grey level of the specimen beside it."""
        plain, k = self.plain, _ACROSS
        rows = np.arange(max(k, least), min(most, len(plain) - k - 1) + 1)
        highest = _sliding_max(plain, k)
        fall = highest[rows - k] - highest[rows]
        order = np.argsort(-fall, kind="stable")[:_FALLS]
        return [int(rows[i]) for i in order if fall[i] >= _FALL]

    def after_line(self, stop: int) -> int:
        """Row after a line that is drawn along the edge of a bar; it belongs to the bar."""
        for r in range(stop, min(stop + max(4, stop // 12 + 1), len(self.plain) - 1)):
            if self.plain[r] < _CLEAN:
                soft = r > stop and self.plain[r:].min() < _CLEAN
                return self._half_way(stop, r) if soft else stop
        return stop

    def _half_way(self, stop: int, last: int) -> int:
        """Row where a line that begins at `stop` is half specimen; it is all so at `last`."""
        level = np.median(self.bent[stop - 1 : last + _ACROSS], axis=1)
        peak = int(np.abs(level[: last - stop + 1] - level[0]).argmax())
        beyond = float(level[-2:].mean())
        turned = np.abs(level[peak + 1 :] - beyond) < np.abs(level[peak + 1 :] - level[peak])
        return min(last, stop + peak + int(turned.argmax())) if turned.any() else last

    def sharpness(self, r: int) -> float:
        """Step at a row over those of the specimen beyond it."""
        beyond = self.step[r + 2 * _ACROSS : r + 2 * _ACROSS + _BESIDE]
        return float(self.step[r] / (0.012 + (_quantile(beyond, 0.5) if beyond.size else 0)))

    def straight(self, r: int) -> float:
        """Share of the parts of the width that change at one row near `r`, to a row.

        What is drawn ends in one row; a layer of the specimen does so by chance, or by its waves.
        """
        low = max(1, r - _WAVES)
        at = self.turns[low : r + _WAVES + 1].argmax(axis=0)
        counts = np.bincount(at, minlength=2 * _WAVES + 3)
        shares = (counts[:-2] + counts[1:-1] + counts[2:]) / len(at)
        # a line along the edge turns a row or two before it
        first = max(0, r - _SOFT - low - 1)
        return float(shares[first : r + _SOFT - low].max())

    def paper(self, first: int, stop: int) -> dict[str, float]:
        """Share of paper between two rows, in clean rows, outside, and its fall at the end."""
        counts = self.levels[stop] - self.levels[first]
        level = int(np.convolve(counts, np.ones(3), "same").argmax())
        # twice the noise of the quieter rows: the median second difference is 1.65 of it
        noise = _quantile(self.noise[first:stop], 0.25) / 1.65
        wide = min(max(round(_LEVELS * noise), _NEAR), _NOISY)
        near = slice(max(0, level - wide), level + wide + 1)
        share = np.diff(self.levels[:, near].sum(axis=1)) / self.bent.shape[1]
        soft = min(_SOFT, (stop - first) // 6)
        inside = share[first + soft : stop - soft]
        depth = max(6, (stop - first) // 2)
        after = share[stop + 1 : stop + 1 + depth]
        before = share[max(0, first - depth) : max(0, first - 1)]
        last = share[max(first, stop - 2 * _ACROSS) : stop]
        next_to = share[stop + 1 : stop + 1 + _ACROSS]
        return {
            "paper": float(inside.mean()),
            "clean": _quantile(inside, 0.85),
            "beyond": max(float(one.mean()) if one.size else 0.0 for one in (after, before)),
            "levels": float(wide),
            "fall": float(last.max() - next_to.max()) if next_to.size else 0.0,
        }

    def own_paper(self, first: int, stop: int, levels: float) -> dict[str, float]:
        """Share of pixels of the grey level of their part of a band, in clean rows and beyond.

        Paper may differ from cell to cell along a bar, and from row to row; by `levels` to each
        side of its own it is still paper.
        """
        soft = min(_SOFT, (stop - first) // 6)
        rows = np.unique(np.linspace(first + soft, stop - soft - 1, _LOOKED_AT).astype(int))
        blocks = min(_BLOCKS, self.bent.shape[1])
        each = self.bent.shape[1] // blocks
        inside = self.bent[rows, : blocks * each]
        cells = inside.reshape(len(rows), blocks, each).transpose(1, 0, 2).reshape(blocks, -1)
        level = np.repeat(_median(cells), each)
        rest = inside - level
        drift = _median(rest[:, each // 2 :: each])
        near = (levels + 0.5) * 2 / _LEVELS
        share = np.count_nonzero(np.abs(rest - drift[:, None]) <= near, axis=1) / rest.shape[1]
        depth = max(6, (stop - first) // 2)
        after = self.bent[stop + 1 : stop + 1 + depth, : blocks * each]
        beyond = np.abs(after - (level + drift[-1])) <= near
        return {
            "own clean": _quantile(share, 0.85),
            "own beyond": np.count_nonzero(beyond) / beyond.size if beyond.size else 0.0,
        }

    def evidence(self, first: int, stop: int) -> dict[str, float]:
        """Measure what speaks for a bar between two rows, letters aside."""
        beyond = self.step[stop + _ACROSS :]
        specimen = self.noise[stop + _SOFT : stop + _SOFT + 2 * _BESIDE]
        quiet = _quantile(self.noise[first:stop], 0.25)
        grainy = _quantile(specimen, 0.5) if specimen.size else quiet
        outer = slice(max(0, stop + 1), stop + 1 + _SOFT), slice(max(0, stop - 1 - _SOFT), stop - 1)
        one, other = (self.bent[rows].mean(axis=0) for rows in outer)
        return {
            **self.paper(first, stop),
            "edge": float(np.log(0.1 + self.sharpness(stop))),
            "step": float(min(self.step[stop], 0.5)),
            "start": 1.5 if first == 0 else float(np.log(0.1 + self._start(first))),
            "inside": float(first > 0),
            "sign": float(self.sign[stop]),
            "straight": self.straight(stop),
            "stripes": float(min(2.0, beyond.max() / (0.01 + self.step[stop])))
            if beyond.size
            else 0.0,
            "quiet": float(np.clip(np.log((0.003 + grainy) / (0.003 + quiet)), -1, 3)),
            "through": _correlation(one, other),
        }

    def _start(self, first: int) -> float:
        before = self.step[max(0, first - 2 * _ACROSS - _BESIDE) : max(0, first - 2 * _ACROSS)]
        return float(self.step[first] / (0.02 + (_quantile(before, 0.5) if before.size else 0)))


def sharpest(band: np.ndarray, across: int) -> np.ndarray:
    """Change at each row of a band, over the weaker parts of the width; 0 near its ends."""
    step = np.zeros(len(band))
    step[across : len(band) - across + 1] = _weakest(np.abs(_changes(band, across)), _WEAK)
    return step


def last_change(band: np.ndarray, stop: int) -> int:
    """Row near the end of a bar where its last row, or a line along it, turns into specimen."""
    step = np.zeros(len(band))
    step[1:] = _weakest(np.abs(np.diff(band, axis=0)), _PARTS // 2)
    near = step[max(0, stop - _ACROSS) : stop + _ACROSS + 1]
    usual = float(np.median(step[stop + 2 * _ACROSS :])) if len(step) > stop + 2 * _ACROSS else 0.0
    strong = np.flatnonzero((near >= 0.3 * near.max()) & (near >= 2 * usual) & (near > 0))
    return max(0, stop - _ACROSS) + int(strong[-1]) if strong.size else stop


def first_of_paper(band: np.ndarray) -> int:
    """First row of paper in a band that ends with it, beneath which is specimen; 0 if none is.

    Grey levels as they are: `Rows.bent` takes bright specimen and white paper for one level.
    """
    low, high = float(band.min()), float(band.max())
    if not high > low:
        return 0
    levels = ((band - low) * ((_FINE - 1) / (high - low))).astype(np.int64)
    inner = np.bincount(levels[len(band) // 2 :].ravel(), minlength=_FINE)
    near = np.abs(levels - int(inner.argmax())) <= _FINE // 64
    share = near.mean(axis=1)
    best, jump = 0, _JUMP
    for r in range(2 * _ACROSS, len(band) - 4 * _ACROSS + 1):
        risen = float(share[r : r + _ACROSS].min() - share[r - _ACROSS : r].max())
        if risen > jump and share[:r].mean() < share[r:].mean() / 3:
            best, jump = r, risen
    if not best:
        return 0
    # other paper, or a frame, has one grey level as well
    counts = np.bincount(levels[: best - _SOFT].ravel(), minlength=_FINE)
    window = np.convolve(counts, np.ones(_FINE // 32 + 1), "same")
    return best if window.max() < 0.5 * counts.sum() else 0


def _changes(rows: np.ndarray, across: int) -> np.ndarray:
    """Mean of the rows after each row less that of as many before, where there are so many."""
    total = rows[: len(rows) - across + 1].copy()
    for i in range(1, across):
        total += rows[i : len(rows) - across + 1 + i]
    return np.asarray((total[across:] - total[:-across]) / across)


def _sliding_max(values: np.ndarray, width: int) -> np.ndarray:
    """Largest of each value and those after it, as many as `width`."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, width).max(axis=1))


def _weakest(values: np.ndarray, rank: int) -> np.ndarray:
    """Median of each part of a row, and of the parts the one of a rank from the weakest."""
    parts = _by_part(values)
    return np.asarray(np.sort(parts, axis=1)[:, min(rank, parts.shape[1] - 1)])


def _by_part(values: np.ndarray) -> np.ndarray:
    """Median of each part of each row."""
    parts = min(_PARTS, values.shape[1])
    width = values.shape[1] // parts
    cut = values[:, : parts * width].reshape(len(values), parts, width)
    # a whole sort of short parts is faster than a median
    cut = np.sort(cut, axis=2)
    middle = (cut[..., (width - 1) // 2] + cut[..., width // 2]) / 2
    return np.asarray(middle)


def _median(rows: np.ndarray) -> np.ndarray:
    """Median of each of many short rows."""
    low, high = (rows.shape[1] - 1) // 2, rows.shape[1] // 2
    # a whole sort is faster than a partition at two places, or a median
    ordered = np.sort(rows, axis=1)
    return np.asarray((ordered[:, low] + ordered[:, high]) / 2)


def _quantile(values: np.ndarray, share: float) -> float:
    """Quantile of few values, for which a call of NumPy's takes far longer."""
    ordered = np.sort(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum() / norm) if norm > 1e-9 else 0.0
