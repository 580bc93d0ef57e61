"""The file formats of images."""

from __future__ import annotations

import numpy as np

from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.io.write.encode import EncodedImage
from napari_visual_ccc.io.write.images import ENDINGS
from napari_visual_ccc.io.write.targets import TARGETS


def test_every_format_has_an_ending_and_takes_bands_of_rows(tmp_path):
    assert set(TARGETS) == set(ENDINGS)
    for kind, target in TARGETS.items():
        stored = EncodedImage(Micrograph(np.zeros((8, 9), np.uint8)), kind)
        path = tmp_path / f"{kind}{ENDINGS[kind]}"
        with target(stored, path) as (rows, put):
            assert rows > 0
            put(0, (), 0, np.zeros((8, 9), np.uint8))
        assert path.exists()
