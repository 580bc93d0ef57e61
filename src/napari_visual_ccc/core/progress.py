"""Long computations as generators that yield `Progress` and return a result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
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
        Current step in a word or two; a remark on it in brackets: ``images (2 failed)``.
    values : mapping
        Current values, such as ``{"loss": 0.3}``.
    share : float, optional
        Share of the whole computation that is done, 0 to 1, where this is a step of one of its
        phases; `fraction` by default.
    """

    done: int
    total: int
    note: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    share: float | None = None

    @property
    def phase(self) -> str:
        """The current step, without a remark."""
        return self.note.partition(" (")[0]

    @property
    def remark(self) -> str:
        """The remark on the current step, with its brackets; empty if there is none."""
        return self.note[len(self.phase) :].strip()

    @property
    def fraction(self) -> float:
        """Share of the whole computation, or else of the steps; 0 where neither is known."""
        if self.share is not None:
            return self.share
        return min(1.0, self.done / self.total) if self.total else 0.0


class StopEarly(Exception):
    """Thrown into a computation that is to end with what it has so far, as a training can.

    One that has nothing to keep ends with this error.
    """


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
    if sys.stderr is None:
        # closed, or a program without a console
        return lambda _: None
    on_one_line = sys.stderr.isatty() and not as_lines
    last = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal last
        if on_one_line:
            known = progress.total or progress.share is not None
            share = f"{int(100 * progress.fraction):3d} %" if known else "..."
            print(f"\r{title}: {share} {progress.note:<20}", end="", file=sys.stderr, flush=True)
        elif progress.values or time.monotonic() - last >= PAUSE:
            print(f"{title}: {_line(progress)}", file=sys.stderr, flush=True)
            last = time.monotonic()

    return report


def clear_line() -> None:
    """Remove the line of progress."""
    if sys.stderr is not None and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Print a line on stderr, in place of a line of progress."""
    if sys.stderr is not None:
        clear_line()
        print(text, file=sys.stderr, flush=True)


def _line(progress: Progress) -> str:
    counts = f"{progress.done} of {progress.total}" if progress.total else str(progress.done or "")
    numbers = [
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in progress.values.items() if name != "epoch"
    ]  # fmt: skip
    parts = (part for part in (progress.phase, counts, progress.remark) if part)
    return ", ".join([" ".join(parts), *numbers])


def run(steps: Steps[T], report: Callable[[Progress], object] | None = None) -> T:
    """Run a computation to its end and return its result.

    Parameters
    ----------
    steps : generator of Progress
        From an engine function.
    report : callable, optional
        Called with each `Progress`. It may raise `StopEarly`: a training then ends with the best
        network so far, tests it and returns it.

    Returns
    -------
    The generator's return value.

    Raises
    ------
    StopEarly
        If `report` raised it and there is nothing to keep yet.
    """
    try:
        progress = next(steps)
        while True:
            try:
                if report is not None:
                    report(progress)
            # Ctrl-C ends a computation in the same way, whether it or the report was at work
            except (StopEarly, KeyboardInterrupt) as stop:
                progress = steps.throw(stop)
            else:
                progress = next(steps)
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
        progress = next(steps)
        while True:
            try:
                yield function(progress)
            except StopEarly as stop:
                progress = steps.throw(stop)
            else:
                progress = next(steps)
    except StopIteration as stop:
        return stop.value
    finally:
        steps.close()


def in_part(steps: Steps[T], start: float, end: float, phase: str = "") -> Steps[T]:
    """Place the progress of a computation in a larger one, of which it is a part.

    Parameters
    ----------
    steps : generator of Progress
        The part.
    start, end : float
        Shares of the whole, 0 to 1, where it begins and ends.
    phase : str
        Written before its own notes.

    Returns
    -------
    The return value of the part.
    """

    def placed(progress: Progress) -> Progress:
        note = ", ".join(one for one in (phase, progress.note) if one)
        return replace(progress, note=note, share=start + (end - start) * progress.fraction)

    return (yield from map_progress(steps, placed))


def to_its_end(steps: Steps[T], stops: list[StopEarly] | None = None) -> Steps[T]:
    """Go on with a computation that is short, or of use only as a whole, when it is to stop early.

    Parameters
    ----------
    steps : generator of Progress
        The computation.
    stops : list, optional
        Where what was thrown is kept.

    Returns
    -------
    The return value of the computation.
    """
    try:
        while True:
            progress = next(steps)
            try:
                yield progress
            except StopEarly as stop:
                if stops is not None:
                    stops.append(stop)
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
