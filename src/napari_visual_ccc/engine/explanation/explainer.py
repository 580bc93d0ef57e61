"""Class activation maps of one image."""

from __future__ import annotations

import functools

import numpy as np
import torch

from ...core.progress import Progress, Steps, map_progress
from ...nets.checkpoint import Model, on_cpu
from ...nets.inference import (
    FALLBACK_NOTE,
    can_fall_back,
    feature_map,
    scores_and_features,
    to_input,
    whole_strides,
)
from ...nets.interpolate import to_pixels
from ...nets.layers import find_layer, multiplications
from ...nets.lens.tap import Tap
from ...nets.predict import batched, fitting, grey_range, size_term
from ..classification.calibration import softmax
from ..classification.crops import CROP, EMPTY, is_crop, is_whole, spread, window_side
from ..classification.whole_image import input_size
from .weights import (
    Head,
    Target,
    class_activation_map,
    detached,
    full_grad,
    score_cam,
    score_cam_of_layer,
)

# largest network input, in pixels, that is explained at once if all layers are kept in memory
_AT_ONCE = 1024 * 1024

# largest side of an input on which a network that takes any size is looked at
_LOOK_PX = 512

# windows that are explained in a batch, and how many times the memory of a pass a map takes where
# the maps of all layers are kept
_BATCH, _KEPT = 16, 8

# largest number of windows that are compared with the training images
_SAMPLE = 32


