"""Long computations as generators that yield `Progress` and return a result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

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

# how a script follows the progress: printed, or a function that gets each Progress
Reporting: TypeAlias = Callable[[Progress], object] | Literal["print"] | bool | None

# seconds between two lines of progress in a log
PAUSE = 5.0


def reporter(report: Reporting, title: str) -> Callable[[Progress], object] | None:
    """Return the function that is called with each `Progress`.

    Parameters
    ----------
    report : callable, bool or "print"
        ``True`` and ``"print"`` print the progress; None and ``False`` say nothing.
    title : str
        What is worked on.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if report is None or report is False:
        return None
    if report is True or report == "print":
        return printer(title)
    if not callable(report):
        raise ValueError(f"report is {report!r}; give True, or a function that takes a Progress")
    return report


def printer(title: str, *, as_lines: bool = False) -> Callable[[Progress], object]:
    """Print progress on stderr: on one line of a terminal, as lines elsewhere.

    Parameters
    ----------
    title : str
        Start of the line.
    as_lines : bool
        Lines in a terminal, too: one an epoch, and one every few seconds.
    """
    on_one_line = sys.stderr.isatty() and not as_lines
    last = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal last
        if on_one_line:
            share = f"{100 * progress.done // progress.total:3d} %" if progress.total else "..."
            print(f"\r{title}: {share} {progress.note:<20}", end="", file=sys.stderr, flush=True)
        elif progress.values or time.monotonic() - last >= PAUSE:
            print(f"{title}: {_line(progress)}", file=sys.stderr, flush=True)
            last = time.monotonic()

    return report


def _line(progress: Progress) -> str:
    total = f" of {progress.total}" if progress.total else ""
    numbers = [
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in progress.values.items() if name != "epoch"
    ]  # fmt: skip
    return ", ".join([f"{progress.note} {progress.done}{total}".strip(), *numbers])


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
