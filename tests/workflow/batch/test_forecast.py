from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import tifffile

from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.io.read import declared
from napari_visual_ccc.io.write.images import write_image
from napari_visual_ccc.workflow import cost
from napari_visual_ccc.workflow.batch import forecast
from napari_visual_ccc.workflow.batch.forecast import bounded, need_of, needed
from napari_visual_ccc.workflow.batch.images import images_of
from napari_visual_ccc.workflow.files.run_on_file import FileJob


def test_the_largest_image_limits_the_number_of_workers(folder, discs_of, monkeypatch):
    job = FileJob("particles", {}, Path("out"))
    images = images_of(folder)
    need = needed(job, Micrograph(np.zeros((64, 96), np.uint8)))
    monkeypatch.setattr(forecast, "available", lambda: int(3.5 * need / 0.8))
    assert bounded(8, need_of(job, images)) == 3
    assert bounded(2, need_of(job, images)) == 2
    monkeypatch.setattr(forecast, "available", lambda: 0)
    assert bounded(8, need_of(job, images)) == 1


def test_a_network_needs_its_model_and_a_record_its_most_expensive_step():
    image = Micrograph(np.zeros((512, 512), np.uint8))
    classify = needed(FileJob("classify", {}, Path("out")), image)
    assert classify > needed(FileJob("threshold", {}, Path("out")), image) + 100_000_000
    slow = FileJob("denoise", {"method": "median"}, Path("out"))
    assert needed(slow, image) > 512 * 512
    assert cost.estimate("unknown", (512, 512), np.uint8) is None


def test_what_compresses_well_and_what_is_damaged_hides_no_large_image(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 255, (300, 300), np.uint8)
    place = tmp_path / "images"
    job = FileJob("particles", {}, Path("out"))
    need = needed(job, Micrograph(np.zeros((1200, 1200), np.uint8)))
    monkeypatch.setattr(forecast, "available", lambda: int(2.5 * need / 0.8))
    flat = Micrograph(np.zeros((1200, 1200), np.uint8))
    for name in ("flat.png", "flat.ome.zarr", "packed.tif"):
        run(write_image(Micrograph(noise), place / "noise.ome.tif"))
        (place / "noise.tif").write_bytes(b"junk" + bytes(200_000))
        if name == "packed.tif":
            tifffile.imwrite(place / name, flat.data, compression="zlib")
        elif name == "flat.png":
            PIL.Image.fromarray(flat.data).save(place / name)
        else:
            run(write_image(flat, place / name))
        assert bounded(8, need_of(job, images_of(place))) == 2
        assert declared(place / name) == 1200 * 1200
        shutil.rmtree(place)
    # a stack, and no image
    for number in range(2):
        run(write_image(flat, place / f"{number}.ome.tif"))
    assert declared(place) == 2 * 1200 * 1200
    (place / "1.png").write_bytes(b"no image")
    assert declared(place / "1.png") == declared(tmp_path / "gone.tif") == 0


def test_of_very_many_files_some_are_looked_at(folder, monkeypatch):
    images = images_of(folder)
    monkeypatch.setattr(forecast, "_HEADERS", 4)
    many = forecast._sample(images * 5)
    assert len(many) < 12
    assert forecast._sample(images[:4]) == images[:4]


def test_a_damaged_image_limits_nothing(folder):
    job = FileJob("particles", {}, Path("out"))
    damaged = [one for one in images_of(folder) if one.name == "d.png"]
    assert bounded(5, need_of(job, damaged)) == 5
