"""A linear layer on the features of a frozen backbone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ...core.progress import Progress, Steps, map_progress
from ...nets.checkpoint import SIZE
from ...nets.models.base import Architecture, frozen
from ...nets.training.augment import Augment, augmented
from ...nets.training.linear import fit_linear
from ..classification.calibration import softmax
from .learner import Fitted, _on_all, image_weights, size_values, views_of
from .prepare import Prepared

if TYPE_CHECKING:
    Build = Callable[[int], nn.Module]

PENALTIES = (3e-3, 1e-2, 3e-2, 1e-1)

_TIE = 1.02


class Linear:
    """A linear layer on the features of a frozen network."""

    def __init__(
        self, ready: Prepared, name: str, design: Architecture, build: Build,
        device: torch.device, *, balance: bool, tell_size: bool, flips: bool, zoom: float,
        seed: int,
    ) -> None:  # fmt: skip
        self.ready, self.name, self.design, self.device = ready, name, design, device
        self.balance, self.seed = balance, seed
        self.net = build(ready.card.input_px).to(device)
        # stretched features hardly change with light, and noise was measured to cost accuracy
        self.augment = Augment(flips, 0.0, 0.0, zoom)
        self.sizes = size_values(ready, ready.card, tell_size)
        self.recipe: dict[str, Any] = {"augment": asdict(self.augment), "seed": seed}
        self._features: list[np.ndarray] = []

    def cross_validate(
        self, parts: list[tuple[np.ndarray, np.ndarray]], everything: np.ndarray
    ) -> Steps[tuple[np.ndarray, Fitted]]:
        """Logits of all views of every image by a fit without its group, and a fit on all.

        The penalty is chosen on the way: one number, by the loss on what was held out. Folds see
        the images as they are, the last fit sees them turned as well.
        """
        yield from self._see()
        tried = []
        for number, penalty in enumerate(PENALTIES):
            logits = np.zeros((len(self.ready.owner), len(self.ready.classes)))
            for fold, (chosen, held) in enumerate(parts):
                done = number * len(parts) + fold
                yield Progress(done, len(PENALTIES) * len(parts), "cross-validating")
                weight, bias, _ = yield from self._solve(chosen, penalty, copies=1)
                mine = np.isin(self.ready.owner, held)
                logits[mine] = self._logits(weight, bias)[mine]
            tried.append((self._loss(logits, everything), penalty, logits))
        # smaller differences are chance, and the weaker penalty keeps more of what features tell
        limit = _TIE * min(loss for loss, _, _ in tried)
        best = next(one for one in tried if one[0] <= limit)
        weight, bias, history = yield from self._solve(everything, best[1])
        final = self._logits(weight, bias)
        mine = np.isin(self.ready.owner, everything)
        logits = np.where(mine[:, None], best[2], final)
        return logits, self._fitted(best[1], weight, bias, history, final)

    def _loss(self, logits: np.ndarray, held: np.ndarray) -> float:
        weights = image_weights(self.ready, held, self.balance)[held]
        chances = softmax(self.ready.by_image(logits)[held])[
            np.arange(len(held)), self.ready.targets[held]
        ]
        return float(-(np.log(np.maximum(chances, 1e-12)) * weights).mean())

    def _see(self) -> Steps[None]:
        """Features of all views as they are, and varied a few times."""
        pixels = self.ready.views
        copies = 4 if len(pixels) <= 4000 else 2 if len(pixels) <= 12_000 else 1
        if self.augment == Augment(False, 0, 0, 0):
            copies = 1
        for turn in range(copies):
            generator = torch.Generator().manual_seed(self.seed * 1009 + turn)

            def features(
                batch: torch.Tensor, plain: bool = turn == 0, draw: torch.Generator = generator
            ) -> torch.Tensor:
                x = batch[:, None]
                if not plain:
                    # with gradients off inference tensors may be turned all the same
                    x = augmented(x, self.augment, draw)
                x = (x - self.design.mean) / self.design.std
                return self.design.embed(self.net, self.design.features(self.net, x))

            self._features.append(
                (
                    yield from _on_all(
                        features, pixels, self.device, f"looking, {turn + 1} of {copies}"
                    )
                )
            )
        self.recipe["copies"] = copies

    def _rows(self, features: np.ndarray) -> np.ndarray:
        if self.sizes is None:
            return features
        return np.column_stack([features, self.sizes[self.ready.owner]])

    def _solve(
        self, chosen: np.ndarray, penalty: float, copies: int = 0
    ) -> Steps[tuple[torch.Tensor, torch.Tensor, list[dict[str, float]]]]:
        ready = self.ready
        mine, owner, each = views_of(ready, chosen, self.balance)
        shown = np.eye(len(ready.classes))[ready.targets[owner]]
        shown_as = self._features[: copies or len(self._features)]
        features = np.concatenate([self._rows(some)[mine] for some in shown_as])
        times = len(shown_as)
        history: list[dict[str, float]] = []

        def noted(progress: Progress) -> Progress:
            history.append(dict(progress.values))
            return progress

        steps = fit_linear(
            features,
            np.tile(shown, (times, 1)),
            weights=np.tile(each, times),
            penalty=penalty,
            told=0 if self.sizes is None else 1,
        )
        weight, bias = yield from map_progress(steps, noted)
        return weight, bias, history

    def _logits(self, weight: torch.Tensor, bias: torch.Tensor) -> np.ndarray:
        # the mean over turned views, as `classify` looks at an image
        rows = self._rows(np.mean(self._features, axis=0))
        return rows @ weight.numpy().T + bias.numpy()

    def _fitted(
        self, penalty: float, weight: torch.Tensor, bias: torch.Tensor,
        history: list[dict[str, float]], logits: np.ndarray,
    ) -> Fitted:  # fmt: skip
        import pandas as pd

        self.recipe["penalty"] = penalty
        width = self._features[0].shape[1]
        net: Any = self.net
        with torch.no_grad():
            net.classifier.weight.copy_(weight[:, :width])
            net.classifier.bias.copy_(bias)
        extras = {} if self.sizes is None else {SIZE: weight[:, width].contiguous()}
        features = self._features[0].astype(np.float32)
        return Fitted(frozen(net), logits, features, pd.DataFrame(history), extras)
