"""The only place that optimises anything."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ...core.progress import Progress, Steps
from ..models.base import Architecture
from .augment import augmented
from .recipe import Images, Recipe, seeded
from .state import read_state, write_state


class Classifier(nn.Module):
    """A network, and what the pixel size adds to its logits.

    Parameters
    ----------
    net : nn.Module
        (B, 1, H, W) → (B, classes).
    size : (classes,) tensor, optional
        Weight of the pixel size's logarithm.
    """

    def __init__(self, net: nn.Module, size: torch.Tensor | None = None) -> None:
        super().__init__()
        self.net = net
        self.size = None if size is None else nn.Parameter(size)

    def forward(self, x: torch.Tensor, sizes: torch.Tensor | None = None) -> torch.Tensor:
        """Images and their pixel sizes → (B, classes)."""
        logits = self.net(x)
        if self.size is None or sizes is None:
            return logits
        return logits + sizes[:, None] * self.size


def fit(
    classifier: Classifier,
    design: Architecture,
    images: Images,
    validation: Images | None,
    recipe: Recipe,
    *,
    device: torch.device,
    state: Path | None = None,
    only_finish: bool = False,
    mark: str = "",
) -> Steps[list[dict[str, float]]]:
    """Train a network by gradient descent: AdamW, early stopping, mixed precision on CUDA.

    Parameters
    ----------
    classifier : Classifier
        On the device; ends with the weights of the lowest validation loss, frozen.
    design : Architecture
        Says which parameters are trained first, and which afterwards.
    images, validation : Images
        Without validation all epochs are run.
    recipe : Recipe
        How.
    device : torch.device
        Where.
    state : Path, optional
        File that is written after every epoch, and read if it is there: training goes on.
    mark : str
        Whatever else a state has to agree in, such as a digest of the images.
    only_finish : bool
        Run no further epoch: take the best weights of `state`.

    Returns
    -------
    list of dict
        By epoch: loss, accuracy, validation_loss, validation_accuracy, rate.

    Raises
    ------
    ValueError
        If the state is of another training, or the loss is not finite.
    """
    warm = min(5, max(1, recipe.epochs // 4)) if design.warm and design.tuned else 0
    run = _Run(classifier, design, recipe, len(images.targets), device)
    run.stage(design.warm if warm else (design.tuned or design.warm), warm or recipe.epochs)
    history: list[dict[str, float]] = []
    kept: dict[str, Any]
    best, stale, first = math.inf, 0, 0
    best_weights = copy.deepcopy(classifier.state_dict())
    found = read_state(state, recipe, images, mark)
    # how long the head is warmed up follows from the epochs, of which there may be more by now
    if found is not None and found["warm"] != warm:
        warm = found["warm"]
        run.stage(design.warm if warm else (design.tuned or design.warm), warm or recipe.epochs)
    if found is not None:
        first, best, stale = found["epoch"], found["best"], found["stale"]
        history, best_weights = found["history"], found["best_weights"]
        if warm and first > warm:
            run.stage(design.tuned, recipe.epochs - warm)
        run.restore(found)
    elif only_finish:
        raise ValueError("there is nothing trained yet to finish")
    last = first if only_finish else recipe.epochs
    for epoch in range(first, last):
        if warm and epoch == warm:
            run.stage(design.tuned, recipe.epochs - warm)
        row = yield from run.epoch(epoch, images, recipe.epochs)
        if validation is not None:
            loss, accuracy = run.judge(validation)
            row |= {"validation_loss": loss, "validation_accuracy": accuracy}
        watched = row.get("validation_loss", row["loss"])
        run.after(watched)
        history.append(row)
        if validation is None or watched < best - 1e-5:
            best, stale = watched, 0
            best_weights = copy.deepcopy(classifier.state_dict())
        else:
            stale += 1
        if state is not None:
            kept = {
                "epoch": epoch + 1,
                "warm": warm,
                "best": best,
                "stale": stale,
                "history": history,
            }
            kept |= {"best_weights": best_weights, **run.state()}
            write_state(state, recipe, images, mark, kept)
        yield Progress(epoch + 1, recipe.epochs, "epochs", row)
        if stale >= recipe.patience and epoch + 1 > warm:
            break
    classifier.load_state_dict(best_weights)
    classifier.eval().requires_grad_(False)
    return history


class _Run:
    """Network, optimiser, schedule and precision of one training."""

    def __init__(
        self,
        classifier: Classifier,
        design: Architecture,
        recipe: Recipe,
        count: int,
        device: torch.device,
    ) -> None:
        self.classifier, self.design, self.recipe, self.device = classifier, design, recipe, device
        self.batches = math.ceil(count / recipe.batch)
        self.half = device.type == "cuda"
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.half)

    def stage(self, prefixes: tuple[str, ...], epochs: int) -> None:
        """Train the parameters with these prefixes from now on, for so many epochs."""
        self.classifier.requires_grad_(False)
        new: list[nn.Parameter] = []
        old: list[nn.Parameter] = []
        for name, parameter in self.classifier.named_parameters():
            own = name.removeprefix("net.")
            if name == "size" or own.startswith(prefixes):
                parameter.requires_grad_(True)
                trained = bool(self.design.warm) and not own.startswith(self.design.warm)
                (old if trained and name != "size" else new).append(parameter)
        rate = self.recipe.rate
        groups = [{"params": new, "lr": rate}, {"params": old, "lr": rate / 10}]
        self.optimiser = torch.optim.AdamW(
            [group for group in groups if group["params"]], weight_decay=self.recipe.decay
        )
        steps = max(1, math.ceil(self.batches / self.recipe.accumulate) * epochs)
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimiser, factor=0.5, patience=max(1, self.recipe.patience // 3)
        )
        self.cosine = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: _cosine(step, steps)
        )

    def epoch(self, number: int, images: Images, epochs: int) -> Steps[dict[str, float]]:
        """Show all images once."""
        recipe = self.recipe
        generator = torch.Generator().manual_seed(recipe.seed * 100_003 + number)
        order = torch.randperm(len(images.targets), generator=generator).numpy()
        self.classifier.train()
        for module in self.classifier.modules():
            # a layer that is not trained keeps its statistics as well
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and not (
                module.weight is not None and module.weight.requires_grad
            ):
                module.eval()
        losses = right = seen = 0.0
        for step, start in enumerate(range(0, len(order), recipe.batch)):
            some = images.of(np.sort(order[start : start + recipe.batch]))
            with seeded(recipe.seed * 1_000_003 + number * 10_007 + step):
                loss, hits = self._step(some, generator, last=start + recipe.batch >= len(order))
            if not math.isfinite(loss):
                raise ValueError(
                    f"training failed: the loss is {loss}; choose a lower learning rate than "
                    f"{recipe.rate:g}"
                )
            losses, right, seen = (
                losses + loss * len(some.targets),
                right + hits,
                seen + len(some.targets),
            )
            yield Progress(number * self.batches + step + 1, epochs * self.batches, "training")
        return {
            "epoch": number + 1,
            "loss": losses / seen,
            "accuracy": right / seen,
            "rate": self.optimiser.param_groups[0]["lr"],
        }

    def _step(self, some: Images, generator: torch.Generator, last: bool) -> tuple[float, float]:
        x, y, weights, sizes = self._batch(some)
        x = (augmented(x, self.recipe.augment, generator) - self.design.mean) / self.design.std
        with torch.autocast(self.device.type, dtype=torch.float16, enabled=self.half):
            logits = self.classifier(x, sizes)
            loss = (cross_entropy(logits, y, reduction="none") * weights).mean()
        self.scaler.scale(loss / self.recipe.accumulate).backward()
        self._waiting = getattr(self, "_waiting", 0) + 1
        if self._waiting >= self.recipe.accumulate or last:
            self._waiting = 0
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.optimiser.zero_grad(set_to_none=True)
            if self.recipe.schedule == "cosine":
                self.cosine.step()
        return float(loss.detach()), float((logits.argmax(dim=1) == y).sum())

    def _batch(self, some: Images) -> tuple[torch.Tensor, ...]:
        x = torch.from_numpy(np.ascontiguousarray(some.pixels, dtype=np.float32))
        sizes = None if some.sizes is None else torch.from_numpy(some.sizes.astype(np.float32))
        return (
            x[:, None].to(self.device),
            torch.from_numpy(some.targets.astype(np.int64)).to(self.device),
            torch.from_numpy(some.weights.astype(np.float32)).to(self.device),
            None if sizes is None else sizes.to(self.device),
        )  # type: ignore[return-value]

    def judge(self, images: Images) -> tuple[float, float]:
        """Loss and accuracy on images that are not trained with."""
        self.classifier.eval()
        loss = right = 0.0
        with torch.inference_mode():
            for start in range(0, len(images.targets), 64):
                some = images.of(np.arange(start, min(start + 64, len(images.targets))))
                x, y, weights, sizes = self._batch(some)
                logits = self.classifier((x - self.design.mean) / self.design.std, sizes)
                loss += float((cross_entropy(logits, y, reduction="none") * weights).sum())
                right += float((logits.argmax(dim=1) == y).sum())
        return loss / len(images.targets), right / len(images.targets)

    def after(self, watched: float) -> None:
        """Lower the rate when the loss stays."""
        if self.recipe.schedule == "plateau":
            self.plateau.step(watched)

    @property
    def _parts(self) -> dict[str, Any]:
        return {
            "weights": self.classifier, "optimiser": self.optimiser, "cosine": self.cosine,
            "plateau": self.plateau, "scaler": self.scaler,
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def restore(self, found: Mapping[str, Any]) -> None:
        """Go on where a state was written."""
        for name, part in self._parts.items():
            part.load_state_dict(found[name])


def _cosine(step: int, steps: int) -> float:
    """Up over the first twentieth, then down along a cosine."""
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, steps - warm))))
