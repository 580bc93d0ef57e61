import io

import numpy as np
import pytest

from napari_visual_ccc import samples
from napari_visual_ccc.core.plain import plain
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.card import DEFAULT
from napari_visual_ccc.web import work
from napari_visual_ccc.web.jobs import Job
from napari_visual_ccc.web.settings import Limits, Refused, Settings
from napari_visual_ccc.workflow import cost
from napari_visual_ccc.workflow.recipe import load, replay, to_yaml
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
        assert picture.info["visual-ccc"] == "picture"


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
    job.file = None
    job.decoded.set()
    with pytest.raises(Refused, match="send it again") as caught:
        done(job)
    assert caught.value.status == 404


def test_an_image_that_needs_more_memory_than_there_is_is_refused(job, monkeypatch):
    monkeypatch.setattr(cost, "available", lambda: 1000)
    with pytest.raises(Refused, match="too large") as caught:
        done(job)
    assert caught.value.status == 413
    assert job.files == {}


def test_a_recipe_that_needs_more_memory_than_there_is_is_refused(job, monkeypatch, tmp_path):
    outcome = run(execute("kmeans", {"image": samples.load("powder")}, {"clusters": 2}))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(to_yaml(outcome.record), "utf-8")
    job.operation = "recipe"
    monkeypatch.setattr(cost, "available", lambda: 1000)
    with pytest.raises(Refused, match="too large") as caught:
        done(job, Settings(recipe=recipe))
    assert caught.value.status == 413


def test_decoders_share_the_memory_that_is_free(monkeypatch):
    monkeypatch.setattr(cost, "available", lambda: 6 << 30)
    limits = Limits(workers=2, decode_bytes=4 << 30)
    assert work._fitting(limits).decode_bytes == 3 << 30
    monkeypatch.setattr(cost, "available", lambda: 100 << 30)
    assert work._fitting(limits) == limits


def later(owner, folder):
    """A job on the image of another one."""
    folder.mkdir()
    job = Job("2", folder, "threshold", owner.name)
    job.owner = owner
    return job


def test_an_image_that_is_being_decoded_is_waited_for(job, tmp_path):
    job.operation, second = "preview", later(job, tmp_path / "second")
    seen = []

    def report(progress):
        seen.append(progress.note)
        # the first one is done meanwhile
        if len(seen) == 2:
            done(job)

    work.work(second, report, settings=Settings())
    assert second.result["image"]["shape"] == [96, 128]
    assert seen[:2] == ["reading", "reading"]


def test_the_fault_of_an_image_is_told_to_those_who_use_it(job, tmp_path):
    second = later(job, tmp_path / "second")
    job.refused = Refused(422, "a.tif is damaged")
    job.decoded.set()
    with pytest.raises(Refused, match="damaged") as caught:
        done(second)
    assert caught.value.status == 422


STACKS = {
    "grey": (2, 3, 40, 50),
    "colour": (3, 40, 50, 3),
}


@pytest.mark.parametrize(
    ("operation", "kind", "choices"),
    [
        ("threshold", "grey", {}),
        ("threshold", "colour", {"sigma": 0.0}),
        ("kmeans", "grey", {"clusters": 2}),
        ("classify", "grey", {"tta": False}),
        ("explain", "colour", {}),
        ("activations", "grey", {"channels": 3}),
        ("recipe", "grey", {}),
        ("recipe", "colour", {}),
    ],
)
def test_the_record_of_a_slice_replays_to_the_same_result(job, tmp_path, operation, kind, choices):
    values = np.random.default_rng(0)
    # each slice has a threshold of its own
    stack = values.integers(0, 100, STACKS[kind], np.uint8)
    stack[..., 10:20, :] += np.arange(len(stack), dtype=np.uint8).reshape(-1, *[1] * 3) * 40
    sent = tmp_path / "sent.npy"
    np.save(sent, stack)
    job.file = job.folder / "image.npy"
    job.file.write_bytes(sent.read_bytes())
    job.operation, job.choices, job.frame = operation, choices, {"slice": 2}
    recipe = tmp_path / "recipe.yaml"
    if operation == "recipe":
        # of an image of another slice and pixel size
        given = {"image": np.zeros((40, 50)) + np.arange(50)}
        outcome = run(
            execute("threshold", given, {"min_diameter": 18}, spacing=(9.0, 9.0), unit="nm")
        )
        recipe.write_text(to_yaml(outcome.record.of("", plane=[1])), "utf-8")
    job.frame |= {"spacing": 2.5, "unit": "nm"}
    result = done(job, Settings(recipe=recipe))
    record = next(path for path in job.files.values() if path.suffix == ".yaml")
    again = replay(record, sent)
    assert plain(again.facts) == result["facts"]
    assert list(again.tables) == list(result["tables"])
    for name, table in again.tables.items():
        rows = table.head(work.ROWS).to_numpy(object).tolist()
        assert plain(rows) == result["tables"][name]["values"]
    assert load(record).last.plane == ([0, 2] if kind == "grey" else [2])


def test_the_record_holds_the_pixel_size_that_corrected_that_of_the_file(job, tmp_path, tiff16):
    sent = tmp_path / "renamed.tif"
    sent.write_bytes(tiff16)
    job.frame = {"spacing": 1.0, "unit": "nm"}
    result = done(job)
    record = next(path for path in job.files.values() if path.suffix == ".yaml")
    [table] = replay(record, sent).tables.values()
    assert plain(table.to_numpy(object).tolist()) == next(iter(result["tables"].values()))["values"]
    # of another file its own pixel size counts
    other = tmp_path / "other.tif"
    other.write_bytes(tiff16 + b"0")
    [table] = replay(record, other).tables.values()
    assert table["area_nm2"].iloc[0] == table["pixels"].iloc[0] * 6.25
