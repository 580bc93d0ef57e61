"""The only place that starts background work."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

from napari.qt.threading import create_worker
from napari.utils import progress as activity
from napari.utils.notifications import notification_manager, show_error

from ...core.progress import Progress, Steps

# errors of input, or of the machine's resources: one sentence, no traceback
EXPECTED = (ValueError, OSError, RuntimeError, MemoryError, ImportError)

# seconds before there is a bar: it takes longer to make than many jobs
_SOON = 0.25

# seconds between two reports of progress, and so the longest that Cancel waits for one
_OFTEN = 0.03


class _Failure:
    """An error on its way to the GUI thread.

    napari's generator worker drops a `RuntimeError` silently (the out-of-memory error of torch is
    one), so errors are returned as values.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error


def _guarded(steps: Steps[Any]) -> Generator[Progress, None, Any]:
    """Run the work, and pass on no more progress than is visible."""
    last = 0.0
    try:
        while True:
            progress = next(steps)
            if time.monotonic() - last > _OFTEN:
                yield progress
                last = time.monotonic()
    except StopIteration as stop:
        return stop.value
    except Exception as error:  # noqa: BLE001  every error must be reported
        return _Failure(error)


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
        cancelled job, and with every `Progress`. After `cancel` only `finished` is called, at once.
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
        self._steps = steps
        self._title = title
        self._bar: Any = None
        self._has_bar = False
        self._returned = returned
        self._failed = failed or report
        self._finished = finished
        self._progressed = progressed
        self._start = time.monotonic()
        self.running = True
        self._worker = create_worker(_guarded, steps)
        self._worker.yielded.connect(self._on_progress)
        self._worker.returned.connect(self._on_returned)
        # the worker only stops calling an aborted generator: closing it releases what it holds
        self._worker.aborted.connect(steps.close)
        self._worker.start()

    def cancel(self) -> None:
        """Stop: nothing more arrives, the thread ends at its next step."""
        if self.running:
            self._worker.quit()
            self._end()

    def abandon(self) -> None:
        """Stop without any call: the receivers are gone."""
        if self.running:
            self.running = False
            self._worker.quit()
            if self._bar is not None:
                self._bar.close()

    def _on_progress(self, progress: Progress) -> None:
        if not self.running:
            return
        if not self._has_bar and time.monotonic() - self._start > _SOON:
            # making the bar turns the event loop: what comes in meanwhile must not make another
            self._has_bar = True
            bar = activity(total=progress.total, desc=self._title, gui=True)
            if not self.running:
                bar.close()
                return
            self._bar = bar
        if self._bar is not None:
            self._bar.total = progress.total
            self._bar.update(progress.done - self._bar.n)
        # moving the bar turns the event loop too: the receiver may be gone by now
        if self._progressed is not None and self.running:
            self._progressed(progress)

    def _on_returned(self, result: Any) -> None:
        if not self.running:
            return
        try:
            if isinstance(result, _Failure):
                self._failed(result.error)
            else:
                self._returned(result)
        finally:
            self._end()

    def _end(self) -> None:
        self.running = False
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._finished()


def report(error: Exception) -> None:
    """Display an error: one sentence when it is expected, with its traceback when it is a bug."""
    if isinstance(error, EXPECTED):
        show_error(str(error) or type(error).__name__)
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)
