"""The bar of a job, with its present phase, how much of it is done and the time left."""

from __future__ import annotations

import time

from magicgui.widgets import Container, Label, ProgressBar, PushButton
from qtpy.QtCore import Qt

from ...core.progress import Progress

# seconds of a phase before its end is estimated: the first steps are slow
_SURE = 3.0

# share of the work that the time of the rest is estimated from
_LEAST = 0.02

# what is said from Cancel until the thread of a job has stopped
STOPPING = "Stopping…"

# steps of the bar
_STEPS = 1000


class WorkBar(Container):
    """A progress bar with a line of text below it; hidden while nothing runs."""

    def __init__(self) -> None:
        self.bar, self.text = ProgressBar(min=0, max=100), Label()
        super().__init__(widgets=[self.bar, self.text], labels=False, visible=False)
        self.margins = (0, 0, 0, 0)
        # names of images are no HTML
        self.text.native.setTextFormat(Qt.TextFormat.PlainText)
        self.text.native.setWordWrap(True)
        self.begin()

    def begin(self) -> None:
        """Start with a bar of unknown length."""
        # two lines: a row that holds a container gives a wrapped text no more than one
        label = self.text.native
        label.setMinimumHeight(2 * label.fontMetrics().lineSpacing())
        self.bar.max = self.bar.value = 0
        self.text.value, self._phase, self._round = "Starting…", "", 1
        self._last, self._start = Progress(0, 0), time.monotonic()
        self._began, self._share, self._counted = self._start, 0.0, False
        # share that was done when its time began: libraries and models are loaded before
        self._first = 0.0

    def stop(self, button: PushButton) -> None:
        """Hide, and show on the button that a cancelled job stops."""
        self.visible = False
        # not disabled: the focus would go to Undo beside it
        button.text = STOPPING

    def end(self, button: PushButton, text: str) -> None:
        """Hide, and show on the button that it starts a job again."""
        self.visible = False
        button.text = text

    def show_progress(self, progress: Progress) -> None:
        """Move the bar, never back, and say what is done."""
        is_new = progress.phase != self._phase
        if is_new or progress.done < self._last.done:
            # another phase, or the same one again: the text says which
            self._round = 1 if is_new else self._round + 1
            self._phase, self._start = progress.phase, time.monotonic()
        self._last = progress
        if progress.share and not self._first:
            self._began, self._first = time.monotonic(), progress.share
        self._share = max(self._share, progress.fraction)
        # how much work follows a counted phase is not known: the bar is busy in a second one
        behind = progress.share is None and progress.fraction < self._share
        unknown = not progress.total if progress.share is None else not self._share
        self._counted = self._counted or behind
        if unknown or (self._counted and progress.share is None):
            # a total of 0 makes an indeterminate bar
            self.bar.max = self.bar.value = 0
        else:
            self.bar.max, self.bar.value = _STEPS, round(_STEPS * self._share)
        begin, since = (self._start, 0.0) if progress.share is None else (self._began, self._first)
        self.text.value = described(progress, self._round, time.monotonic() - begin, since)


def described(progress: Progress, number: int, seconds: float, since: float = 0.0) -> str:
    """Describe progress: its phase, what is done of it, and the time that is left.

    Parameters
    ----------
    progress : Progress
        The last one.
    number : int
        How often this phase has begun, such as the epochs of each fold.
    seconds : float
        Since the work has begun where its share is known, else since the phase has.
    since : float
        Share that was done when these seconds began.
    """
    phase = progress.phase or "Working"
    is_again = number > 1 and progress.share is None
    text = f"{phase[:1].upper()}{phase[1:]}" + (f", round {number}" if is_again else "")
    if progress.total > 1:
        text += f": {min(progress.done, progress.total):,} of {progress.total:,}"
    elif progress.share is None:
        return f"{text}…"
    if progress.remark:
        return f"{text} {progress.remark}"
    least = 0.0 if progress.share is None else _LEAST
    done = progress.fraction - since
    if seconds < _SURE or not done > least or progress.fraction >= 1:
        return text
    left = seconds / done * (1 - progress.fraction)
    return f"{text}, about {_rounded(left)} left"


def _rounded(seconds: float) -> str:
    if seconds < 60:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
