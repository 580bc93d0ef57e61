"""The dock of image quality on a stack and on a folder."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc import samples
from napari_visual_ccc.widgets.docks.quality import judged
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


GOOD = {
    "flags": "", "detail_px": 4.0, "snr": 20.0, "black_percent": 0.1, "white_percent": 0.5,
    "row_stripes_percent": 1.0, "column_stripes_percent": 2.0,
}  # fmt: skip
LIMITS = {"blurred": 9.0, "noisy": 1.0, "saturated": 2.0, "striped": 4.0}


def test_the_verdict_lists_every_measure_with_its_limit():
    text = judged(GOOD, LIMITS)
    assert "Fit for analysis" in text
    assert text.count("✔") == 5
    for one in ("4 px", "at most 9 px", "at least 1", "0.5 %", "at most 4 %"):
        assert one in text
    assert "✖" not in text


def test_the_verdict_marks_what_was_flagged():
    text = judged(GOOD | {"flags": "blurred: finest detail is 12.0 px", "detail_px": 12.0}, LIMITS)
    assert "Not fit" in text
    assert (text.count("✖"), text.count("✔")) == (2, 3)


def test_noise_that_cannot_be_judged_is_said():
    text = judged(GOOD | {"snr": float("nan")}, LIMITS)
    assert "cannot be judged" in text
    assert "#d9a404" in text


def test_an_image_has_a_verdict_and_limits_are_called_limits(viewer, finish):
    viewer.add_image(samples.load("superalloy").data[:256, :256], name="good")
    form = dock(viewer, "quality")
    assert [form.fields[one].label for one in LIMITS] == [
        "Limit of blur (px)", "Limit of noise (SNR)", "Limit of saturation (%)",
        "Limit of stripes (%)",
    ]  # fmt: skip
    assert form.verdict.isHidden()
    form.run_button.native.click()
    finish(form)
    assert form.verdict.isVisibleTo(form.native)
    assert "Finest detail" in form.verdict.text()
    # all lines are visible: a sign, titles and four measures
    # all lines have room: a sign, titles and four measures
    assert form.verdict.minimumHeight() == form.verdict.sizeHint().height() > 80
