"""Take the screenshots of the documentation: ``python docs/screenshots.py`` (needs a screen).

Every picture is the real application: a sample is opened, the widget's Run button is pressed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication
from scipy.ndimage import gaussian_filter
from skimage.io import imread, imsave

from napari_visual_ccc.widgets.layers.viewers import scale_bar

IMAGES = Path(__file__).parent / "images"


def wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def press_run(form) -> None:
    form.run_button.native.click()
    while form.job is not None:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
    wait(300)


def open_sample(name: str) -> napari.Viewer:
    viewer = napari.Viewer(title=f"napari: {name}", show=False)
    viewer.show()
    wait(200)
    viewer.window.resize(1500, 950)
    viewer.open_sample("napari-visual-ccc", name)
    for layer in list(viewer.layers)[1:]:
        layer.visible = False
    viewer.layers.selection.active = viewer.layers[0]
    scale_bar(viewer).visible = True
    viewer.fit_to_view()
    return viewer


def dock(viewer: napari.Viewer, name: str):
    return viewer.window.add_plugin_dock_widget("napari-visual-ccc", name)[1]


def shot(viewer: napari.Viewer, name: str) -> None:
    if viewer.layers:
        viewer.fit_to_view()
    wait(600)
    IMAGES.mkdir(exist_ok=True)
    viewer.window.screenshot(str(IMAGES / f"{name}.png"), flash=False)


def save(viewer: napari.Viewer, name: str) -> None:
    shot(viewer, name)
    viewer.close()


def denoise() -> None:
    viewer = open_sample("superalloy")
    press_run(dock(viewer, "Denoise"))
    save(viewer, "denoise")


def classify() -> None:
    viewer = open_sample("nanoparticles")
    press_run(dock(viewer, "Classify & Explain"))
    save(viewer, "classify")


def explain() -> None:
    viewer = open_sample("nanoparticles")
    form = dock(viewer, "Classify & Explain")
    form.method.value = "Explain (class activation map)"
    press_run(form)
    save(viewer, "explain")


def half_of_the_particles() -> napari.Viewer:
    """The right half of the nanoparticles with their shapes as phases."""
    from napari_visual_ccc import samples

    viewer = open_sample("nanoparticles")
    viewer.layers.clear()
    about = samples.load("nanoparticles")
    shapes = samples.masks("nanoparticles")["shapes"]
    place = {"scale": about.spacing, "units": about.unit}
    viewer.add_image(about.data[:, 200:], name="right half", **place)
    viewer.add_labels(shapes[:, 200:], name="shapes", visible=False, **place)
    scale_bar(viewer).visible = True
    return viewer


def concordance() -> None:
    """Why does it say sphere: the heatmap, then its concordance with the shapes."""
    viewer = half_of_the_particles()
    form = dock(viewer, "Classify & Explain")
    form.method.value = "Explain (class activation map)"
    form.fields["image"].value = viewer.layers["right half"]
    form.fields["target"].value = "sphere"
    press_run(form)
    shot(viewer, "concordance_evidence")
    form.method.value = "Concordance with phases or particles"
    form.fields["heatmap"].value = viewer.layers["right half Grad-CAM sphere"]
    form.fields["labels"].value = viewer.layers["shapes"]
    form.fields["image"].value = viewer.layers["right half"]
    form.fields["names"].value = "cube, octahedron, sphere"
    press_run(form)
    viewer.layers["right half Grad-CAM sphere"].visible = False
    save(viewer, "concordance")


def concordance_folder() -> None:
    """Need the development micrographs: VCCC_DATA points to them."""
    data = Path(os.environ["VCCC_DATA"]) / "nanoshapes/images"
    files = [
        *sorted((data / "test").glob("*.png")),
        *sorted((data / "train").glob("Picture*"))[::4],
    ]
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            shutil.copy(file, folder)
        viewer = napari.Viewer(title="napari: a folder", show=False)
        viewer.show()
        viewer.window.resize(1500, 950)
        form = dock(viewer, "Classify & Explain")
        form.compare_folder(Path(folder))
        settle(lambda: form.job is not None)
        form._open_row(int(form.table.frame["enrichment"].argmax()))
        settle(lambda: not viewer.layers)
        save(viewer, "concordance_folder")


def segment() -> None:
    viewer = open_sample("nanoparticles")
    form = dock(viewer, "Segment")
    press_run(form)
    mask = viewer.layers[-1]
    form.method.value = "Split touching objects"
    viewer.layers.selection.active = mask
    press_run(form)
    mask.visible = False
    save(viewer, "segment")


def texture() -> None:
    viewer = open_sample("coating")
    form = dock(viewer, "Texture")
    form.fields["window"].value = 15
    press_run(form)
    save(viewer, "texture")


def cluster() -> None:
    viewer = open_sample("coating")
    press_run(dock(viewer, "Cluster"))
    save(viewer, "cluster")


def measure() -> None:
    viewer = open_sample("nanoparticles")
    viewer.layers[1].visible = True
    viewer.layers.selection.active = viewer.layers[1]
    form = dock(viewer, "Measure")
    press_run(form)
    form.table.select(10)
    save(viewer, "measure")


def quality() -> None:
    """Need the development micrographs: VCCC_DATA points to them."""
    data = Path(os.environ["VCCC_DATA"])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "session"
        place.mkdir()
        for file in sorted((data / "segmentation/super1/train/images").glob("*.png"))[:6]:
            shutil.copyfile(file, place / file.name)
        image = imread(sorted(place.iterdir())[-1]).astype(float)
        rng = np.random.default_rng(0)
        spoilt = {
            "out_of_focus": gaussian_filter(image, 5) + rng.normal(0, 3, image.shape),
            "charging": image + rng.normal(0, 2, (len(image), 1)),
            "quick_scan": image + rng.normal(0, 16, image.shape),
        }
        for name, one in spoilt.items():
            imsave(place / f"{name}.png", one.clip(0, 255).round().astype("u1"))
        viewer = napari.Viewer(title="napari: quality", show=False)
        viewer.show()
        wait(200)
        viewer.window.resize(1500, 950)
        form = dock(viewer, "Image quality")
        form.check_folder(place)
        settle(lambda: form.job is not None)
        form.table.select(list(form.table.frame["name"]).index("charging.png"))
        save(viewer, "quality")


def correct() -> None:
    """A micrograph with stripes put onto it; the upper half of the picture is the corrected one."""
    viewer = open_sample("superalloy")
    layer = viewer.layers[0]
    jumps = np.random.default_rng(0).normal(0, 4, (len(layer.data), 1))
    layer.data = (layer.data + jumps).clip(0, 255).round().astype("u1")
    form = dock(viewer, "Correct")
    form.method.value = "Remove stripes"
    press_run(form)
    clean = viewer.layers[-1]
    clean.data = clean.data[: len(clean.data) // 2]
    save(viewer, "correct")


def train() -> None:
    """Need the development micrographs: VCCC_DATA points to them."""
    crops = Path(os.environ["VCCC_DATA"]) / "nanoshapes/crops/train"
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "shapes"
        for name in ("cube", "sphere"):
            (data / name).mkdir(parents=True)
            for file in sorted((crops / name).glob("*.png"))[::4]:
                shutil.copy(file, data / name)
        viewer = napari.Viewer(title="napari: train", show=False)
        viewer.show()
        wait(200)
        viewer.window.resize(1500, 950)
        form = dock(viewer, "Train classifier")
        form.images.folder.value = data
        form.images.group.value = "^(.*)_[^_]*_[^_]*$"
        form.check_button.native.click()
        settle(lambda: form.is_running)
        shot(viewer, "train_images")
        form.train_button.native.click()
        settle(lambda: form.is_running)
        if form.mistakes.count():
            form.mistakes.itemClicked.emit(form.mistakes.item(0))
        form.tabs.setCurrentIndex(2)
        save(viewer, "train_report")


def autoencoder() -> None:
    """Need the development micrographs: a particle pasted into one of a superalloy."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from benchmarks import anomaly

    data = Path(os.environ["VCCC_DATA"])
    every = anomaly.images(data, "superalloy")
    pasted, _ = anomaly.composite(
        every[3][:384, :512],
        anomaly.particles(data)[0],
        anomaly.OFFSETS["brighter"],
        np.random.default_rng(2),
    )
    with tempfile.TemporaryDirectory() as folder:
        # parts of a few images, few tiles and epochs: enough for a picture, in a few minutes
        for number, image in enumerate(every[:6:2]):
            part = image[:384, :512]
            imsave(Path(folder) / f"usual_{number}.png", part, check_contrast=False)
        viewer = napari.Viewer(title="napari: AI lens", show=False)
        viewer.show()
        wait(200)
        viewer.window.resize(1500, 950)
        viewer.add_image(pasted, name="superalloy")
        form = dock(viewer, "AI lens")
        form.fold.expand(animate=False)
        training = form.training
        training.images.source.value = "Folder"
        training.images.folder.value = Path(folder)
        training.fields["tiles"].value, training.fields["epochs"].value = 150, 16
        training.train_button.native.click()
        settle(lambda: training.is_running)
        shot(viewer, "autoencoder_train")
        training.use_button.native.click()
        form.fold.collapse(animate=False)
        press_run(form)
        viewer.layers["superalloy anomaly"].opacity = 0.5
        save(viewer, "autoencoder_anomaly")


