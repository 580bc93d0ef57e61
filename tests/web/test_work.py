import io

import numpy as np
import pytest

from napari_visual_ccc import samples
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.card import DEFAULT
from napari_visual_ccc.web import work
from napari_visual_ccc.web.jobs import Job
from napari_visual_ccc.web.settings import Refused, Settings
from napari_visual_ccc.workflow import cost
from napari_visual_ccc.workflow.recipe import load, to_yaml
from napari_visual_ccc.workflow.run import execute


@pytest.fixture
def job(tmp_path, tiff16):
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "image.tif").write_bytes(tiff16)
    return Job("1", folder, "threshold", "two squares.tif", folder / "image.tif")


def done(job, settings=None):
    work.work(job, lambda _: None, settings=settings or Settings())
    return job.result


def test_segmentation_has_numbers_and_files(job):
    result = done(job)
    [(_, table)] = result["tables"].items()
    row = dict(zip(table["columns"], table["values"][0], strict=True))
    # two squares of 20 and 30 pixels, of 2.5 nm; the blur rounds their corners
    assert row["pixels"] == pytest.approx(1300, rel=0.02)
    assert row["area_nm2"] == pytest.approx(row["pixels"] * 6.25)
    assert result["image"]["pixel_size"] == {"height": 2.5, "width": 2.5, "unit": "nm"}
    types = {one["type"] for one in result["files"]}
    assert {"image/png", "text/csv", "image/tiff", "application/yaml"} <= types
    # what the client calls its image is in no path
    assert not any("squares" in str(path) for path in job.files.values())
    assert load(next(p for p in job.files.values() if p.suffix == ".yaml")).source.path is None


def test_the_pixel_size_of_the_client_is_used(job):
    job.frame = {"spacing": 1.0, "unit": "µm"}
    assert done(job)["image"]["pixel_size"]["unit"] == "µm"


def test_the_preview_is_a_picture(job):
    from PIL import Image

    job.operation = "preview"
    [shown] = done(job)["files"]
    assert shown["name"] == "preview.png"
    with Image.open(job.files["preview.png"]) as picture:
        assert picture.size == (128, 96)
        assert len(set(picture.convert("L").tobytes())) == 2


def test_one_slice_of_a_stack_is_used(job):
    stack = np.zeros((3, 40, 50), np.uint8)
    stack[2, 10:20, 10:20] = 200
    file = io.BytesIO()
    np.save(file, stack)
    job.file = job.folder / "image.npy"
    job.file.write_bytes(file.getvalue())
    job.frame = {"slice": 2}
    result = done(job)
    assert result["image"]["shape"] == [40, 50]
    assert result["image"]["notes"] == ["slice 3 of 3 is used"]
    assert 90 < result["tables"]["Otsu"]["values"][0][-1] < 110
    job.file, job.frame = None, {"slice": 3}
    with pytest.raises(Refused, match="3 slices"):
        done(job)


def test_the_recipe_is_repeated_at_the_scale_of_the_image(job, tmp_path):
    image = samples.load("powder")
    outcome = run(
        execute("kmeans", {"image": image}, {"clusters": 2}, spacing=(9.0, 9.0), unit="nm")
    )
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(to_yaml(outcome.record), "utf-8")
    job.operation = "recipe"
    result = done(job, Settings(recipe=recipe))
    [table] = result["tables"].values()
    assert table["rows"] == 2
    assert dict(zip(table["columns"], table["values"][1], strict=True))["area_nm2"] == 1300 * 6.25


def test_records_name_the_model_without_its_folder(job, tmp_path):
    model = tmp_path / "secret folder" / "mine.safetensors"
    model.parent.mkdir()
    model.write_bytes(DEFAULT.read_bytes())
    job.operation, job.choices = "classify", {"model": model, "tta": False}
    result = done(job, Settings(model=model))
    assert result["parameters"]["model"] == "mine.safetensors"
    assert len(result["prediction"]["top"]) == 3
    assert result["prediction"]["calibrated"]
    texts = [p.read_bytes() for p in job.files.values()]
    assert not any(b"secret folder" in text for text in texts)


def test_an_image_that_has_expired_is_asked_for_again(job):
    job.file, job.image = None, job.folder
    with pytest.raises(Refused, match="send it again") as caught:
        done(job)
    assert caught.value.status == 404


def test_an_image_that_needs_more_memory_than_there_is_is_refused(job, monkeypatch):
    monkeypatch.setattr(cost, "available", lambda: 1000)
    with pytest.raises(Refused, match="too large") as caught:
        done(job)
    assert caught.value.status == 413
    assert job.files == {}
