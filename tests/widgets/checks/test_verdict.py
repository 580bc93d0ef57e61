"""Whether an image is fit for analysis, in words."""

from __future__ import annotations

import math

import pytest

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.widgets.checks.verdict import (
    BAD,
    DOUBTFUL,
    GOOD,
    SIGNS,
    Checked,
    judge,
    summary,
)

ROW = {"flags": "", "detail_px": 3.2, "snr": 12.0}
LIMITS = {"blurred": 9.0, "noisy": 1.0}
FINE = Checked(ROW, LIMITS, InfoBar())


def verdict(checked=FINE, pixel_size="2 nm", name="steel"):
    return judge(name, "512 × 512 px", pixel_size, checked)


def test_a_good_image_has_its_facts_with_limits_and_nothing_to_do():
    found = verdict()
    assert found.state == GOOD and not found.advice and not found.what_to_do
    assert found.line == "✔ Fit for analysis: 512 × 512 px, 2 nm, no info bar"
    for one in ("512 × 512 px", "2 nm", "Info bar", "none", "finest detail 3.2 px (limit: at most "
                "9 px)", "signal-to-noise ratio 12 (limit: at least 1)"):  # fmt: skip
        assert one in found.html
    assert "What to do" not in found.html


@pytest.mark.parametrize(
    ("checked", "pixel_size", "state", "said", "todo"),
    [
        (FINE, "", DOUBTFUL, "no pixel size", "Set the pixel size"),
        (Checked({**ROW, "snr": math.nan}, LIMITS, InfoBar()), "2 nm", DOUBTFUL,
         "the noise cannot be judged", "smoothed or denoised"),
        (Checked(ROW, LIMITS, InfoBar(doubtful=InfoBar(bottom=40))), "2 nm", DOUBTFUL,
         "there may be an info bar", "Check the info bar"),
        (Checked(problem="too large to be assessed at once"), "2 nm", DOUBTFUL, "too large",
         "Run Image quality"),
        (Checked({**ROW, "flags": "striped along rows: 9.0 % of the contrast"}, LIMITS, InfoBar()),
         "2 nm", BAD, "striped along rows", "Run Correct"),
        (Checked({**ROW, "flags": "noisy: signal-to-noise ratio 0.5"}, LIMITS, InfoBar()), "", BAD,
         "noisy", "Denoise"),
    ],
)  # fmt: skip
def test_what_is_wrong_comes_with_what_to_do(checked, pixel_size, state, said, todo):
    found = verdict(checked, pixel_size)
    assert found.state == state
    assert found.line.startswith(f"{SIGNS[state].symbol} {SIGNS[state].text}: ")
    assert said in found.line
    assert "512 × 512 px" in found.line
    assert todo.lower() in found.html.lower()
    assert found.what_to_do.startswith("steel: ") and todo.lower() in found.what_to_do.lower()


def test_a_flag_may_have_a_semicolon():
    flags = "small: less than 32 px; sharpness is not assessed; noisy: signal-to-noise ratio 0.3"
    found = Checked({**ROW, "flags": flags}, LIMITS).flags
    assert found == ["small: less than 32 px; sharpness is not assessed",
                     "noisy: signal-to-noise ratio 0.3"]  # fmt: skip


def test_signs_differ_without_their_colours():
    assert len({one.symbol for one in SIGNS.values()}) == len({one.text for one in SIGNS.values()})
    assert len({one.symbol for one in SIGNS.values()}) == 3


def test_many_images_are_one_sentence_that_names_the_worst():
    bad = verdict(Checked({**ROW, "flags": "blurred: finest detail is 12.0 px"}, LIMITS), name="b")
    many = [verdict()] * 5 + [verdict(pixel_size="", name="c")] * 3 + [bad]
    assert summary(many).startswith(
        "9 images were opened: 5 fit for analysis, 3 to check, 1 not fit as it is (b, c, c, …)."
    )
    assert summary([verdict()] * 5) == ""
    assert summary([bad]) == bad.what_to_do
