"""The only place that starts background work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari.qt.threading import WorkerBase
from napari.utils import progress as activity
from napari.utils.notifications import notification_manager, show_error
from qtpy.QtCore import QObject, Signal

from ...core.memory import full
from ...core.progress import Progress, Steps, StopEarly
from ..controls.progress import STOPPING

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

# errors of input, or of the machine's resources: one sentence, no traceback
EXPECTED = (ValueError, OSError, RuntimeError, MemoryError, ImportError)

# seconds before there is a bar: it takes longer to make than many jobs
_SOON = 0.25

# seconds between two reports of progress
_OFTEN = 0.03


class _Failure:
    """An error on its way to the GUI thread."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class _Signals(QObject):
    """What a worker tells the GUI thread; ``_finished`` lets napari forget the worker."""

    progressed = Signal(object)
    returned = Signal(object)
    _finished = Signal(object)


# signals of workers whose threads may emit them: deleted meanwhile, they would end the process
_emitting: set[_Signals] = set()

# signals of workers that have ended; they are deleted on this thread, when theirs is surely done
_ended: list[_Signals] = []


class _Worker(WorkerBase):
    """Run steps in a thread of napari's pool, which napari ends with its window.

    Nothing may leave `run` as an exception: Qt would end the process. napari's own workers drop a
    `RuntimeError` silently (the out-of-memory error of torch is one).
    """

    def __init__(self, steps: Steps[Any]) -> None:
        super().__init__(SignalsClass=_Signals)
        self._steps = steps
        self.stops_early = self.has_begun = False
        # what was reported last is not shown yet, see `Job._on_progress`
        self.is_reporting = False
        # neither the last thread that holds this worker nor the end of the application deletes them
        _emitting.add(self.signals)
        while _ended:
            _ended.pop().deleteLater()
        self._finished.connect(_note_end)

    def run(self) -> None:
        """Run the steps, and tell the GUI thread how they ended."""
        self.has_begun = True
        result = self.work()
        # the application may have ended meanwhile
        with suppress(RuntimeError):
            if not self.abort_requested:
                self.returned.emit(result)
            self._finished.emit(self)

    def work(self) -> Any:
        """Run the steps; give their result, or what went wrong."""
        try:
            return self._worked()
        except Exception as error:  # noqa: BLE001  every error must be reported
            return _Failure(error)
        # libraries in Rust raise errors of this kind
        except BaseException as error:  # noqa: BLE001
            failure = RuntimeError(f"{type(error).__name__}: {error}")
            failure.__cause__ = error
            return _Failure(failure)

    def _worked(self) -> Any:
        """Run the steps until they end or `quit` is called, and pass on the visible progress."""
        last = 0.0
        try:
            while not self.abort_requested:
                progress = self._next()
                if not self.is_reporting and time.monotonic() - last > _OFTEN:
                    self.is_reporting = True
                    self.progressed.emit(progress)
                    last = time.monotonic()
        except StopIteration as stop:
            return stop.value
        finally:
            # here, in their thread, they release what they hold
            self._steps.close()
        return None

    def _next(self) -> Progress:
        if not self.stops_early:
            return next(self._steps)
        self.stops_early = False
        return self._steps.throw(StopEarly())


def _note_end(worker: _Worker) -> None:
    _emitting.discard(worker.signals)
    _ended.append(worker.signals)


