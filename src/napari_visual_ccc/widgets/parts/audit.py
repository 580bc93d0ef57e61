"""What a check of labelled images found, in the dock: pictures, counts, formats, duplicates."""

from __future__ import annotations

from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from ...core.result import Audit
from ...report.plots import draw_pictures
from .report import Canvas
from .tables import Table


class AuditView(QScrollArea):
    """Pictures of every class, and the tables of an audit that have rows."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures = Canvas((4, 3), 220)
        self.counts, self.formats = Table("classes"), Table("formats")
        self.duplicates, self.skipped = Table("duplicates"), Table("skipped")
        self.properties = Table("properties")
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 6, 0, 0)
        for widget in (
            self.counts, self.pictures, self.formats, self.properties, self.duplicates,
            self.skipped,
        ):  # fmt: skip
            layout.addWidget(widget)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setMinimumHeight(300)

    def show_audit(self, audit: Audit) -> None:
        """Show an audit."""
        tables = audit.tables
        leaks = tables["duplicates"]["leaks"].map({True: "yes", False: "no"})
        duplicates = tables["duplicates"][["name", "other", "similarity"]].assign(leaks=leaks)
        self.counts.show_frame(tables["classes"])
        self.formats.show_frame(tables["formats"])
        for table, frame in (
            (self.properties, tables["properties"]),
            (self.duplicates, duplicates),
            (self.skipped, tables["skipped"]),
        ):
            table.setVisible(bool(len(frame)))
            table.show_frame(frame)
        drawn = any(audit.pictures.values())
        self.pictures.setVisible(drawn)
        if drawn:
            self.pictures.draw(lambda axes: draw_pictures(axes, audit))
