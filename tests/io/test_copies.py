"""Files of a data set that belong to another image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.io.copies import belonging, grey, likeness, parts_of_sets
from napari_visual_ccc.io.datasets import load, unlabelled
from napari_visual_ccc.io.write.images import write_image
from tests.io.read.tiff.test_tags import ome_set


@pytest.fixture
def folder(tmp_path, rng):
    for kind in ("dots", "stripe"):
        (tmp_path / kind).mkdir()
        for number in range(3):
            noise = rng.integers(0, 256, (12, 16)).astype(np.uint8)
            Image.fromarray(np.kron(noise, np.ones((4, 4), np.uint8))).save(
                tmp_path / kind / f"im{number}.png"
            )
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["im0_mask.png", "im1 overlay.tif", "im2-labels.png", "im0_segmentation.bmp", "mask_im1.png",
     "im2_thumb.jpg", "IM0_Mask.PNG"],
)  # fmt: skip
def test_masks_and_overlays_beside_images_are_no_images(folder, name):
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(folder / "dots" / name)
    data = load(folder)
    assert len(data.examples) == 6
    ((skipped, why),) = data.skipped
    assert skipped == f"dots/{name}"
    assert why.startswith("belongs to im")


@pytest.mark.parametrize("name", ["im3.png", "im0_2.png", "masked.png", "im7_mask.png", "im01.png"])
def test_other_names_are_images_of_their_own(folder, name):
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(folder / "dots" / name)
    assert len(load(folder).examples) == 7


@pytest.mark.parametrize("place", ["preview", "small", "lowres"])
@pytest.mark.parametrize("share", [2, 4])
def test_thumbnails_in_a_folder_of_any_name_are_no_images(folder, place, share):
    for path in sorted(folder.glob("*/*.png")):
        (path.parent / place).mkdir(exist_ok=True)
        picture = Image.open(path)
        size = [side // share for side in picture.size]
        picture.resize(size).save(path.parent / place / f"{path.stem}.jpg", quality=95)
    data = load(folder)
    assert len(data.examples) == 6
    assert ("dots/preview/im0.jpg".replace("preview", place), "a thumbnail of im0.png") in (
        data.skipped
    )


@pytest.mark.parametrize("size", [(48, 64), (12, 16)])
def test_specimens_whose_images_have_the_same_names_are_images(folder, rng, size):
    (folder / "dots" / "s1").mkdir()
    for number in range(3):
        noise = rng.integers(0, 256, size).astype(np.uint8)
        Image.fromarray(noise).save(folder / "dots" / "s1" / f"im{number}.png")
    assert len(load(folder).examples) == 9


def test_a_saved_result_beside_its_image_is_no_image(folder):
    import napari_visual_ccc as ccc

    made = ccc.threshold(ccc.read(folder / "dots" / "im0.png"))
    path = folder / "dots" / "im0 threshold.tif"
    record = made.record.of(made.layers[0].name).plain()
    image = Micrograph(np.asarray(made.labels), metadata={"visual_ccc": record})
    run(write_image(image, path))
    assert belonging([folder / "dots" / "im0.png", path]) == {path: "a result of this package"}
    # alone it is the data
    assert belonging([path]) == {}


def test_grey_is_the_mean_of_colours():
    assert grey(np.full((2, 2, 3), (0, 30, 60))).tolist() == [[30, 30], [30, 30]]


def test_files_of_one_ome_image_are_one_image(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    first = ome_set(folder, range(3), count=3)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "alone.png")
    assert [one.name for one in unlabelled(folder)] == ["alone.png", first.name]
    others = sorted(folder.glob("*.ome.tif"))[1:]
    assert parts_of_sets(sorted(folder.iterdir())) == dict.fromkeys(others, first)
    assert parts_of_sets([others[0], tmp_path / "gone.ome.tif"]) == {}


@pytest.mark.parametrize("masks", ["masks", "Labels", "ground truth", "binary_masks"])
@pytest.mark.parametrize("beside", ["", "images/"])
@pytest.mark.parametrize("name", ["im{}.png", "im{}_mask.png"])
def test_masks_in_a_folder_of_their_own_are_no_images(tmp_path, masks, beside, name):
    for kind in ("dots", "stripe"):
        for number in range(3):
            for place in (f"{beside}im{number}.png", f"{masks}/{name.format(number)}"):
                path = tmp_path / kind / place
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    for least in (2, 0):
        data = load(tmp_path, min_classes=least)
        assert len(data.examples) == 6
        assert all(masks not in one.name for one in data.examples)
        assert sum("by its folder" in why for _, why in data.skipped) == 6


def test_files_in_a_folder_for_masks_without_an_image_are_images(tmp_path):
    for place in ("dots/masks/a.png", "dots/b.png", "stripe/binary/b.png", "stripe/ternary/b.png"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    assert len(load(tmp_path).examples) == 4


def test_likeness_of_files(tmp_path, rng):
    data = rng.integers(0, 255, (16, 16)).astype(np.uint8)
    Image.fromarray(data).save(tmp_path / "a.png")
    Image.fromarray(255 - data).save(tmp_path / "b.png")
    Image.fromarray(data[:8]).save(tmp_path / "c.png")
    assert likeness(tmp_path / "a.png", tmp_path / "a.png") == pytest.approx(1)
    assert likeness(tmp_path / "a.png", tmp_path / "b.png") == pytest.approx(-1)
    assert likeness(tmp_path / "a.png", tmp_path / "c.png") is None