class Job:
    """One piece of work in the background, with a bar in napari's activity dock.

    Parameters
    ----------
    steps : generator of Progress
        The work. It runs in another thread and must not touch layers.
    title : str
        What the bar says.
    returned, failed, finished, progressed : callables
        Called on the GUI thread: with the result, with the error, at the end of either or of a
        cancelled job, and with every `Progress`. After `cancel` only `finished` is called, when
        the thread computes no more.

    Attributes
    ----------
    running : bool
        Whether the end is still to come.
    stopping : bool
        Whether it was cancelled.
    """

    def __init__(
        self,
        steps: Steps[Any],
        title: str,
        *,
        returned: Callable[[Any], object],
        finished: Callable[[], object],
        failed: Callable[[Exception], object] | None = None,
        progressed: Callable[[Progress], object] | None = None,
    ) -> None:
        self._title = title
        self._bar: Any = None
        self._has_bar = False
        self._returned = returned
        self._failed = failed or report
        self._finished = finished
        self._progressed = progressed
        self._start = time.monotonic()
        self._needed: list[Layer] = []
        self._lost: Callable[[str], object] | None = None
        self._viewer: Viewer | None = None
        self.running, self.stopping = True, False
        self._say_reason: Callable[[], object] | None = None
        self._worker = _Worker(steps)
        self._worker.progressed.connect(self._on_progress)
        self._worker.returned.connect(self._on_returned)
        self._worker._finished.connect(self._on_stopped)
        self._worker.start()

    def need(self, layers: Iterable[Layer], viewer: Viewer, lost: Callable[[str], object]) -> None:
        """Stop as `cancel` does when a layer is removed that the work was made of.

        Parameters
        ----------
        layers : iterable of Layer
            Of this viewer; none where the work was made of files.
        viewer : Viewer
            Whose layers are watched until the job ends.
        lost : callable
            Called first, with a sentence that says why: the reason to cancel for.
        """
        self._needed, self._lost = list(layers), lost
        if self._needed and self.running:
            self._viewer = viewer
            viewer.layers.events.removed.connect(self._on_removed)

    def _on_removed(self, event: Any) -> None:
        # the viewer that napari gives to a plugin wraps its layers: `is` does not hold
        if event.value in self._needed:
            if self._lost is not None:
                self._lost(f"Cancelled: {event.value.name} was removed.")
            self.cancel()

    def _let_go(self) -> None:
        """Watch the viewer no longer."""
        if self._viewer is not None:
            self._viewer.layers.events.removed.disconnect(self._on_removed)
            self._viewer = None

    def cancel(self, reason: str = "", say: Callable[[str], object] | None = None) -> None:
        """Stop: nothing more arrives, the thread ends at its next step, and the job with it.

        Parameters
        ----------
        reason : str
            What to say at the end; the first one counts.
        say : callable, optional
            Called with "Stopping…" now, and with the reason before `finished` is called.
        """
        if not self.running:
            return
        if say is not None and self._say_reason is None:
            self._say_reason = lambda: say(reason)
            say(STOPPING)
        if self.stopping:
            return
        self.stopping = True
        self._worker.quit()
        self._let_go()
        self._close_bar()
        # what waits for a thread computes nothing
        if not self._worker.has_begun:
            self._end()

    def stop_early(self) -> None:
        """End with what there is so far; where that is nothing, `failed` is given `StopEarly`."""
        self._worker.stops_early = True

    def abandon(self) -> None:
        """Stop without any call: the receivers are gone."""
        if self.running:
            self.running = False
            self._let_go()
            self._worker.quit()
            self._close_bar()

    @property
    def _is_heard(self) -> bool:
        """Whether what the worker tells is passed on."""
        return self.running and not self.stopping

    def _on_progress(self, progress: Progress) -> None:
        # Showing it turns the event loop. A second report that came in meanwhile would let PyQt
        # take this call for finished, and delete what it returns to when the job ends.
        try:
            self._show_progress(progress)
        finally:
            self._worker.is_reporting = False

    def _show_progress(self, progress: Progress) -> None:
        if not self._is_heard:
            return
        if not self._has_bar and time.monotonic() - self._start > _SOON:
            # making the bar turns the event loop: what comes in meanwhile must not make another
            self._has_bar = True
            bar = activity(total=progress.total, desc=self._title, gui=True)
            if not self._is_heard:
                bar.close()
                return
            self._bar = bar
        if self._bar is not None:
            self._bar.total = 100 if progress.share is not None else progress.total
            done = progress.done if progress.share is None else round(100 * progress.share)
            self._bar.update(done - self._bar.n)
        # moving the bar turns the event loop too: the receiver may be gone by now
        if self._progressed is not None and self._is_heard:
            self._progressed(progress)

    def _on_returned(self, result: Any) -> None:
        if not self._is_heard:
            return
        try:
            if isinstance(result, _Failure):
                self._failed(result.error)
            else:
                self._returned(result)
        finally:
            self._end()

    def _on_stopped(self, _: _Worker) -> None:
        if self.running and self.stopping:
            self._end()

    def _end(self) -> None:
        self.running = False
        self._let_go()
        self._close_bar()
        if self._say_reason is not None:
            self._say_reason()
        self._finished()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def report(error: Exception) -> None:
    """Display an error: one sentence when it is expected, with its traceback when it is a bug."""
    if isinstance(error, MemoryError):
        show_error(full(error, "take a part of the image, or close layers"))
    elif isinstance(error, EXPECTED):
        show_error(str(error) or type(error).__name__)
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)
