"""
A folder to one table
=====================

Run an operation on every image of a folder, and write its steps as a script.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt

import napari_visual_ccc as ccc
from napari_visual_ccc import samples

# %%
# Two images stand for a session at the microscope.
work = TemporaryDirectory()
session = Path(work.name) / "session"
session.mkdir()
for name in ("powder", "nanocomposite"):
    shutil.copy(samples.load(name).path, session)

# %%
# ``batch`` skips what is done already when it is called again, and lists what fails.
result = ccc.batch(session, "particles", Path(work.name) / "measured", {"min_diameter": 8})
table = result.tables["particles"]
print(table.groupby("image")["equivalent_diameter_px"].describe().round(1))

# %%
# The record that is written beside the tables repeats the steps on other images.
print(ccc.to_script(Path(work.name) / "measured" / "batch.yaml"))

# %%
fig, axes = plt.subplots(figsize=(6, 3.5))
for name, rows in table.groupby("image"):
    axes.hist(rows["equivalent_diameter_px"], bins=20, histtype="step", label=name)
axes.set(xlabel="equivalent diameter (px)", ylabel="particles")
axes.legend()
plt.show()

work.cleanup()
