"""
Which images are fit for analysis
=================================

Measure sharpness, noise, saturation and stripes, before anything is counted.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

# %%
# One image as it is, and three times spoilt as a microscope may spoil it.
sharp = samples.load("superalloy").data
rng = np.random.default_rng(0)
images = {
    "as it is": sharp,
    "out of focus": gaussian_filter(sharp.astype(float), 5) + rng.normal(0, 3, sharp.shape),
    "quick scan": sharp + rng.normal(0, 16, sharp.shape),
    "charging": sharp + rng.normal(0, 4, (len(sharp), 1)),
}

# %%
# ``flags`` names what exceeds a limit. The limits are parameters: set them for your instrument.
found = {}
for name, image in images.items():
    images[name] = image.clip(0, 255).astype("u1")
    found[name] = ccc.image_quality(images[name]).table
table = pd.concat(found).reset_index(level=0, names="image")
print(table[["image", "flags"]].to_string(index=False))

# %%
fig, places = plt.subplots(2, 2, figsize=(7, 7.4))
for axes, name, flags in zip(places.flat, images, table["flags"], strict=True):
    axes.imshow(images[name][:256, :256], cmap="gray", vmin=0, vmax=255)
    axes.set_title(f"{name}\n{flags or 'no flag'}", fontsize=9)
    axes.set_axis_off()
plt.show()
