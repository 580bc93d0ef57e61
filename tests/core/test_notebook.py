"""Results as HTML for notebooks."""

from __future__ import annotations

import base64
import io
import re

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_visual_ccc.core.layers import ImageLayer, LabelsLayer, PointsLayer
from napari_visual_ccc.core.result import Result


def pictures(html):
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def test_images_have_thumbnails_and_tables_their_first_rows():
    ramp = np.tile(np.linspace(0, 1, 640), (2, 400, 1))
    table = pd.DataFrame({"label": range(1, 100)})
    html = Result(
        (ImageLayer(ramp, name="ramp"), LabelsLayer(np.ones((4, 4), int), name="all")),
        {"regions": table},
        notes=("99 regions",),
    )._repr_html_()
    (picture,) = pictures(html)
    assert picture.size == (160, 100)
    grey = np.asarray(picture.convert("L"), int)
    assert grey[50, 0] < 10 < 245 < grey[50, -1]
    assert "image &#x27;ramp&#x27;: 2 x 400 x 640 float64" in html
    assert "regions: 99 rows" in html
    assert html.count("<tr>") < 12
    assert "<li>99 regions</li>" in html


def test_names_and_cells_are_escaped():
    table = pd.DataFrame({"<th>": ["<b>&"]})
    layer = PointsLayer(np.zeros((1, 2)), name="<script>")
    html = Result((layer,), {"<i>": table}, notes=("<u>",))._repr_html_()
    for tag in ("<th><", "<b>&", "<script>", "<i>", "<u>"):
        assert tag not in html.replace("<b>Result</b>", "")


def test_lazy_images_are_not_computed():
    def fail(block):
        raise AssertionError("was computed")

    lazy = da.zeros((400, 400), chunks=100).map_blocks(fail, dtype=float, meta=np.empty((0, 0)))
    assert not pictures(Result((ImageLayer(lazy),))._repr_html_())


@pytest.mark.parametrize("data", [np.zeros((5, 7), np.uint8), np.full((5, 7), np.nan)])
def test_flat_and_empty_images_are_drawn_too(data):
    assert pictures(Result((ImageLayer(data, style="heat"),))._repr_html_())[0].size == (7, 5)


def test_masks_are_drawn_black_and_white():
    mask = np.zeros((6, 8), bool)
    mask[:, 4:] = True
    (picture,) = pictures(Result((ImageLayer(mask),))._repr_html_())
    grey = np.asarray(picture.convert("L"))
    np.testing.assert_array_equal(grey, np.where(mask, 255, 0))
