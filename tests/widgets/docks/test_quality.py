"""The dock of image quality on a stack and on a folder."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc import samples
from tests.widgets.opening import dock


def test_quality_lists_slices_and_goes_to_the_one_picked(viewer, finish):
    image = samples.load("superalloy").data[:256, :256]
    stack = np.stack([image, np.full_like(image, 9), np.roll(image, 4, axis=0)])
    viewer.add_image(stack, name="series", scale=(50, 5, 5), units=("nm", "nm", "nm"))
    form = dock(viewer, "quality")
    form.run_button.native.click()
    finish(form)
    frame = form.table.frame
    assert list(frame["flags"].str.split(":").str[0]) == ["", "empty", "moved"]
    assert frame["drift_y_nm"].iloc[2] == pytest.approx(20, abs=1)
    assert len(viewer.layers) == 1
    form.table.select(1)
    assert viewer.dims.current_step[0] == 1
    assert "2 of 3 slices" in form.message.value


def test_quality_checks_a_folder_and_opens_its_images(viewer, finish, tmp_path):
    from skimage.io import imsave

    for name in ("one", "two"):
        imsave(tmp_path / f"{name}.png", samples.load(["powder", "superalloy"][name == "two"]).data)
    form = dock(viewer, "quality")
    form.fields["noisy"].value = 10.0
    form.check_folder(tmp_path)
    finish(form)
    frame = form.table.frame
    assert list(frame["name"]) == ["one.png", "two.png"]
    assert frame["flags"].iloc[1].startswith("noisy")  # at the limit chosen
    form.table.select(1)
    assert viewer.layers[-1].name == "two.png"
    assert "1 of 2 images" in form.message.value
    # all notes, not the headline alone
    assert "two.png: noisy" in form.message.value
    assert "Click a row" in form.message.value
