from __future__ import annotations

import numpy as np
from skimage.feature import graycomatrix, graycoprops
from skimage.filters import threshold_otsu
from skimage.io import imread

import napari_visual_ccc as ccc


def test_edge_density_equals_the_loop_of_visual_ccc(data):
    file = sorted((data / "segmentation/super1/test/images").glob("*.png"))[0]
    image = imread(file)[100:160, 200:280]
    mask = (image > threshold_otsu(image)).astype(np.uint8)
    expected = np.zeros(image.shape)
    for y in range(2, image.shape[0] - 2):
        for x in range(2, image.shape[1] - 2):
            window = mask[y - 2 : y + 3, x - 2 : x + 3]
            matrix = graycomatrix(window, [1], [0], levels=2, symmetric=True, normed=True)
            expected[y, x] = graycoprops(matrix, "contrast")[0, 0]
    found = ccc.edge_density(image)
    np.testing.assert_allclose(found.data, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.data * 20, np.round(found.data * 20), atol=1e-9)
