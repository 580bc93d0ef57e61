"""
An image larger than memory
===========================

Dask arrays stay lazy: what is returned is computed where it is looked at.
"""

import dask.array as da
import matplotlib.pyplot as plt

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

tile = da.from_array(samples.load("coating").data, chunks=(512, 512))
mosaic = da.block([[tile] * 4] * 4)
print(f"mosaic: {mosaic.shape[0]} x {mosaic.shape[1]} pixels")

# %%
# Textures need only the pixels around: nothing is computed yet.
contrast = ccc.glcm_features(mosaic, feature="contrast", window=9)
print(f"texture is {type(contrast.data).__module__.split('.')[0]}, not yet computed")

# %%
# Clusters need the grey levels of the whole image, which are read once, chunk by chunk.
clusters = ccc.kmeans(mosaic, clusters=3)
print(clusters.table.to_string(index=False))

# %%
corner = (slice(512), slice(512))
labels = clusters.labels[corner].compute()
print(f"labels in the first corner: {sorted(set(labels.ravel().tolist()))}")

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.5))
left.imshow(contrast.data[corner].compute(), cmap="inferno")
left.set_title("contrast of the texture")
right.imshow(labels, cmap="cividis")
right.set_title("clusters")
for axes in (left, right):
    axes.set_axis_off()
plt.show()
