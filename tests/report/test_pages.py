from __future__ import annotations

import datetime

import pytest
from jinja2 import UndefinedError

from napari_visual_ccc import __version__
from napari_visual_ccc.report.pages import render

HOSTILE = "<script>alert('\"&')</script>"


def demo(**more):
    section = {
        "name": HOSTILE, "shows": HOSTILE, "source": HOSTILE, "licence": HOSTILE,
        "picture": 'a"onerror="x.png', "files": [HOSTILE],
        "results": [
            {
                "title": HOSTILE, "summary": HOSTILE, "notes": [HOSTILE],
                "tables": [{"columns": [HOSTILE], "rows": [[HOSTILE]], "count": 12}],
            }
        ],
    }  # fmt: skip
    return render("demo", **{"version": HOSTILE, "sections": [section], **more})


def test_all_text_is_escaped():
    page = demo()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert 'src="a&#34;onerror=&#34;x.png"' in page
    assert "... 12 rows in all" in page


def test_a_page_has_its_date_and_the_version():
    days = {datetime.date.today()}
    page = demo()
    # midnight may pass
    days.add(datetime.date.today())
    lines = [f"Written on {day} by napari-visual-ccc {__version__}." for day in days]
    assert any(line in page for line in lines)


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError, match="version"):
        render("demo", sections=[])
    assert "Not finished." in demo(sections=[])
