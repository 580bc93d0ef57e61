"""The window that the command line opens."""

from __future__ import annotations

import tifffile

from napari_visual_ccc.widgets.plugin.window import show


def test_images_are_layers_beside_the_workspace(tmp_path, discs, viewer):
    for name in ("a", "b"):
        tifffile.imwrite(
            tmp_path / f"{name}.tif", discs, imagej=True, resolution=(2, 2),
            metadata={"unit": "nm"},
        )  # fmt: skip
    opened = show([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")], block=False)
    try:
        assert [layer.name for layer in opened.layers] == ["a", "b"]
        assert opened.layers[0].scale.tolist() == [0.5, 0.5]
        assert any("Visual-CCC" in name for name in opened.window.dock_widgets)
    finally:
        opened.close()
