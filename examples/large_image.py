"""A mosaic larger than memory likes: lazy in, lazy out, computed where it is looked at."""

import dask.array as da

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

tile = da.from_array(samples.load("coating").data, chunks=(512, 512))
mosaic = da.block([[tile] * 4] * 4)
print(f"mosaic: {mosaic.shape[0]} x {mosaic.shape[1]} pixels")

contrast = ccc.glcm_features(mosaic, feature="contrast", window=9)
clusters = ccc.kmeans(mosaic, clusters=3)
corner = clusters.labels[:512, :512].compute()
print(f"texture is {type(contrast.data).__module__.split('.')[0]}, not yet computed")
print(clusters.table.to_string(index=False))
print(f"labels in the first corner: {sorted(set(corner.ravel().tolist()))}")
