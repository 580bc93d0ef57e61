from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from napari_visual_ccc.engine.acquisition.lettering import in_lines, solid, strokes


def test_letters_stand_in_lines_and_grains_do_not():
    letters = np.array([[10 * k, 20 + k % 2, 6, 12 - 4 * (k % 3 == 0), 40] for k in range(6)])
    letters[:, 1] = 32 - letters[:, 3]
    assert in_lines(letters).all()
    grains = letters.copy()
    grains[:, 1] += 9 * np.arange(6)
    assert not in_lines(grains).any()
    assert not in_lines(letters[:2]).any()


def written(text, size=20, width=400):
    image = Image.new("L", (width, 2 * size))
    draw = ImageDraw.Draw(image)
    draw.text((10, size), text, fill=255, font=ImageFont.load_default(size), anchor="lm")
    return np.asarray(image, np.float32)


def test_equal_dots_in_a_row_are_no_letters():
    ink = np.zeros((30, 200), np.float32)
    for x in range(10, 190, 12):
        ink[10:18, x : x + 6] = 1
    dots = strokes(ink)
    text = strokes(written("EHT = 15.00 kV  WD 8.2 mm"))
    assert dots["variety"] < 0.1 < 0.5 < text["variety"]
    assert dots["slender"] > 0.7 > 0.5 > text["slender"]


@pytest.mark.parametrize("ink", [1, -1])
@pytest.mark.parametrize("by", [0.5, 1, 2])
def test_letters_outlast_resampling(ink, by):
    image = 100 + ink * written("EHT = 15.00 kV  WD 8.2 mm")
    size = tuple(round(by * n) for n in image.shape[::-1])
    found = strokes(np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)))
    assert 14 <= np.expm1(found["letters"]) <= 40
    assert found["lined"] > 0.7


def test_soft_letters_beside_a_sharp_frame_are_seen():
    image = 0.3 * written("EHT = 15.00 kV  WD 8.2 mm")
    image[:2] = image[-2:] = image[:, :2] = image[:, -2:] = image[:, 320:323] = 255
    assert np.expm1(strokes(image)["letters"]) >= 14


def test_upright_letters_in_a_bar_at_the_side_are_seen():
    image = written("EHT = 15.00 kV")
    assert np.expm1(strokes(image.T, turned=True)["letters"]) >= 9


def test_a_plain_band_has_no_letters(rng):
    assert strokes(np.full((40, 300), 7.0))["letters"] == 0
    noise = strokes(rng.normal(0, 1, (40, 300)))
    assert noise["lined"] < 0.6
    # letters stand out of their paper, noise does not out of noise
    assert noise["clear"] < 1.5 < 3 < strokes(written("EHT = 15.00 kV  WD 8.2 mm"))["clear"]


@pytest.mark.parametrize("by", [0.5, 1, 2])
def test_particles_fill_their_hulls_and_letters_do_not(by, rng):
    grains = np.zeros((40, 400), np.float32)
    y, x = np.mgrid[:40, :400]
    for left in range(10, 380, 25):
        middle, radius = 20 + rng.uniform(-6, 6), rng.uniform(5, 9)
        grains[np.hypot(y - middle, (x - left) / rng.uniform(0.7, 1)) < radius] = 255
    size = round(400 * by), round(40 * by)
    seen = [
        solid(np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BICUBIC)))
        for one in (grains, written("EHT = 15.00 kV  WD 8.2 mm"))
    ]
    assert seen[0] > 0.85 > 0.7 > seen[1]
    assert solid(np.full((40, 300), 7.0)) == 0
