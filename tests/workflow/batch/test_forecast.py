from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.workflow import cost
from napari_visual_ccc.workflow.batch import forecast
from napari_visual_ccc.workflow.batch.forecast import bounded, needed
from napari_visual_ccc.workflow.batch.images import images_of
from napari_visual_ccc.workflow.files.run_on_file import FileJob


def test_the_largest_image_limits_the_number_of_workers(folder, discs_of, monkeypatch):
    job = FileJob("particles", {}, Path("out"))
    images = images_of(folder)
    need = needed(job, Micrograph(np.zeros((64, 96), np.uint8)))
    monkeypatch.setattr(forecast, "available", lambda: int(3.5 * need / 0.8))
    assert bounded(8, job, images) == 3
    assert bounded(2, job, images) == 2
    monkeypatch.setattr(forecast, "available", lambda: 0)
    assert bounded(8, job, images) == 1


def test_a_network_needs_its_model_and_a_record_its_most_expensive_step():
    image = Micrograph(np.zeros((512, 512), np.uint8))
    classify = needed(FileJob("classify", {}, Path("out")), image)
    assert classify > needed(FileJob("threshold", {}, Path("out")), image) + 100_000_000
    slow = FileJob("denoise", {"method": "median"}, Path("out"))
    assert needed(slow, image) > 512 * 512
    assert cost.estimate("unknown", (512, 512), np.uint8) is None


def test_a_damaged_image_limits_nothing(folder):
    job = FileJob("particles", {}, Path("out"))
    assert bounded(5, job, [one for one in images_of(folder) if one.name == "d.png"]) == 5
