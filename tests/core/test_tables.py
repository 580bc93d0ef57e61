import numpy as np
import pytest

from napari_visual_ccc.core.pixel_size import PixelSize
from napari_visual_ccc.core.tables import cluster_table


def test_clusters_have_shares_and_areas():
    table = cluster_table(np.array([1, 2, 1]), np.array([5.0, 6.0, 9.0]), PixelSize((2, 3), "nm"))
    assert table["name"].tolist() == ["cluster 1 (darkest)", "cluster 2", "cluster 3 (brightest)"]
    assert table["area_percent"].tolist() == [25, 50, 25]
    assert table["area_nm2"].tolist() == [6, 12, 6]
    assert table["mean_intensity"].tolist() == [5, 6, 9]


def test_one_cluster_is_neither_darkest_nor_brightest():
    (name,) = cluster_table(np.array([4]), np.array([1.0]), None)["name"]
    assert name == "cluster 1"


@pytest.mark.parametrize("pixel_size", [None, PixelSize((4.0, 2.0, 3.0), "nm")])
def test_voxels_have_volumes(pixel_size):
    table = cluster_table(np.array([1, 2]), np.array([5.0, 6.0]), pixel_size)
    assert ("volume_nm3" in table) == (pixel_size is not None)
    assert "area_nm2" not in table
