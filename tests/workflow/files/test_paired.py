from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_visual_ccc.workflow.files.paired import is_folder, paired


@pytest.fixture
def folder(tmp_path):
    for name in ("Cu_1.tif", "Cu_1_2.tif", "x.ome.tif", "below/x.tif", "a b.tif"):
        path = tmp_path / "grey" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.zeros((4, 4), np.uint8))
    return tmp_path / "grey"


@pytest.mark.parametrize(
    ("image", "file"),
    [
        ("Cu_1.png", "Cu_1.tif"),
        ("Cu_1_particles_particles.ome.tif", "Cu_1.tif"),
        ("Cu_1_2_threshold_Otsu_watershed_split.ome.tif", "Cu_1_2.tif"),
        ("cu_1-labels.tif", "Cu_1.tif"),
        ("x_mask.png", "x.ome.tif"),
        ("below/x_segmentation.png", "below/x.tif"),
        ("a_b_kmeans.tif", "a b.tif"),
    ],
)
def test_a_file_belongs_to_the_image_of_its_name(folder, image, file):
    other = folder / "Cu_1.tif"
    found = paired({"intensity": folder, "labels": other}, image)
    assert found == {"intensity": folder / file, "labels": other}


@pytest.mark.parametrize("image", ["Cu_1_3.tif", "Cu.tif", "Cu_10_particles.tif", "y.tif"])
def test_no_other_image_is_taken_for_one_that_is_missing(folder, image):
    with pytest.raises(ValueError, match=f"no file has the name of {image}"):
        paired({"intensity": folder}, image)


def test_two_files_of_one_name_are_named(folder):
    tifffile.imwrite(folder / "Cu_1.png.tif", np.zeros((4, 4), np.uint8))
    (folder / "Cu_1.png.tif").rename(folder / "Cu_1.tiff")
    with pytest.raises(ValueError, match=r"Cu_1\.tif and Cu_1\.tiff both have the name"):
        paired({"intensity": folder}, "Cu_1_particles.tif")
    assert is_folder(folder)
    assert not is_folder(folder / "Cu_1.tif")
