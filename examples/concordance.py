"""
On which phase the evidence lies
================================

Compare a heatmap with a segmentation, and test every phase against chance.
"""

import matplotlib.pyplot as plt

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

# the model did not see this half in its training
image = samples.load("nanoparticles").data[:, 200:]
shapes = samples.masks("nanoparticles")["shapes"][:, 200:]

# %%
# Enrichment is the share of the evidence divided by the share of the area. It is 1 for a heatmap
# that does not know the phases.
heatmap = ccc.explain(image, target="sphere")
found = ccc.concordance(heatmap, shapes, names="cube, octahedron, sphere")
print(found.notes[0])
columns = ["name", "share_of_area", "share_of_evidence", "enrichment", "p_corrected"]
print(found.table[columns].round(4).to_string(index=False))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
left.imshow(image, cmap="gray")
left.imshow(heatmap.data, cmap="inferno", alpha=heatmap.data.clip(0, 0.7))
left.set_axis_off()
right.barh(found.table["name"], found.table["enrichment"], color="0.6")
right.axvline(1, color="black", linewidth=1)
right.set_xlabel("enrichment of the evidence for sphere")
plt.show()
