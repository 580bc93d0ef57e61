"""What the network sees, and where: class probabilities and a class activation map."""

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

tem = samples.load("nanoparticles")
prediction = ccc.classify(tem.data)
for name, probability in prediction.top():
    print(f"{name}: {100 * probability:.1f} %")

heatmap = ccc.explain(tem.data, target="sphere")
shapes = samples.masks("nanoparticles")["shapes"]
for value, name in ((1, "cubes"), (3, "spheres"), (0, "background")):
    print(f"evidence for spheres on {name}: {heatmap.data[shapes == value].mean():.3f}")
