"""Live runs: a form that follows every change of its fields."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..controls.timers import later, settled
from ..layers.metadata import plane_shape
from ..parts.jobs import report

if TYPE_CHECKING:
    from .form import Form

# above this many pixels a live form shows the visible part first
PREVIEW_PIXELS = 4_000_000


class LiveRuns:
    """Runs that follow the fields of a form; a large image shows its visible part first.

    Parameters
    ----------
    form : Form
        Whose fields are followed; it starts the runs.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        # whether the fields have changed during the present run
        self.is_waiting = False
        # the run that was to start while a cancelled job stopped
        self._next: Callable[[], object] | None = None
        self._whole = True
        self._previewed: tuple[Any, ...] = ()
        self.follow_soon = settled(form.native, 25, self.follow)
        self.run_whole_soon = settled(form.native, 150, self.run_whole)
        self.retry_whole_soon = settled(form.native, 0, self.retry_whole)

    @property
    def is_on(self) -> bool:
        """Whether the operation can be live and the box is checked."""
        return self.form.operation.live and bool(self.form.live.value)

    def fields_changed(self) -> None:
        """Run again soon: a slider that moves changes its field many times a second."""
        if self.is_on:
            self.follow_soon()

    def waits(self, preview: bool) -> bool:
        """Whether a run has to wait, as a cancelled job still stops; it is kept for the end."""
        job = self.form.job
        if job is None or not job.stopping:
            return False
        self._next = functools.partial(self.form.run, preview=preview)
        return True

    def forget(self) -> None:
        """Forget what waits for the end of the job."""
        self.is_waiting, self._next = False, None

    def go_on(self) -> bool:
        """Begin what has waited for the end of the job, if there is something."""
        begin, self._next = self._next, None
        if begin is not None:
            begin()
        elif self.is_waiting:
            self.follow()
        else:
            return False
        return True

    def reveal(self) -> None:
        """Offer Cancel; a live form would flicker: it does so for long runs only."""
        if self.is_on:
            later(self.form.native, 400, self.form.reveal)
        else:
            self.form.reveal()

    def note_start(self, preview: bool) -> None:
        """Note that a run starts, on the visible part or on the whole image."""
        self._whole = not preview
        if preview:
            self._previewed = self._choices

    def follow(self) -> None:
        """Run with the present values of the fields, after the run that is under way."""
        form = self.form
        self.is_waiting = False
        if not self.is_on:
            return
        first = next(iter(form.inputs.values()))
        large = first is not None and math.prod(plane_shape(first)) > PREVIEW_PIXELS
        if form.job is not None:
            self.is_waiting = True
            is_slow = (large and self._whole) or form.results.is_computing
            if is_slow and not form.job.stopping:
                # a slider waits for no thread
                form.job.abandon()
                form.on_finished()
        elif first is not None:
            form.run(preview=large)

    def run_whole(self) -> None:
        """Run on the whole image after a preview, unless other choices were made since."""
        form = self.form
        if form.job is not None or not form.results.has_preview:
            return
        closed = next(iter(form.inputs.values())) is None
        if not closed and (self.is_on or self._choices == self._previewed):
            form.run()
        else:
            form.undo()
            form.say("")

    def retry_whole(self) -> None:
        """Run on the whole image after a preview that failed."""
        if self.form.job is None:
            self.form.run()

    def tell(self, error: Exception) -> None:
        """Say what went wrong: choices that do not fit in the form, as a slider passes many."""
        text = str(error) if self.is_on and isinstance(error, ValueError) else ""
        self.form.say(f"{text[:1].upper()}{text[1:]}." if text else "")
        if not text:
            report(error)

    @property
    def _choices(self) -> tuple[Any, ...]:
        return self.form.operation.name, self.form.parameters, self.form.inputs
