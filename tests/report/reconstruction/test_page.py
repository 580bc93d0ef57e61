from __future__ import annotations

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from napari_visual_ccc.report.reconstruction.page import (
    draw_examples,
    report_numbers,
    sheet,
    summary_text,
    write_autoencoder_report,
)


def test_the_page_stands_alone_and_has_its_numbers(stripes_model, tmp_path):
    _, result = stripes_model
    page, numbers = tmp_path / "report.html", tmp_path / "report.json"
    write_autoencoder_report(result, page, numbers)
    text = page.read_text(encoding="utf-8")
    assert summary_text(result) in text
    assert text.count("<img") == text.count("data:image/") == 2
    assert "It rests on 18 tiles of 32 pixels" in text
    assert "image 3" in text
    assert "http" not in text.replace("http://www.w3.org", "")
    read = json.loads(numbers.read_text(encoding="utf-8"))
    assert read == report_numbers(result)
    assert read["model"]["task"] == "reconstruction"
    with pytest.raises(FileExistsError):
        write_autoencoder_report(result, page, numbers)


def test_tiles_lie_above_their_reconstructions_and_residuals():
    examples = np.stack([np.full((3, 8, 8), k, np.uint8) for k in (10, 20)])
    picture = sheet(examples)
    assert picture.shape == (3 * 12, 2 * 12)
    assert (picture[2:10, 2:10], picture[14:22, 14:22])[1].mean() == 20


def test_the_dock_draws_the_same_sheet(stripes_model):
    _, result = stripes_model
    axes = Figure().add_subplot()
    draw_examples(axes, result)
    assert axes.images[0].get_array().shape == sheet(result.examples).shape
    assert "PSNR" in summary_text(result)
