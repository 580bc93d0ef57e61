"""Long computations as generators that yield `Progress` and return a result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """Progress of a computation.

    Parameters
    ----------
    done, total : int
        Finished steps and all steps; ``total = 0`` if unknown.
    note : str
        Current step in a word or two.
    values : mapping
        Current values, such as ``{"loss": 0.3}``.
    """

    done: int
    total: int
    note: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


Steps = Generator[Progress, None, T]


def run(steps: Steps[T], report: Callable[[Progress], object] | None = None) -> T:
    """Run a computation to its end and return its result.

    Parameters
    ----------
    steps : generator of Progress
        From an engine function.
    report : callable, optional
        Called with each `Progress`.

    Returns
    -------
    The generator's return value.
    """
    try:
        while True:
            progress = next(steps)
            if report is not None:
                report(progress)
    except StopIteration as stop:
        return stop.value
    finally:
        steps.close()


def map_progress(steps: Steps[T], function: Callable[[Progress], Progress]) -> Steps[T]:
    """Apply a function to each `Progress` of a computation.

    Parameters
    ----------
    steps : generator of Progress
        The computation; closed when this generator is.
    function : callable
        From a `Progress` to the one that is yielded.

    Returns
    -------
    The return value of the computation.
    """
    try:
        while True:
            yield function(next(steps))
    except StopIteration as stop:
        return stop.value
    finally:
        steps.close()


def as_one_step(steps: Steps[T], progress: Progress) -> Steps[T]:
    """Yield the same `Progress` at every step of a computation, which is one step of a larger one.

    Returns
    -------
    The return value of the computation.
    """
    return (yield from map_progress(steps, lambda _: progress))
