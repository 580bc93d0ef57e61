"""
Texture maps
============

Map features of the grey-level co-occurrence matrix (Haralick, 1973) around every pixel.
"""

import matplotlib.pyplot as plt

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

image = samples.load("coating").data[:512, :512]

# %%
# One run computes all features: a result has one layer for each.
found = ccc.glcm_features(image, feature="all", window=15)
print(found)

# %%
fig, places = plt.subplots(2, 4, figsize=(12, 6.4))
places[0, 0].imshow(image, cmap="gray")
places[0, 0].set_title("image")
for axes, (name, layer) in zip(places.flat[1:], found.maps.items(), strict=True):
    axes.imshow(layer.data, cmap="inferno")
    axes.set_title(name)
for axes in places.flat:
    axes.set_axis_off()
plt.show()