def similar() -> None:
    """A single particle, with what it is like."""
    viewer = open_sample("nanoparticles")
    whole = viewer.layers[0]
    crop = viewer.add_image(
        whole.data[128:192, 84:148], name="particle", scale=whole.scale, units=whole.units
    )
    for layer in list(viewer.layers)[:-1]:
        viewer.layers.remove(layer)
    viewer.layers.selection.active = crop
    press_run(dock(viewer, "Classify & Explain"))
    save(viewer, "similar")


def trust() -> None:
    viewer = open_sample("nanoparticles")
    form = dock(viewer, "Classify & Explain")
    form.method.value = "CAM sanity checks"
    press_run(form)
    save(viewer, "trust")


def opened(path: Path) -> napari.Viewer:
    viewer = napari.Viewer(title=f"napari: {path.name}", show=False)
    viewer.show()
    wait(200)
    viewer.window.resize(1500, 950)
    viewer.open(path, plugin="napari-visual-ccc")
    viewer.layers.selection.active = viewer.layers[0]
    scale_bar(viewer).visible = True
    viewer.fit_to_view()
    return viewer


def micrograph() -> None:
    """Need the development micrographs: VCCC_DATA points to them."""
    file = Path(os.environ["VCCC_DATA"]) / "formats/test_tiff_Zeiss_SEM_1k.tif"
    viewer = opened(file)
    press_run(dock(viewer, "Micrograph info"))
    save(viewer, "micrograph")


