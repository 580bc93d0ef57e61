from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_visual_ccc import samples
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.workflow.batch.classified import (
    Together,
    is_for_crops,
    prepared,
    reports,
)
from napari_visual_ccc.workflow.batch.images import images_of
from napari_visual_ccc.workflow.batch.job import make_job
from napari_visual_ccc.workflow.batch.pool import THREADS, pool
from napari_visual_ccc.workflow.batch.work import work
from napari_visual_ccc.workflow.save import DEFAULT, NOTHING
from tests.models import saved

# crops that fill batches, a micrograph that is classified window by window, a stack of one slice
SHAPES = ((32, 32), (40, 41), (36, 38), (80, 83), (33, 37), (1, 32, 36), (34, 34))

ALONE = ["3.tif", "5.tif", "stack.npy"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = saved(tmp_path_factory.mktemp("model"))
    return path, checkpoint.load_model(path, torch.device("cpu"), shared=True)


@pytest.fixture
def folder(tmp_path):
    image = samples.load("nanoparticles").data
    place = tmp_path / "images"
    place.mkdir()
    for k, shape in enumerate(SHAPES):
        cut = image[k : k + shape[-2], : shape[-1]].reshape(shape)
        tifffile.imwrite(place / f"{k}.tif", cut, photometric="minisblack")
    tifffile.imwrite(
        place / "colour.tif", np.dstack([image[:32, :32], image[1:33, :32]] * 2)[..., :3]
    )
    gap = image[:32, :32].astype(np.float32)
    gap[:8] = np.nan
    np.save(place / "gap.npy", gap)
    np.save(place / "stack.npy", np.stack([image[:32, :32], image[40:72, :32]]))
    (place / "damaged.png").write_bytes(b"no image")
    return place


def job_of(path, out: Path, formats=NOTHING, **choices):
    return make_job("classify", {"model": path, **choices}, out, formats=formats)


def entries(images, job, scheduler=THREADS):
    """What a batch learns of each image, by its name."""
    with pool(THREADS, 2) as made:
        alone = functools.partial(work, job, stop=made.stop)
        found = reports(job, images, made, alone)
        return {images[one[0]].name: one[1] for one in found if isinstance(one, tuple)}


@pytest.mark.parametrize("choices", [{}, {"tta": False, "coverage": 0.5}], ids=["views", "one"])
def test_images_in_one_batch_are_as_each_alone(model, folder, tmp_path, choices):
    job, images = job_of(model[0], tmp_path / "out", **choices), images_of(folder)
    together = entries(images, job)
    assert set(together) == {one.name for one in images}
    for image in images:
        alone, found = work(job, image), together[image.name]
        assert found.problem == alone.problem
        assert sorted(found.notes) == sorted(alone.notes)
        assert (found.spacing, found.unit) == (alone.spacing, alone.unit)
        assert found.tables.keys() == alone.tables.keys()
        for name, columns in alone.tables.items():
            assert found.tables[name].keys() == columns.keys()
            for key, values in columns.items():
                near = pytest.approx(values, abs=1e-6, nan_ok=True)
                assert found.tables[name][key] == near, key


def test_the_record_of_a_batch_is_that_of_an_image_alone(model, folder, tmp_path):
    found = entries(images_of(folder), job_of(model[0], tmp_path / "out"))
    with_record = [name for name, one in found.items() if one.record]
    # the first, and those that do not go with others
    assert with_record == ["0.tif", *(one for one in with_record if one in ALONE)]


def test_only_tables_of_classes_on_threads_go_together(model, tmp_path, folder):
    job = job_of(model[0], tmp_path / "out")
    assert is_for_crops(job, THREADS)
    assert not is_for_crops(job, "processes")
    assert not is_for_crops(job_of(model[0], tmp_path / "out", DEFAULT), THREADS)
    assert not is_for_crops(make_job("kmeans", {}, tmp_path / "out", formats=NOTHING), THREADS)


def test_views_wait_until_there_are_enough(model, folder, tmp_path):
    path, net = model
    job, images = job_of(path, tmp_path / "out"), images_of(folder)
    together = Together(job, net)
    for number in (0, 1):
        together.add(number, prepared(job, images[number], net))
    assert together.count == 16
    assert [number for number, _ in run(together.outputs())] == [0, 1]
    assert together.count == 0
    assert run(together.outputs()) == []


def test_what_is_no_crop_is_not_prepared(model, folder, tmp_path):
    path, net = model
    job = job_of(path, tmp_path / "out")
    is_crop = {one.name: prepared(job, one, net) is not None for one in images_of(folder)
               if one.name != "damaged.png"}  # fmt: skip
    assert [name for name, yes in is_crop.items() if not yes] == ALONE
