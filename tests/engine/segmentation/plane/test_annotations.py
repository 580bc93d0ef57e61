from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.segmentation.plane.annotations import find_annotations


@pytest.fixture
def micrograph() -> np.ndarray:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:400, :500]
    image = 90 + 60 * (((y % 80) - 40) ** 2 + ((x % 90) - 45) ** 2 < 500)
    return np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)


def found(image):
    return run(find_annotations(image.astype(np.float32), np.ones(image.shape, bool)))


def test_a_micrograph_without_lettering_has_none(micrograph):
    assert not found(micrograph).any.any()
    assert not found(255 - micrograph).any.any()
    assert not found(np.full((50, 50), 3.0)).any.any()


@pytest.mark.parametrize("ink", [0, 255])
@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("quality", [95, 50])
def test_letters_and_scale_bar_are_found(micrograph, ink, scale, quality):
    image = micrograph.copy()
    drawn = np.zeros_like(image)
    for one, value in ((image, ink), (drawn, 1)):
        cv2.putText(one, "50 nm", (20, 350), cv2.FONT_HERSHEY_SIMPLEX, scale, value, 3)
        cv2.rectangle(one, (20, 370), (140, 377), value, -1)
    code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    masks = found(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))
    assert masks.strokes[drawn > 0].mean() > 0.9
    # a few pixels around the strokes at most
    assert masks.any.sum() < 4 * drawn.sum()


def test_a_label_box_hides_what_is_beneath(micrograph):
    image = micrograph.copy()
    cv2.rectangle(image, (0, 0), (90, 50), 255, -1)
    cv2.putText(image, "(b)", (10, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
    masks = found(image)
    assert masks.boxes[:50, :90].all()
    assert not masks.boxes[60:].any()
    assert not masks.strokes.any()


def test_a_box_is_found_though_specimen_as_bright_hangs_on_to_it(micrograph):
    image = micrograph.copy()
    cv2.rectangle(image, (300, 340), (480, 390), 255, -1)
    cv2.rectangle(image, (310, 370), (460, 378), 0, -1)
    cv2.circle(image, (420, 338), 9, 255, -1)
    cv2.circle(image, (482, 360), 7, 255, -1)
    assert found(image).boxes[345:385, 305:475].all()


def test_dark_background_between_particles_is_no_box(micrograph):
    # as straight as a box, with bright specks as large as letters, but not of one extreme value
    image = np.clip(micrograph, 20, 255)
    image[150:230, 200:290] = 12 + np.random.default_rng(1).integers(0, 14, (80, 90))
    image[180:200, 230:236] = image[185:200, 250:256] = 250
    image[0, 0] = 0
    assert not found(image).boxes.any()
