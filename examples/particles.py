"""
Particles and their sizes
=========================

Segment a micrograph of nanoparticles, split touching ones, and measure them in nanometres.
"""

import matplotlib.pyplot as plt
from skimage.segmentation import mark_boundaries

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

# %%
# A micrograph brings its pixel size; your own is ``ccc.read("image.tif")``.
tem = samples.load("nanoparticles")
print(tem.data.shape, tem.spacing, tem.unit)

# %%
# ``particles`` chooses between dark and bright objects and says which it took.
particles = ccc.particles(tem)
print(particles.notes)

# %%
# Particles that the border cuts off are left out of the table.
table = ccc.region_table(particles, tem, exclude_border=True).table
diameter = table["equivalent_diameter_nm"]
print(f"{len(table)} particles of {diameter.mean():.1f} ± {diameter.std():.1f} nm")
print(table[["label", "equivalent_diameter_nm", "circularity"]].head().to_string(index=False))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
left.imshow(mark_boundaries(tem.data, particles.labels, color=(1, 0.6, 0)))
left.set_axis_off()
right.hist(diameter, bins=15, color="0.5")
right.set(xlabel="equivalent diameter (nm)", ylabel="particles")
plt.show()
