"""The bar of a job, with its present phase, how much of it is done and the time left."""

from __future__ import annotations

import time

from magicgui.widgets import Container, Label, ProgressBar

from ...core.progress import Progress

# seconds of a phase before its end is estimated: the first steps are slow
_SURE = 3.0


class WorkBar(Container):
    """A progress bar with a line of text below it; hidden while nothing runs."""

    def __init__(self) -> None:
        self.bar, self.text = ProgressBar(min=0, max=100), Label()
        super().__init__(widgets=[self.bar, self.text], labels=False, visible=False)
        self.margins = (0, 0, 0, 0)
        self._phase, self._round, self._last, self._start = "", 1, Progress(0, 0), 0.0

    def begin(self) -> None:
        """Start with a bar of unknown length."""
        self.bar.max = self.bar.value = 0
        self.text.value, self._phase, self._round = "Starting…", "", 1
        self._last, self._start = Progress(0, 0), time.monotonic()

    def show_progress(self, progress: Progress) -> None:
        """Move the bar, and say what is done."""
        is_new = progress.note != self._phase
        if is_new or progress.done < self._last.done:
            # the bar starts again: the text says why
            self._round = 1 if is_new else self._round + 1
            self._phase, self._start = progress.note, time.monotonic()
        self._last = progress
        # a total of 0 makes an indeterminate bar
        self.bar.max, self.bar.value = progress.total, min(progress.done, progress.total)
        self.text.value = described(progress, self._round, time.monotonic() - self._start)


def described(progress: Progress, number: int, seconds: float) -> str:
    """Describe progress: its phase, what is done of it, and the time that is left for it.

    Parameters
    ----------
    progress : Progress
        The last one.
    number : int
        How often this phase has begun, such as the epochs of each fold.
    seconds : float
        Since the phase has begun.
    """
    phase = progress.note or "Working"
    text = f"{phase[:1].upper()}{phase[1:]}" + (f", round {number}" if number > 1 else "")
    if progress.total < 2:
        return f"{text}…"
    text += f": {min(progress.done, progress.total):,} of {progress.total:,}"
    if seconds < _SURE or not 0 < progress.done < progress.total:
        return text
    left = seconds / progress.done * (progress.total - progress.done)
    return f"{text}, about {_rounded(left)} left"


def _rounded(seconds: float) -> str:
    if seconds < 60:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