class Explainer:
    """Class activation maps of one model for one image.

    Parameters
    ----------
    model : Model
        Model from `checkpoint.load_model`.
    stretched : (Y, X) or (C, Y, X) float32 array
        Image, 0 to 1, from `crops.normalised`.
    size_nm : float, optional
        Pixel size in nm.
    layer : str
        Name of the explained layer; by default the last maps of the architecture.
    """

    def __init__(
        self, model: Model, stretched: np.ndarray, size_nm: float | None = None, layer: str = ""
    ) -> None:
        self.model, self.image, self.layer = model, stretched, layer
        self.design = model.design
        self.side = window_side(model.card, self.shape, size_nm)
        self._size_nm = size_nm
        self.shift = size_term(model, size_nm)
        self.head = Head(model.net, self.design)
        if layer:
            find_layer(model.net, layer, model.card.input_px)
        if not self.design.any_size:
            # refused where one input does not fit; others run in tiles
            fitting(model)
        self._maps: torch.Tensor | None = None
        self._window_outputs: tuple[np.ndarray, np.ndarray] | None = None
        self.notes: tuple[str, ...] = ()

    def fall_back_to_cpu(self, error: BaseException) -> bool:
        """Continue on the CPU if an error says that GPU memory is full; return whether it does."""
        if not can_fall_back(error, self.model.device):
            return False
        self.model = on_cpu(self.model)
        self.head = Head(self.model.net, self.design)
        self.shift = size_term(self.model, self._size_nm)
        self._maps = self._window_outputs = None
        self.notes = (*self.notes, FALLBACK_NOTE)
        return True

    def for_image(self, image: np.ndarray, model: Model | None = None) -> Explainer:
        """Create an explainer of another image, or with another network, at the same scale."""
        view = Explainer(model or self.model, np.ascontiguousarray(image), None, self.layer)
        view.side, view.shift, view._size_nm = self.side, self.shift, self._size_nm
        return view

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns of the image."""
        return tuple(self.image.shape[-2:])

    @property
    def whole(self) -> bool:
        """Whether the image is explained at once, not window by window."""
        once = is_whole(self.model.card) or max(self.shape) <= CROP * self.side
        return self.design.any_size or (once and max(self.shape) <= CROP * min(self.shape))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input for the whole image."""
        return input_size(self.model, self.shape, self.side)

    def logits(self) -> Steps[np.ndarray]:
        """Logits of the whole image: (classes,).

        A network of fixed input size runs window by window; the logits are then those of the mean
        probabilities of the windows.
        """
        if self.whole:
            maps = yield from self._features()
            with torch.no_grad():
                return (self.head(maps) + self.shift)[0].float().cpu().numpy()
        logits, _ = yield from self._windows()
        temperature = self.model.card.temperature
        return np.log(np.maximum(softmax(logits, temperature).mean(axis=0), 1e-30)) * temperature

    def features(self) -> Steps[np.ndarray | None]:
        """Input of the last layer: (n, d).

        One row for a crop; otherwise one row for each of up to 32 windows that are not empty, since
        the model was trained on windows.
        """
        if not is_crop(self.model.card, self.shape, self.side):
            return (yield from self._windows())[1]
        maps = yield from self._features()
        with torch.no_grad():
            return self.design.parts.embed(self.model.net, maps).float().cpu().numpy()

    @functools.cached_property
    def multiplications(self) -> float:
        """Multiplications of a pass for each input pixel."""
        return multiplications(self.model.net, self._look_px)

    @property
    def _look_px(self) -> int:
        given = self.model.card.input_px
        return min(given, _LOOK_PX) if self.design.any_size else given

    @property
    def input_pixels(self) -> int:
        """Input pixels of the network for one map of the image."""
        if self.whole:
            return self.size[0] * self.size[1]
        side = min(self.side, min(self.shape))
        return len(_corners(self.shape, side)) * self.model.card.input_px**2

    def is_mean_of_cells(self) -> bool:
        """Whether the scores are the mean of those of the cells of the last maps.

        So it is for a pooling and a linear layer; several methods are the same map then.
        """
        if self.layer:
            return False
        card = self.model.card
        # any input with some contrast
        side = self._look_px
        ramp = torch.linspace(-1, 1, card.depth * side * side, device=self.model.device)
        try:
            with torch.no_grad():
                given = ramp.reshape(1, card.depth, side, side).sin()
                part = self.design.parts.features(self.model.net, given)
                whole = self.head(part)[0]
                cells = self.head(part[0].flatten(1).T[:, :, None, None])
            return bool((cells.mean(dim=0) - whole).abs().max() <= 1e-3 * cells.std())
        except (RuntimeError, IndexError):
            # tokens, or maps of one size only
            return False

    def _windows(self) -> Steps[tuple[np.ndarray, np.ndarray]]:
        """Logits and features of windows that overlap by half, or of a sample of them."""
        if self._window_outputs is not None:
            return self._window_outputs
        side, given = min(self.side, min(self.shape)), self.model.card.input_px
        corners = _corners(self.shape, side)
        if self.whole and len(corners) > _SAMPLE:
            corners = [
                corners[k] for k in np.linspace(0, len(corners) - 1, _SAMPLE).round().astype(int)
            ]
        parts = [np.asarray(self.image[..., y : y + side, x : x + side]) for y, x in corners]
        parts = [part for part in parts if spread(part) >= EMPTY] or parts
        both = functools.partial(scores_and_features, self.model.net, self.design)

        def read(start: int, stop: int) -> np.ndarray:
            shown = torch.from_numpy(np.stack(parts[start:stop]))
            return to_input(shown, (given, given), *grey_range(self.model)).numpy()

        most = fitting(self.model)
        found = yield from batched(both, read, len(parts), self.model.device, most=most)
        scores, features = np.split(found, [len(self.model.card.classes)], axis=1)
        self._window_outputs = scores + self.shift.float().cpu().numpy(), features
        return self._window_outputs

    def _features(self) -> Steps[torch.Tensor]:
        if self._maps is None:
            given = self._input(self.image, self.size)
            self._maps = yield from feature_map(
                self.model.net, self.design, given, self.model.device
            )
        return self._maps

    def _input(self, part: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
        shown = torch.from_numpy(np.ascontiguousarray(part))[None]
        return to_input(shown, size, *grey_range(self.model))

    def explain(self, target: Target, method: str) -> Steps[tuple[np.ndarray, float]]:
        """Compute a class activation map.

        Parameters
        ----------
        target : Target
            Score that is explained.
        method : str
            One of `explain.TITLES`.

        Returns
        -------
        fine : (Y, X) float64 array
            Evidence at every pixel, negative where it is against the class; not scaled.
        height : float
            Largest magnitude of the cells before interpolation.
        """
        every_layer = self.layer or method in ("scorecam", "fullgrad")
        height, width = self.size
        if not every_layer and self.whole:
            maps = yield from self._features()
            raw = yield from class_activation_map(
                self.head, self.head.maps, maps, target, method, self._as_map
            )
            fine = to_pixels(
                raw[0],
                self.shape,
                self.size,
                self.design.parts.stride,
                self.design.parts.first_centre,
            )
            return fine, float(np.abs(raw).max())
        if self.whole and height * width <= _AT_ONCE:
            given = self._input(self.image, self.size)
            if self.design.any_size:
                given = whole_strides(given, self.design)
            raw = yield from self._all_layers(given.to(self.model.device), target, method)
            return self._spread(raw[0], self.shape, self.size, method), float(np.abs(raw).max())
        return (yield from self._by_window(target, method))

    def _as_map(self, maps: torch.Tensor) -> torch.Tensor:
        return self.design.parts.as_map(self.model.net, maps)

    def _all_layers(
        self, given: torch.Tensor, target: Target, method: str, few: bool = False
    ) -> Steps[np.ndarray]:
        """Compute the map of a layer from the input of the network."""
        net = self.model.net
        if method == "fullgrad":
            yield Progress(0, 1, "every layer")
            return full_grad(net, given, target)
        if self.layer:
            layer = find_layer(net, self.layer, self.model.card.input_px)
            if method == "scorecam":
                return (
                    yield from score_cam_of_layer(net, layer, given, target, self._layer_map, few)
                )
            with detached(layer):
                return (
                    yield from class_activation_map(
                        net, layer, given, target, method, self._layer_map
                    )
                )
        if method == "scorecam":
            with torch.no_grad():
                maps = self._as_map(self.design.parts.features(net, given))
            return (yield from score_cam(net, given, maps, target, few))
        with torch.no_grad():
            maps = self.design.parts.features(net, given)
        return (
            yield from class_activation_map(
                self.head, self.head.maps, maps, target, method, self._as_map
            )
        )

    def _layer_map(self, maps: torch.Tensor) -> torch.Tensor:
        return maps if maps.ndim == 4 and self.design.any_size else self._as_map(maps)

    def _spread(
        self, raw: np.ndarray, shape: tuple[int, ...], size: tuple[int, int], method: str
    ) -> np.ndarray:
        """Interpolate cells to pixels; where those of a chosen layer lie is measured."""
        if method != "fullgrad":
            place = Tap(self.model, self.layer).geometry() if self.layer else self.design.parts
            return to_pixels(raw, shape, size, place.stride, place.first_centre)
        last = self.design.parts.stride if self.design.any_size else 1
        # a last cell may see less of the input than the others
        stride = -(-size[0] // last) * last / raw.shape[0]
        return to_pixels(raw, shape, size, stride, (stride - 1) / 2)

    def _by_window(self, target: Target, method: str) -> Steps[tuple[np.ndarray, float]]:
        """Explain overlapping windows and blend their maps."""
        side = min(self.side, min(self.shape))
        given = self.model.card.input_px
        corners = _corners(self.shape, side)
        # the centre of a window has the highest weight
        edge = np.hanning(side + 2)[1:-1] + 1e-3
        weight = np.outer(edge, edge)
        total, weights, height = np.zeros(self.shape), np.zeros(self.shape), 0.0
        most = fitting(self.model)
        batch = _BATCH if most is None or most >= _BATCH else max(1, most // _KEPT)
        for start in range(0, len(corners), batch):
            yield Progress(start, len(corners), "windows")
            some = corners[start : start + batch]
            parts = np.stack([self.image[..., y : y + side, x : x + side] for y, x in some])
            shown = to_input(torch.from_numpy(parts), (given, given), *grey_range(self.model))
            steps = self._all_layers(shown.to(self.model.device), target, method, few=True)
            raw = yield from map_progress(steps, lambda _: Progress(0, 0))
            height = max(height, float(np.abs(raw).max()))
            for (y, x), one in zip(some, raw, strict=True):
                fine = self._spread(one, (side, side), (given, given), method)
                total[y : y + side, x : x + side] += weight * fine
                weights[y : y + side, x : x + side] += weight
        return total / weights, height


def _corners(shape: tuple[int, ...], side: int) -> list[tuple[int, int]]:
    rows, columns = (_starts(n, side) for n in shape)
    return [(y, x) for y in rows for x in columns]


def _starts(length: int, side: int) -> list[int]:
    """Starts of windows that overlap by half; the last one ends with the image."""
    count = max(1, int(np.ceil((length - side) / (side / 2))) + 1)
    return [int(s) for s in np.linspace(0, length - side, count).round()]
