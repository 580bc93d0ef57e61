"""Cluster a micrograph into phases and list their area: no viewer needed."""

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

alloy = samples.load("superalloy")
clean = ccc.denoise(alloy.data, method="total variation")
phases = ccc.kmeans(clean.data, alloy.spacing, alloy.unit, clusters=3)
print(phases.table.to_string(index=False))