def lazy() -> None:
    """A stack on disk, with the texture of the slice on screen; the others are on their way."""
    import numpy as np

    from napari_visual_ccc import samples
    from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
    from napari_visual_ccc.core.progress import run
    from napari_visual_ccc.io.write.images import write_image

    found = samples.load("superalloy")
    tile = found.data[:512, :512]
    stack = np.stack([np.roll(tile, 3 * k, axis=1) for k in range(60)])
    made = Micrograph(stack, (8.0, 8.0), "nm", axes=(Axis("z", 20.0, "nm"),), info_bar=InfoBar())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "FIB-SEM stack.ome.zarr"
        run(write_image(made, path))
        viewer = opened(path)
        viewer.dims.set_current_step(0, 30)
        form = dock(viewer, "Texture")
        form.fields["scope"].value = "slice"
        form.fields["window"].value = 15
        form.fields["feature"].value = "entropy"
        form.run_button.native.click()
        while len(viewer.layers) < 2 or not np.asarray(viewer.layers[1].data[15]).any():
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
        shot(viewer, "lazy")
        form.cancel()
        wait(500)
        viewer.close()


def lens() -> None:
    """Activations with their slider, a pixel, colour, the contact sheet, and a search."""
    viewer = open_sample("nanoparticles")
    source = viewer.layers[0]
    form = dock(viewer, "AI lens")
    form.fields["layer"].value = "blocks.3"
    form.fields["channels"].value = 24
    form.fields["colour"].value = "PCA"
    press_run(form)
    colour = viewer.layers[-1]
    form.table.select(2)
    shot(viewer, "lens_activations")
    form.look_at((0, *source.data_to_world((184, 182))))
    settle(lambda: form.job is not None)
    shot(viewer, "lens_pixel")
    for layer in viewer.layers:
        layer.visible = layer is colour
    shot(viewer, "lens_colour")
    form.fields["colour"].value = "none"
    form.fields["contact_sheet"].value = True
    press_run(form)
    sheet = next(layer for layer in viewer.layers if layer.name.endswith("contact sheet"))
    for layer in viewer.layers:
        layer.visible = layer is sheet or layer is source
    shot(viewer, "lens_sheet")
    viewer.close()

    viewer = open_sample("nanoparticles")
    source = viewer.layers[0]
    form = dock(viewer, "AI lens")
    form.method.value = "Find similar"
    form.fields["layer"].value = "blocks.3"
    form.prompt_points.add_button.native.click()
    form.prompt_points.layer.add((184, 182))
    form.fields["image"].value = source
    form.fields["threshold"].value = 0.5
    press_run(form)
    save(viewer, "lens_similar")


def settle(is_running) -> None:
    while is_running():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
    wait(400)


if __name__ == "__main__":
    names = sys.argv[1:] or [
        "denoise", "train", "autoencoder", "classify", "similar", "explain", "trust", "concordance",
        "concordance_folder", "segment", "texture", "cluster", "measure", "quality", "correct",
        "micrograph", "lazy", "lens",
    ]  # fmt: skip
    for name in names:
        globals()[name]()
