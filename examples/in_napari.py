"""Drive the widgets from a script: every result is a layer on its source."""

import napari

from napari_visual_ccc import samples

viewer = napari.Viewer()
tem = samples.load("nanoparticles")
viewer.add_image(tem.data, name="copper", scale=tem.spacing, units=tem.unit)

_, cluster = viewer.window.add_plugin_dock_widget("napari-visual-ccc", "Cluster")
(layer,) = cluster(clusters=3)
print(layer.name, layer.scale, layer.features["area_percent"].round(1).tolist())

_, segment = viewer.window.add_plugin_dock_widget("napari-visual-ccc", "Segment")
segment.fields["image"].value = viewer.layers["copper"]
(mask,) = segment(sigma=1.0)
print(mask.name, mask.metadata["visual_ccc"]["facts"])

if __name__ == "__main__":
    napari.run()
