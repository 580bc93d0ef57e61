"""Gradient descent: the only place with an optimiser of networks."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from ...core.progress import Progress, Steps, StopEarly
from ..seed import seeded
from .checkpoints import BestEpochs
from .recipe import FitOptions, Stages
from .state import StateFile
from .tasks import Metric, S, Task

_VALIDATION_BATCH = 64


def fit(
    task: Task[S],
    net: nn.Module,
    samples: S,
    validation: S | None,
    options: FitOptions,
    *,
    stages: Stages | None = None,
    state: StateFile | None = None,
    kept: BestEpochs | None = None,
) -> Steps[list[dict[str, float]]]:
    """Train a network with AdamW, early stopping and, on CUDA, mixed precision.

    Parameters
    ----------
    task : Task
        Batches, loss and metric.
    net : nn.Module
        Network on its device. Afterwards it has the weights of the best epoch and is frozen.
    samples, validation : Samples
        Samples to train with, and to monitor; without the latter all epochs are run and the last
        one is the best.
    options : FitOptions
        Options of the optimisation.
    stages : Stages, optional
        Parameters that are trained; all of them by default.
    state : StateFile, optional
        File that the training continues from, and is written to after every epoch. A training that
        stopped early has no further epoch.
    kept : BestEpochs, optional
        Collects the weights of the best epochs and of the last one, and says whether the training
        was stopped: `StopEarly` ends it with the epochs that are finished.

    Returns
    -------
    list of dict
        ``epoch``, ``loss``, the metric, ``learning_rate`` and, with validation samples,
        ``validation_loss`` and the metric of each epoch.

    Raises
    ------
    ValueError
        If the state belongs to another training, or the loss is not finite.
    StopEarly
        If the training is stopped before the first epoch is finished.
    """
    state, kept = state or StateFile(), kept or BestEpochs(task.monitor, 0)
    fingerprint = task.fingerprint(samples)
    loop = _Loop(task, net, len(samples), options, stages or Stages())
    early = EarlyStopping(task.monitor, options.patience)
    stored = state.read(options, fingerprint)
    if stored is not None:
        loop.start(stored["warm"], stored["epoch"])
        loop.load_state_dict(stored)
        early.load_state_dict(stored)
        kept.load_state_dict(stored, state)
    elif state.finish:
        raise ValueError("there is no trained epoch to finish from yet")
    else:
        loop.start(_warm_up_epochs(options, loop.stages))
        early.weights = copy.deepcopy(net.state_dict())
    history: list[dict[str, float]] = [] if stored is None else stored["history"]
    first, whole = len(history), True
    try:
        for epoch in range(first, first if state.finish else options.epochs):
            # also before the first epoch: a training that has stopped is not continued
            if early.stops and epoch > loop.warm_up:
                break
            whole = False
            row = yield from loop.run_epoch(epoch, samples)
            if validation is not None:
                row |= loop.validate(validation)
            history.append(row)
            whole = True
            early.update(row, net)
            kept.update(row, net)
            loop.end_epoch(row)
            values = {"epoch": epoch + 1, "history": history, **early.state_dict()}
            values |= {**kept.state_dict(), **loop.state_dict()}
            state.write(options, fingerprint, values, kept.weights)
            yield Progress(epoch + 1, options.epochs, "epochs", row)
    except StopEarly:
        if not history:
            raise
        kept.stopped = (
            f"stopped by hand after {len(history)} of {options.epochs} epochs; the weights are "
            f"those of epoch {early.epoch(history)}"
        )
    # an epoch that was begun has changed the weights
    kept.finish(history[-1], net if whole else None)
    net.load_state_dict(early.weights)
    net.eval().requires_grad_(False)
    return history


def _warm_up_epochs(options: FitOptions, stages: Stages) -> int:
    return min(5, max(1, options.epochs // 4)) if stages.warm_up else 0


def _monitored(monitor: Metric, row: Mapping[str, float]) -> float:
    """Value of the validation samples, or of the training samples where there are none."""
    return row.get(f"validation_{monitor.name}", row[monitor.name])


class EarlyStopping:
    """Keep the weights of the best epoch, and stop when none has been better for a while.

    Parameters
    ----------
    monitor : Metric
        Value that is compared.
    patience : int
        Epochs without improvement before training stops.
    """

    def __init__(self, monitor: Metric, patience: int) -> None:
        self.monitor, self.patience = monitor, patience
        self.best = monitor.worst
        self.epochs_without_improvement = 0
        self.weights: dict[str, torch.Tensor] = {}

    def update(self, row: Mapping[str, float], net: nn.Module) -> None:
        """Compare an epoch with the best one so far."""
        value = _monitored(self.monitor, row)
        validated = f"validation_{self.monitor.name}" in row
        # nothing independent says which epoch is the best: the last one has learnt most
        if not validated or self.monitor.improves(value, self.best):
            self.best, self.epochs_without_improvement = value, 0
            self.weights = copy.deepcopy(net.state_dict())
        else:
            self.epochs_without_improvement += 1

    def epoch(self, history: list[dict[str, float]]) -> int:
        """Number of the best epoch in a history."""
        values = [_monitored(self.monitor, row) for row in history]
        is_validated = f"validation_{self.monitor.name}" in history[-1] and self.best in values
        # no later epoch that is as good is taken
        return 1 + values.index(self.best) if is_validated else len(history)

    @property
    def stops(self) -> bool:
        """Whether the patience is used up."""
        return self.epochs_without_improvement >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """Values of a state file, under its names."""
        stale = self.epochs_without_improvement
        return {"best": self.best, "stale": stale, "best_weights": self.weights}

    def load_state_dict(self, stored: Mapping[str, Any]) -> None:
        """Continue from the values of a state file."""
        self.best, self.epochs_without_improvement = stored["best"], stored["stale"]
        self.weights = stored["best_weights"]


class _Loop:
    """Network, optimiser, schedule and precision of one training."""

    def __init__(
        self, task: Task[S], net: nn.Module, count: int, options: FitOptions, stages: Stages
    ) -> None:
        self.task: Task[Any] = task
        self.net, self.options, self.stages = net, options, stages
        self.device = next(net.parameters()).device
        self.batches = math.ceil(count / options.batch_size)
        self.half = self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.half)
        self.warm_up = 0

    def start(self, warm_up: int, epoch: int = 0) -> None:
        """Prepare the optimiser of an epoch (0: the first one).

        The length of the warm-up follows from the number of epochs when a training starts: a
        training that continues with more epochs keeps its own.
        """
        self.warm_up = warm_up
        if warm_up and epoch <= warm_up:
            self._optimise(self.stages.warm_up, warm_up)
        else:
            self._optimise(self.stages.tuned, self.options.epochs - warm_up)

    def _optimise(self, prefixes: tuple[str, ...], epochs: int) -> None:
        """Train the parameters with these prefixes from now on, for a number of epochs."""
        options = self.options
        new: list[nn.Parameter] = []
        pretrained: list[nn.Parameter] = []
        self.net.requires_grad_(False)
        for name, parameter in self.net.named_parameters():
            if name.startswith(prefixes):
                parameter.requires_grad_(True)
                is_new = not self.stages.warm_up or name.startswith(self.stages.warm_up)
                (new if is_new else pretrained).append(parameter)
        rate = options.learning_rate
        groups = [{"params": new, "lr": rate}, {"params": pretrained, "lr": rate / 10}]
        self.optimiser = torch.optim.AdamW(
            [group for group in groups if group["params"]], weight_decay=options.weight_decay
        )
        steps = max(1, math.ceil(self.batches / options.accumulate_grad_batches) * epochs)
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimiser,
            mode="max" if self.task.monitor.higher_is_better else "min",
            factor=0.5,
            patience=max(1, options.patience // 3),
        )
        self.cosine = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: _cosine(step, steps)
        )

    def run_epoch(self, number: int, samples: S) -> Steps[dict[str, float]]:
        """Train with every sample once, in random order."""
        if self.warm_up and number == self.warm_up:
            self._optimise(self.stages.tuned, self.options.epochs - self.warm_up)
        options = self.options
        generator = torch.Generator().manual_seed(options.seed * 100_003 + number)
        self._train_mode()
        total, score, count = 0.0, 0.0, 0
        for step, batch in enumerate(self._random_batches(samples, generator)):
            with seeded(options.seed * 1_000_003 + number * 10_007 + step):
                loss, hits = self._step(batch, step, generator)
            if not math.isfinite(loss):
                raise ValueError(
                    f"training failed: the loss is {loss}; choose a lower learning rate than "
                    f"{options.learning_rate:g}"
                )
            total, score, count = total + loss * len(batch), score + hits, count + len(batch)
            share = (number + (step + 1) / self.batches) / options.epochs
            yield Progress(0, 0, f"epoch {number + 1} of {options.epochs}", share=share)
        return {
            "epoch": number + 1,
            "loss": total / count,
            self.task.metric.name: score / count,
            "learning_rate": self.optimiser.param_groups[0]["lr"],
        }

    def _random_batches(self, samples: S, generator: torch.Generator) -> Iterator[S]:
        order, size = torch.randperm(len(samples), generator=generator), self.options.batch_size
        for start in range(0, len(order), size):
            yield samples.subset(np.sort(order[start : start + size].numpy()))

    def _train_mode(self) -> None:
        self.net.train()
        for module in self.net.modules():
            # a frozen layer keeps its running statistics too
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and not (
                module.weight is not None and module.weight.requires_grad
            ):
                module.eval()

    def _step(self, samples: Any, step: int, generator: torch.Generator) -> tuple[float, float]:
        """Accumulate the gradients of one batch: its mean loss and the sum of its metric."""
        options = self.options
        batch = self.task.batch(samples, self.device)
        batch = self.task.augment(batch, options.augment, generator)
        with torch.autocast(self.device.type, dtype=torch.float16, enabled=self.half):
            outputs = self.net(*batch.inputs)
            loss = self.task.loss(outputs, batch).mean()
        self.scaler.scale(loss / options.accumulate_grad_batches).backward()
        if (step + 1) % options.accumulate_grad_batches == 0 or step + 1 == self.batches:
            scale = self.scaler.get_scale()
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.optimiser.zero_grad(set_to_none=True)
            # a smaller scale: gradients were not finite, and the step was left out
            if options.schedule == "cosine" and self.scaler.get_scale() >= scale:
                self.cosine.step()
        score = self.task.score(outputs.detach(), batch).sum()
        return float(loss.detach()), float(score)

    def validate(self, samples: S) -> dict[str, float]:
        """Mean loss and metric of samples that are not trained with."""
        self.net.eval()
        loss = score = 0.0
        with torch.inference_mode():
            for start in range(0, len(samples), _VALIDATION_BATCH):
                stop = min(start + _VALIDATION_BATCH, len(samples))
                batch = self.task.batch(samples.subset(np.arange(start, stop)), self.device)
                outputs = self.net(*batch.inputs)
                loss += float(self.task.loss(outputs, batch).sum())
                score += float(self.task.score(outputs, batch).sum())
        metric = f"validation_{self.task.metric.name}"
        return {"validation_loss": loss / len(samples), metric: score / len(samples)}

    def end_epoch(self, row: Mapping[str, float]) -> None:
        """Lower the learning rate when the monitored value does not improve."""
        if self.options.schedule == "plateau":
            self.plateau.step(_monitored(self.task.monitor, row))

    @property
    def _parts(self) -> dict[str, Any]:
        return {
            "weights": self.net, "optimiser": self.optimiser, "cosine": self.cosine,
            "plateau": self.plateau, "scaler": self.scaler,
        }  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """Values of a state file, under its names."""
        return {"warm": self.warm_up, **{n: part.state_dict() for n, part in self._parts.items()}}

    def load_state_dict(self, stored: Mapping[str, Any]) -> None:
        """Continue from the values of a state file."""
        for name, part in self._parts.items():
            part.load_state_dict(stored[name])


def _cosine(step: int, steps: int) -> float:
    """Factor of the learning rate: a linear warm-up over a twentieth, then half a cosine."""
    warm_up = max(1, steps // 20)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, steps - warm_up))))
