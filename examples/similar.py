"""
More like this
==============

Mark one place, and find those that look alike to the network.
"""

import matplotlib.pyplot as plt

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

tem = samples.load("nanoparticles")

# %%
# Points are (row, column). Similarity is the cosine of the features of a layer.
place = (184, 182)
found = ccc.find_similar(tem, [place], layer="blocks.3", threshold=0.5)
print(found)
print(found.table.head().to_string(index=False))

# %%
fig, axes = plt.subplots(figsize=(7, 5))
axes.imshow(tem.data, cmap="gray")
shown = axes.imshow(found.data, cmap="inferno", alpha=0.5)
axes.plot(place[1], place[0], "c+", markersize=14)
axes.set_axis_off()
fig.colorbar(shown, label="similarity")
plt.show()
