"""
Widgets from a script
=====================

Open napari, run widgets, and get their results as layers on their image.

.. image:: /images/cluster.webp
   :alt: The widget Cluster with its result in napari
"""

# sphinx_gallery_thumbnail_path = 'images/cluster.webp'

import napari

from napari_visual_ccc import samples

viewer = napari.Viewer()
tem = samples.load("nanoparticles")
viewer.add_image(tem.data, name="copper", scale=tem.spacing, units=tem.unit)

# %%
# A widget is called with the choices of its form, and returns the new layers.
_, cluster = viewer.window.add_plugin_dock_widget("napari-visual-ccc", "Cluster")
(layer,) = cluster(clusters=3)
print(layer.name, layer.scale, layer.features["area_percent"].round(1).tolist())

# %%
# ``fields`` are the fields of the form by the name of the parameter.
_, segment = viewer.window.add_plugin_dock_widget("napari-visual-ccc", "Segment")
segment.fields["image"].value = viewer.layers["copper"]
(mask,) = segment(sigma=1.0)
print(mask.name, mask.metadata["visual_ccc"]["facts"])

if __name__ == "__main__":
    napari.run()
