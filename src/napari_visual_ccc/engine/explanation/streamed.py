"""Explanation of images larger than memory: the network runs once on every tile.

A network that ends in the mean of its last maps and a linear layer gives every cell of these maps
scores of its own, whose mean is the score of the image. Grad-CAM of such a network is the score of
the cell without the bias, so a few numbers a cell are kept and the maps themselves are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...arrays.lazy import CHUNK_SIDE
from ...core.progress import Progress, Steps, map_progress
from ...nets.inference import feature_map, out_of_memory
from ...nets.interpolate import interpolation, resized
from ...nets.predict import grey_range
from ..classification.crops import is_whole
from .explainer import Explainer
from .weights import Target

# side of a tile of the network's input and its margin, multiples of all strides
_SIDE, _MARGIN = 2048, 512

# cells in a batch
_CELLS = 4096

_METHODS = ("gradcam", "hirescam")


class StreamedExplainer(Explainer):
    """An `Explainer` of a lazy image (dask, 0 to 1)."""

    _scores: np.ndarray | None = None

    def logits(self) -> Steps[np.ndarray]:
        """Logits of the whole image: (classes,)."""
        scores = yield from self._cells()
        return scores.mean(axis=(1, 2)) + self.shift.cpu().numpy()

    def features(self) -> Steps[np.ndarray | None]:
        """As `Explainer.features`; None for a model of whole images, which would need all of it."""
        if is_whole(self.model.card):
            return None
        return (yield from super().features())

    def fall_back_to_cpu(self, error: BaseException) -> bool:
        """Continue on the CPU from the first tile."""
        self._scores = None
        return super().fall_back_to_cpu(error)

    def explain(self, target: Target, method: str) -> Steps[tuple[Any, float]]:
        """Explain the last maps, as `Explainer.explain`; the result is lazy.

        Raises
        ------
        ValueError
            If the method needs all maps at once.
        """
        if method not in _METHODS or self.layer:
            raise ValueError(
                f"an image of {self.image.size / 1e6:.0f} megapixels can be explained by Grad-CAM "
                "or HiResCAM of the last layer only; take a part of it for others"
            )
        scores = yield from self._cells()
        empty = torch.zeros(1, *self._kind, device=self.model.device)
        bias = self._cell_scores(empty)[:, 0, 0]
        asked = [target(torch.from_numpy(part).movedim(0, -1)).numpy() for part in (scores, bias)]
        raw = (asked[0] - asked[1]) / asked[0].size
        return self._fine(raw), float(np.abs(raw).max())

    def _cells(self) -> Steps[np.ndarray]:
        """Logits of every cell: (classes, h, w)."""
        if self._scores is None:
            self._scores = yield from self._score_cells()
        return self._scores

    def _score_cells(self) -> Steps[np.ndarray]:
        design, net, device = self.design, self.model.net, self.model.device
        if not (design.any_size and self.whole):
            raise ValueError(
                f"{self.model.card.name} is of fixed input size; an image of "
                f"{self.image.size / 1e6:.0f} megapixels is too large for it, take a part"
            )
        height, width = (-(-n // design.parts.stride) * design.parts.stride for n in self.size)
        corners = [(y, x) for y in range(0, height, _SIDE) for x in range(0, width, _SIDE)]
        scores: Any = None
        for done, (y, x) in enumerate(corners):
            now = Progress(done, len(corners), "tiles")
            yield now
            top, left = max(y - _MARGIN, 0), max(x - _MARGIN, 0)
            bottom, right = min(y + _SIDE + _MARGIN, height), min(x + _SIDE + _MARGIN, width)
            given = self._given((top, bottom), (left, right))
            steps = feature_map(net, design, given, device)
            maps = yield from map_progress(steps, _always(now))
            ends = min(y + _SIDE, height), min(x + _SIDE, width)
            (rows, columns), (to_rows, to_columns) = (
                [slice((a - o) // design.parts.stride, (b - o) // design.parts.stride)
                 for a, b, o in zip((y, x), ends, origin, strict=True)]
                for origin in ((top, left), (0, 0))
            )  # fmt: skip
            maps = maps[:, :, rows, columns]
            if scores is None:
                self._check(maps)
                shape = (len(self.model.card.classes),
                         height // design.parts.stride, width // design.parts.stride)  # fmt: skip
                scores, self._kind = np.empty(shape, np.float32), (maps.shape[1], 1, 1)
            scores[:, to_rows, to_columns] = self._cell_scores(maps)
        return scores

    def _cell_scores(self, maps: torch.Tensor) -> np.ndarray:
        """Logits of every cell of (1, C, h, w) maps: (classes, h, w)."""
        cells = maps[0].flatten(1).T[:, :, None, None]  # (h w, C, 1, 1)
        with torch.no_grad():
            parts = [self.head(cells[n : n + _CELLS]) for n in range(0, len(cells), _CELLS)]
        found = torch.cat(parts).T.reshape(-1, *maps.shape[2:])
        return found.float().cpu().numpy()

    def _check(self, maps: torch.Tensor) -> None:
        """Check that the logits of the image are the mean of those of the cells."""
        part = maps[:, :, :16, :16]
        try:
            with torch.no_grad():
                whole = self.head(part)[0].float().cpu().numpy()
            cells = self._cell_scores(part)
            alike = np.abs(cells.mean(axis=(1, 2)) - whole).max() <= 1e-3 * np.ptp(cells)
        except RuntimeError as error:
            # the head takes maps of one size only
            if out_of_memory(error):
                raise
            alike = False
        if not alike:
            raise ValueError(
                f"{self.model.card.name} does not end in a pooling and a linear layer; an image "
                f"of {self.image.size / 1e6:.0f} megapixels is too large for it, take a part"
            )

    def _given(self, rows: tuple[int, int], columns: tuple[int, int]) -> torch.Tensor:
        """Part of the network's input, (1, 1, H, W); the image is extended by its border."""
        inside = [(a, min(b, n)) for (a, b), n in zip((rows, columns), self.size, strict=True)]
        part = resized(self.image, self.size, *inside)
        beyond = [(0, b - n) for (_, b), (_, n) in zip((rows, columns), inside, strict=True)]
        mean, std = grey_range(self.model)
        return torch.from_numpy((np.pad(part, beyond, mode="edge") - mean) / std)[None, None]

    def _fine(self, raw: np.ndarray) -> Any:
        """Interpolate cells to pixels, lazily."""
        import dask.array as da

        parts, shape, size = self.design.parts, self.image.shape, self.size

        def block(block_info: Any = None) -> np.ndarray:
            rows, columns = (
                interpolation(cells, pixels, given, parts.stride, parts.first_centre, *place)
                for cells, pixels, given, place in zip(
                    raw.shape, shape, size, block_info[None]["array-location"], strict=True
                )
            )
            return (rows @ raw @ columns.T).astype(np.float32)

        chunks = da.core.normalize_chunks(CHUNK_SIDE, shape)
        return da.map_blocks(block, chunks=chunks, dtype=np.float32, meta=np.empty((0, 0), "f4"))


def _always(now: Progress) -> Callable[[Progress], Progress]:
    return lambda _: now
