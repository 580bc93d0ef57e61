"""From a micrograph to a table of particle sizes in nanometres."""

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

tem = samples.load("nanoparticles")
mask = ccc.threshold(tem.data, tem.spacing, tem.unit)
particles = ccc.watershed_split(mask.labels, tem.spacing, tem.unit, min_size=30)
table = ccc.region_table(
    particles.labels, tem.data, tem.spacing, tem.unit, exclude_border=True
).table
diameter = table["equivalent_diameter_nm"]
print(f"{len(table)} particles of {diameter.mean():.1f} ± {diameter.std():.1f} nm")
print(table[["label", "equivalent_diameter_nm", "circularity"]].head().to_string(index=False))
