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


def test_menus_are_in_the_order_of_the_work_and_the_preferences_have_a_page(viewer):
    from app_model.types import SubmenuItem
    from napari._app_model import get_app_model
    from napari.settings import get_plugin_settings

    # rows of napari's own menus, as they are shown
    rows = {
        name: [
            one.command.title.removesuffix(" (Visual-CCC)").replace("&&", "&")
            for group in get_app_model().menus.iter_menu_groups(f"napari/{name}")
            for one in group
            if not isinstance(one, SubmenuItem) and one.command.title.endswith("(Visual-CCC)")
        ]
        for name in (
            "plugins/napari-visual-ccc", "layers/metadata", "layers/filter", "layers/classify",
            "layers/annotate", "layers/measure",
        )
    }  # fmt: skip
    assert rows.pop("plugins/napari-visual-ccc") == [
        "Visual-CCC", "Micrograph info", "Image quality", "Correct", "Denoise",
        "Classify & Explain", "AI lens", "Segment", "Cluster", "Texture", "Image analysis",
        "Measure", "Train classifier",
    ]  # fmt: skip
    assert rows == {
        "layers/metadata": ["Micrograph info"], "layers/filter": ["Correct", "Denoise"],
        "layers/classify": ["Classify & Explain", "AI lens", "Train classifier"],
        "layers/annotate": ["Segment"], "layers/measure": ["Image quality", "Measure"],
    }  # fmt: skip
    page = get_plugin_settings("napari-visual-ccc")
    assert page.computing.device == "auto" and page.display.check_images
