"""Run a form by keys: that in which the keyboard focus is."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QApplication, QShortcut, QWidget

# what tooltips say
RUN_KEYS = "Ctrl+Return"


class RunKeys(QShortcut):
    """Ctrl+Return, or Ctrl+Enter of the number pad, runs a form while the focus is in it.

    Parameters
    ----------
    form : QWidget
        The form. It may be inside of another one, and be in front of it for its own fields.
    run : callable
        What to do.
    """

    def __init__(self, form: QWidget, run: Callable[[], object]) -> None:
        super().__init__(form)
        self.setKeys([QKeySequence(RUN_KEYS), QKeySequence("Ctrl+Enter")])
        self.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        # repeats would start and cancel
        self.setAutoRepeat(False)
        self._run = run
        self.activated.connect(_run_focused)
        # of forms inside of each other, Qt asks one after another
        self.activatedAmbiguously.connect(_run_focused)

    def run(self) -> None:
        """Run the form."""
        self._run()


def _run_focused() -> None:
    """Run the innermost form that has the focus."""
    above = QApplication.focusWidget()
    while above is not None:
        keys = above.findChild(RunKeys, options=Qt.FindChildOption.FindDirectChildrenOnly)
        if isinstance(keys, RunKeys):
            keys.run()
            return
        above = above.parentWidget()
