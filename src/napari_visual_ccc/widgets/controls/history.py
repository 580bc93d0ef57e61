"""Undo runs of a form, one after the other, and do them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from napari.utils.notifications import show_info

from ...core.result import Result

if TYPE_CHECKING:
    from ..form.form import Form
    from ..form.result_layers import Run


class History:
    """The buttons *Undo* and *Redo*, which say what they do.

    Parameters
    ----------
    form : Form
        Whose runs they undo.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.undo_button = PushButton(text="Undo", enabled=False)
        self.redo_button = PushButton(text="Redo", enabled=False)
        self.undo_button.changed.connect(lambda: form.undo())
        self.redo_button.changed.connect(lambda: form.redo())
        self.refresh()

    def row(self, before: PushButton, after: PushButton) -> Container:
        """The buttons in one row with another one before and after them."""
        buttons = [before, self.undo_button, self.redo_button, after]
        return Container(widgets=buttons, layout="horizontal", labels=False)

    def refresh(self) -> None:
        """Offer what can be undone and done again now."""
        results = self.form.results
        for button, word, runs in (
            (self.undo_button, "Undo", results.past),
            (self.redo_button, "Redo", results.undone),
        ):
            button.enabled = bool(runs)
            button.tooltip = _offer(word, runs)

    def note(self, result: Result) -> None:
        """Keep the tables of the last run, which its layers are shown with."""
        if self.form.results.past:
            self.form.results.past[-1].tables = result.tables
        self.refresh()

    def undo(self) -> None:
        """Undo the last run, unless its layers were edited since."""
        past = self.form.results.past
        self._finish("Undone", past[-1] if past else None, self.form.results.undo())

    def redo(self) -> None:
        """Do the run again that was undone last; nothing is computed."""
        undone = self.form.results.undone
        if undone:
            self._finish("Done again", undone[-1], self.form.results.redo())

    def _finish(self, what: str, run: Run | None, kept: list[str]) -> None:
        self.refresh()
        if kept:
            show_info(f"kept {', '.join(kept)}: edited or renamed since the run")
        elif run is not None:
            past = self.form.results.past
            self.form.show_tables(Result(tables=past[-1].tables if past else {}))
            self.form.say(f"{what}: {run.title}.")


def _offer(word: str, runs: list[Run]) -> str:
    """What a button does, for its tooltip and for screen readers."""
    if not runs:
        return f"{word}: there is nothing to {word.lower()}"
    more = len(runs) - 1
    steps = f"; {more} more step{'s' if more > 1 else ''} after it" if more else ""
    return f"{word} {runs[-1].title}{steps}"
