"""What a check of labelled images found."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_visual_ccc.core.result import Audit
from napari_visual_ccc.widgets.parts.audit import AuditView


def test_tables_without_rows_and_classes_without_pictures_are_hidden(qtbot):
    view = AuditView()
    qtbot.addWidget(view)
    tables = {
        "classes": pd.DataFrame({"class": ["a", "b"], "images": [2, 1]}),
        "formats": pd.DataFrame({"format": ["PNG"], "images": [3]}),
        "duplicates": pd.DataFrame(
            {"name": ["x"], "other": ["y"], "similarity": [0.99], "leaks": [True]}
        ),
        "skipped": pd.DataFrame(columns=["name", "reason"]),
        "properties": pd.DataFrame(columns=["property", "accuracy"]),
    }
    picture = np.zeros((96, 96), np.uint8)
    view.show_audit(Audit(tables=tables, pictures={"a": (("x", picture),), "b": ()}))
    view.show()
    assert view.counts.frame["images"].tolist() == [2, 1]
    assert view.duplicates.frame["leaks"].tolist() == ["yes"]
    assert view.duplicates.isVisible()
    assert not view.skipped.isVisible()
    (axes,) = view.pictures.figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]
    view.show_audit(Audit(tables=tables, pictures={"a": (), "b": ()}))
    assert not view.pictures.isVisible()
