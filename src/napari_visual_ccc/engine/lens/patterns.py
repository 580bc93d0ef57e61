"""What the channels and classes of a network look for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...core.progress import Progress, Steps
from ...core.result import Result
from .patches import THUMB, sheet

if TYPE_CHECKING:
    from ...nets.checkpoint import Model
    from ...nets.lens.tap import Tap

# patches of a channel or a class
TOP = 9


class ClassPattern(NamedTuple):
    """What a class looks like to a network.

    Parameters
    ----------
    top : (n, 64, 64) uint8 array
        Crops with the highest probability of the class.
    names : tuple of str
        Their files, with the probability.
    mean : (64, 64) uint8 array
        Mean of the crops of the class.
    crops : int
        Number of crops in the mean.
    maximised : (side, side) uint8 array, optional
        Input that maximises the logit of the class.
    channels : tuple of (int, float)
        Channels of the last maps that add most to its logit, and their part of what adds to it.
    """

    top: np.ndarray
    names: tuple[str, ...]
    mean: np.ndarray
    crops: int
    maximised: np.ndarray | None
    channels: tuple[tuple[int, float], ...]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Patterns(Result):
    """Common patterns of a folder of images.

    Tables are ``"channels"``, ``"patches"``, and for a classifier ``"classes"``.

    Parameters
    ----------
    patches : mapping
        Channel → (n, 64, 64) uint8 patches that excite it most, the best first.
    maximised : mapping
        Channel → (side, side) uint8 input that excites it; empty without iterations.
    kernels : (n, 64, 64) uint8 array
        Kernels of the first convolution, each on a scale of its own; mid grey is zero.
    classes : mapping
        Class → what it looks like to the network.
    """

    patches: Mapping[int, np.ndarray] = field(default_factory=dict)
    maximised: Mapping[int, np.ndarray] = field(default_factory=dict)
    kernels: np.ndarray = field(default_factory=lambda: np.empty((0, THUMB, THUMB), np.uint8))
    classes: Mapping[str, ClassPattern] = field(default_factory=dict)


def pattern_sheet(
    patches: Mapping[int, np.ndarray], maximised: Mapping[int, np.ndarray]
) -> np.ndarray:
    """Lay out a row for each channel: the maximised input, if there is one, and its patches."""
    rows = []
    for channel, pictures in patches.items():
        row = list(pictures) + [np.full((THUMB, THUMB), 255, np.uint8)] * (TOP - len(pictures))
        if channel in maximised:
            row.insert(0, small(maximised[channel]))
        rows += row
    return sheet(rows, len(rows) // len(patches))


def small(picture: np.ndarray) -> np.ndarray:
    """Resize a uint8 picture to the side of a patch."""
    from .patches import cut_patch

    middle = (picture.shape[0] - 1) / 2
    return cut_patch(picture.astype(np.float32) / 255, (middle, middle), picture.shape[0])


def first_kernels(model: Model) -> np.ndarray:
    """Kernels of the first convolution: (n, 64, 64) uint8, mid grey is zero."""
    from torch import nn

    for module in model.net.modules():
        if isinstance(module, nn.Conv2d):
            # of several channels the mean
            weights = module.weight.detach().float().cpu().numpy().mean(axis=1)
            break
    else:
        return np.empty((0, THUMB, THUMB), np.uint8)
    highest = np.abs(weights).max(axis=(1, 2), keepdims=True)
    scaled = 127.5 + 127.5 * weights / np.maximum(highest, 1e-30)
    rows, columns = (np.arange(THUMB) * n // THUMB for n in weights.shape[1:])
    return scaled.round().astype(np.uint8)[:, rows][:, :, columns]


def maximise_channels(
    tap: Tap, channels: list[int], iterations: int, seed: int
) -> Steps[dict[int, np.ndarray]]:
    """Find the input that excites each channel of a layer."""
    import torch

    from ...nets.predict import grey_range
    from ...nets.training.maximise import maximise

    if not iterations:
        return {}
    which = torch.tensor(channels, device=tap.model.device)

    def scores(x: torch.Tensor) -> torch.Tensor:
        means = tap(x.expand(-1, tap.depth, -1, -1)).mean(dim=(2, 3))
        return means.gather(1, which[:, None])[:, 0]

    side = tap.model.card.input_px
    made = yield from maximise(
        scores, len(channels), side, grey_range(tap.model), iterations, seed, tap.model.device
    )
    return dict(zip(channels, _pictures(made), strict=True))


def maximise_classes(model: Model, iterations: int, seed: int) -> Steps[list[np.ndarray]]:
    """Find the input that maximises the logit of each class."""
    import torch

    from ...nets.predict import grey_range
    from ...nets.training.maximise import maximise

    if not iterations:
        return []
    parts, count = model.design.parts, len(model.card.classes)

    def scores(x: torch.Tensor) -> torch.Tensor:
        return parts.head(model.net, parts.features(model.net, x)).diagonal()

    side = model.card.input_px
    made = yield from maximise(
        scores, count, side, grey_range(model), iterations, seed, model.device
    )
    return list(_pictures(made))


def _pictures(made: np.ndarray) -> np.ndarray:
    return (made * 255).round().astype(np.uint8)


def used_channels(
    model: Model, crops: np.ndarray, target: int, count: int = TOP
) -> tuple[tuple[int, float], ...]:
    """Find the channels of the last maps that add most to the logit of a class.

    Parameters
    ----------
    crops : (n, side, side) array
        0 to 1, of the class.
    target : int
        The class.

    Returns
    -------
    tuple of (channel, part)
        Activation times gradient, summed over the cells, mean over the crops; as a part of the sum
        of all channels that add to the logit.
    """
    import torch

    from ...nets.predict import grey_range

    parts, (mean, std) = model.design.parts, grey_range(model)
    given = (torch.from_numpy(crops.astype(np.float32))[:, None] - mean) / std
    with torch.no_grad():
        maps = parts.features(model.net, given.to(model.device))
    maps = maps.detach().requires_grad_()
    with torch.enable_grad():
        score = parts.head(model.net, maps)[:, target].sum()
        (gradient,) = torch.autograd.grad(score, maps)
    product = parts.as_map(model.net, (maps * gradient).detach())
    added = product.sum(dim=(2, 3)).mean(dim=0).float().cpu().numpy()
    total = added[added > 0].sum()
    order = np.argsort(-added, kind="stable")[:count]
    return tuple((int(k), float(added[k] / total)) for k in order if added[k] > 0)


class CropsOfClasses:
    """Crops of images and the probabilities of their classes.

    Parameters
    ----------
    model : Model
        A classifier.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        count, side = len(model.card.classes), model.card.input_px
        self._sums = np.zeros((count, side, side))
        self._counts = np.zeros(count, int)
        self._top: list[list[tuple[float, str, np.ndarray]]] = [[] for _ in range(count)]

    def add(self, name: str, label: str, crops: np.ndarray) -> Steps[None]:
        """Take the crops of an image; their class is that of the label, or the predicted one."""
        from ...nets.predict import predict
        from ..classification.calibration import softmax

        logits, _ = yield from predict(self.model, lambda a, b: crops[a:b], len(crops))
        chances = softmax(logits, self.model.card.temperature)
        classes = self.model.card.classes
        for crop, some in zip(crops, chances, strict=True):
            mine = classes.index(label) if label in classes else int(some.argmax())
            self._sums[mine] += crop
            self._counts[mine] += 1
            for k, chance in enumerate(some):
                self._top[k].append((float(chance), name, crop))
        for one in self._top:
            one.sort(key=lambda found: -found[0])
            del one[TOP:]

    def patterns(self, maximised: list[np.ndarray]) -> Steps[dict[str, ClassPattern]]:
        """What each class looks like; those without a crop are left out."""
        found = {}
        classes = self.model.card.classes
        for k, name in enumerate(classes):
            yield Progress(k, len(classes), "classes")
            if not self._counts[k]:
                continue
            crops = np.stack([crop for *_, crop in self._top[k]])
            found[name] = ClassPattern(
                np.stack([small(_pictures(crop.astype(np.float32))) for crop in crops]),
                tuple(f"{file} {100 * chance:.0f} %" for chance, file, _ in self._top[k]),
                small(_pictures(self._sums[k] / self._counts[k])),
                int(self._counts[k]),
                maximised[k] if maximised else None,
                used_channels(self.model, crops, k),
            )
        return found


def class_table(classes: Mapping[str, ClassPattern]) -> Any:
    """One row a class: crops, and the channels that it uses most."""
    import pandas as pd

    rows = [
        {
            "class": name, "crops": one.crops,
            "channels": ", ".join(f"{k} ({100 * part:.0f} %)" for k, part in one.channels),
        }
        for name, one in classes.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["class", "crops", "channels"])
