"""Live runs: a form that follows every change of its fields."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..layers.metadata import plane_shape
from ..parts.jobs import report
from .fields import settled

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
        self._whole = True
        self._previewed: tuple[Any, ...] = ()
        self.follow_soon = settled(form.native, 25, self.follow)

    @property
    def is_on(self) -> bool:
        """Whether the operation can be live and the box is checked."""
        return self.form.operation.live and bool(self.form.live.value)

    def fields_changed(self) -> None:
        """Run again soon: a slider that moves changes its field many times a second."""
        if self.is_on:
            self.follow_soon()

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
            if (large and self._whole) or form.results.is_computing:
                form.job.cancel()
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
