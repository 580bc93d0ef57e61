"""Long work as a generator: it yields `Progress` and returns its result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far a piece of work has come.

    Parameters
    ----------
    done, total : int
        Steps behind, and steps in all; ``total = 0`` when it is not known.
    note : str
        What is being done, in a word or two.
    values : mapping
        Numbers of this moment, such as ``{"loss": 0.3}``.
    """

    done: int
    total: int
    note: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


Steps = Generator[Progress, None, T]


def run(steps: Steps[T], report: Callable[[Progress], object] | None = None) -> T:
    """Drive work to its end and return its result.

    Parameters
    ----------
    steps : generator of Progress
        What an engine function gave.
    report : callable, optional
        Called with every `Progress`.

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


def map_progress(steps: Steps[T], tell: Callable[[Progress], Progress]) -> Steps[T]:
    """Pass work on, telling its progress in other words.

    Parameters
    ----------
    steps : generator of Progress
        The work; it is closed when this is.
    tell : callable
        What to yield for every `Progress`; it may take note of it as well.

    Returns
    -------
    The work's return value.
    """
    try:
        while True:
            yield tell(next(steps))
    except StopIteration as stop:
        return stop.value
    finally:
        steps.close()
