"""
Phases and their areas
======================

Cluster the grey levels of a nickel superalloy, and list the area of every phase.
"""

import matplotlib.pyplot as plt

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

alloy = samples.load("superalloy")

# %%
# Noise makes a map of grey levels speckled. Total variation keeps edges; how strong it is follows
# from the noise of the image.
clean = ccc.denoise(alloy, method="total variation")
print(f"noise: {clean.facts['sigma']:.1f} grey levels")

# %%
# Clusters are numbered from dark to bright.
phases = ccc.kmeans(clean, clusters=2)
print(phases.table.to_string(index=False))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
left.imshow(alloy.data, cmap="gray")
shown = right.imshow(phases.labels, cmap=plt.get_cmap("cividis", 2), vmin=0.5, vmax=2.5)
fig.colorbar(shown, ticks=[1, 2], label="cluster")
for axes in (left, right):
    axes.set_axis_off()
plt.show()
