from __future__ import annotations

import re

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.core.dataset import from_arrays
from tests.lens_images import planted
from tests.models import saved


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    model = saved(tmp_path_factory.mktemp("models"), "visualcnn")
    data = from_arrays(
        [planted(seed=k) for k in range(2)], ["sphere", "alloy"], names=["<one>.png", "two.png"],
        spacings=[((2.0, 2.0), "nm")] * 2,
    )  # fmt: skip
    return ccc.common_patterns(data, model=model, channels=2, iterations=1)


def test_a_page_shows_classes_channels_and_kernels_and_needs_no_other_file(found, tmp_path):
    path = ccc.write_patterns(found, tmp_path / "patterns.html", title="Copper & more")
    page = path.read_text("utf-8")
    assert "<h1>Copper &amp; more</h1>" in page
    assert "<h3>sphere</h3>" in page
    assert page.count("input made for the class") == 2
    assert page.count("input made for the channel") == 2
    assert "&lt;one&gt;.png: y " in page
    assert " nm wide; activation " in page
    assert 'alt="Kernels of the first layer"' in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    with pytest.raises(FileExistsError):
        ccc.write_patterns(found, path)


def test_a_page_without_made_inputs_and_classes_is_shorter(found, tmp_path):
    from dataclasses import replace

    bare = replace(found, classes={}, maximised={}, kernels=np.empty((0, 64, 64), np.uint8))
    page = ccc.write_patterns(bare, tmp_path / "bare.html").read_text("utf-8")
    assert "What each class" not in page
    assert 'class="made"' not in page
    assert "Kernels" not in page
