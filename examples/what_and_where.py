"""
What the network sees, and where
================================

Classify a micrograph, and map the evidence for one class.
"""

import matplotlib.pyplot as plt

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

tem = samples.load("nanoparticles")

# %%
# The micrograph is larger than the images that the model was trained with. It is classified
# window by window; the probabilities are means over the windows.
prediction = ccc.classify(tem)
for name, probability in prediction.top():
    print(f"{name}: {100 * probability:.1f} %")
print("unlike the training images:", prediction.unknown)

# %%
# A class activation map shows where the evidence for a class lies. The sample comes with shapes
# that were labelled by hand, so that we can check it.
heatmap = ccc.explain(tem, target="sphere")
shapes = samples.masks("nanoparticles")["shapes"]
for value, name in ((1, "cubes"), (3, "spheres"), (0, "background")):
    print(f"evidence for spheres on {name}: {heatmap.data[shapes == value].mean():.3f}")

# %%
fig, axes = plt.subplots(figsize=(7, 5))
axes.imshow(tem.data, cmap="gray")
shown = axes.imshow(heatmap.data, cmap="inferno", alpha=heatmap.data.clip(0, 0.7))
axes.contour(shapes == 3, levels=[0.5], colors="cyan", linewidths=1)
axes.set_axis_off()
axes.set_title("evidence for sphere; spheres by hand outlined")
fig.colorbar(shown, label="evidence")
plt.show()
