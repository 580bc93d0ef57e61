"""The button that runs a form, or a record, on many images."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from magicgui.widgets import PushButton
from napari.utils.notifications import show_warning

from ....core.result import Result
from ....core.units import counted
from ....workflow.operations import OPERATIONS
from ...controls.timers import later
from ...parts.jobs import report
from ...parts.tables import Table
from .remedy import in_dialog

if TYPE_CHECKING:
    import pandas as pd

    from ..form import Form
    from .dialog import BatchDialog
    from .plan import Plan

# milliseconds between two looks whether a job has stopped
_SOON = 50


class ManyImages:
    """A button that asks for images, and runs the operation of a form or a record on them.

    Parameters
    ----------
    form : Form
        Whose operation and choices are taken; it shows the progress, with Cancel.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.dialog: BatchDialog | None = None
        # what a run that was cancelled has done, said when its thread has ended
        self._kept = ""
        self.button = PushButton(
            text="Run on many images…", visible=False,
            tooltip="Run on a folder, a table or a pattern with these choices, or replay a record "
            "there; results are written into a folder beside the images",
        )  # fmt: skip
        self.button.changed.connect(lambda: self.ask())

    def offer(self) -> None:
        """Show the button, unless the operation has one of its own for a folder."""
        self.button.visible = f"{self.form.operation.name}_folder" not in OPERATIONS

    def allow(self, allowed: bool) -> None:
        """Switch the button off while a job runs; then say what a cancelled batch has done."""
        if allowed and self._kept:
            self.form.say(self._kept)
        if not allowed and self.button.native.hasFocus():
            # which cancels now; else the focus would go wherever Qt finds room for it
            self.form.run_button.native.setFocus()
        self.button.enabled = allowed

    def ask(self) -> None:
        """Open the dialog."""
        # it brings the modules of a batch along
        from .dialog import BatchDialog

        self.dialog = BatchDialog(self.form, self.begin)
        self.dialog.finished.connect(self._forget)
        self.dialog.open()

    def _forget(self, *_: Any) -> None:
        self.dialog = None

    def begin(self, plan: Plan) -> None:
        """Start a run, after one that follows the fields has stopped."""
        if self.form.job is not None:
            self.form.stop()
            later(self.form.native, _SOON, lambda: self.begin(plan))
            return
        # what is said is of the run before
        self._kept = ""
        self.form.say("")
        closed = functools.partial(self._note_kept, plan)
        show = functools.partial(self._show, plan)
        self.form.start(plan.steps(closed), plan.title, show, failed=_on_failed)
        self.form.reveal()

    def _note_kept(self, plan: Plan, share: str) -> None:
        # on the thread of the job: no widget is touched
        self._kept = (
            f"Cancelled: {share}. Results are in {plan.output}. The same run goes on where it "
            "ended."
        )

    def _show(self, plan: Plan, result: Result) -> None:
        self.form.results.clear()
        self.form.history.refresh()
        unused = (f"{name} are of the open image: not used" for name in plan.unused)
        failed = result.tables["failures"]
        # names of files stay as they are
        names = tuple(f"{name}: " for name in failed["image"])
        notes = [
            note if note.startswith(names) else f"{note[:1].upper()}{note[1:]}"
            for note in (*result.notes, *unused)
        ]
        self.form.say(" ".join(f"{note}." for note in notes))
        # it brings the modules of a batch along
        from .listed import listed

        frame = listed(result.tables)
        self.form.show_tables(replace(result, tables={"images": frame}))
        table = getattr(self.form, "table", None)
        # some forms list the regions of a layer alone
        if isinstance(table, Table) and table.frame is frame:
            table.set_title(plan.place)
        if len(failed):
            show_warning(_of_failures(failed))


def _on_failed(error: Exception) -> None:
    """Display an error, with the name that its remedy has in the dialog."""
    report(in_dialog(error))


def _of_failures(failed: pd.DataFrame) -> str:
    """How many images failed, with the file and the reason of the first."""
    path, problem = str(failed["path"].iloc[0]), str(failed["problem"].iloc[0])
    more = f"; {len(failed) - 1} more are in the table of failures" if len(failed) > 1 else ""
    reason = problem if path in problem else f"{path}: {problem}"
    return f"{counted(len(failed), 'image')} failed: {reason}{more}"
