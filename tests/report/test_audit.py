"""The page on labelled images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.core.result import Audit
from napari_visual_ccc.report.audit import write_audit


@pytest.fixture
def audit():
    picture = np.full((96, 96), 100, np.uint8)
    tables = {
        "classes": pd.DataFrame({"class": ["<a>", "b"], "images": [210, 1]}),
        "formats": pd.DataFrame({"format": ["PNG"], "images": [211]}),
        "duplicates": pd.DataFrame({"name": [f"n{k}" for k in range(210)], "leaks": [True] * 210}),
        "skipped": pd.DataFrame(columns=["name", "reason"]),
        "properties": pd.DataFrame(columns=["property", "accuracy"]),
    }
    pictures = {"<a>": (("one", picture), ("two", picture)), "b": (("three", picture),)}
    return Audit(tables=tables, notes=("a note",), pictures=pictures)


def test_the_page_has_pictures_tables_and_notes(tmp_path, audit):
    write_audit(audit, tmp_path / "a.html", title="metals")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    for text in ("metals: check of the images", "a note", "&lt;a&gt;", "data:image/png;base64,",
                 "210 in all; the first 200:", "None."):  # fmt: skip
        assert text in page
    assert "<a>" not in page
    assert "n199" in page and "n200" not in page
    with pytest.raises(FileExistsError, match="--force"):
        write_audit(audit, tmp_path / "a.html", title="metals")


def test_without_pictures_there_is_no_figure(tmp_path, audit):
    plain = Audit(tables=audit.tables, pictures={"<a>": (), "b": ()})
    write_audit(plain, tmp_path / "a.html", title="metals")
    assert "<img" not in (tmp_path / "a.html").read_text(encoding="utf-8")
