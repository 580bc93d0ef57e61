"""Take the screenshots of the documentation: ``python docs/screenshots.py`` (needs a screen).

Every picture is the real application, used by clicks; layers are shown by runs and by their eyes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import napari
import numpy as np
from animation import tour  # noqa: F401
from clicks import (
    choose,
    click,
    click_eye,
    click_row,
    dock,
    open_window,
    run,
    save,
    scroll_down,
    settle,
    shot,
    show,
    show_all,
    wait,
)
from scipy.ndimage import gaussian_filter
from skimage.io import imread, imsave

from napari_visual_ccc.widgets.layers.viewers import scale_bar


@contextmanager
def temporary() -> Iterator[None]:
    """Work in a folder with a name that fields may show; it is removed."""
    before, folder = Path.cwd(), Path(tempfile.gettempdir()) / "micrographs"
    folder.mkdir()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        shutil.rmtree(folder)


def open_sample(name: str) -> napari.Viewer:
    viewer = open_window(name)
    viewer.open_sample("napari-visual-ccc", name)
    viewer.layers.selection.active = viewer.layers[0]
    scale_bar(viewer).visible = bool(viewer.layers[0].units[0] != "pixel")
    wait(300)
    return viewer


def denoise() -> None:
    viewer = open_sample("superalloy")
    run(dock(viewer, "Denoise"))
    save(viewer, "denoise")


def classify() -> None:
    viewer = open_sample("nanoparticles")
    run(dock(viewer, "Classify & Explain"))
    save(viewer, "classify")


def explain() -> None:
    viewer = open_sample("nanoparticles")
    form = dock(viewer, "Classify & Explain")
    choose(form.method, "Explain (class activation map)")
    run(form)
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
    choose(form.method, "Explain (class activation map)")
    choose(form.fields["image"], "right half")
    choose(form.fields["target"], "sphere")
    run(form)
    shot(viewer, "concordance_evidence")
    choose(form.method, "Concordance with phases or particles")
    choose(form.fields["heatmap"], "right half Grad-CAM sphere")
    choose(form.fields["labels"], "shapes")
    choose(form.fields["image"], "right half")
    form.fields["names"].value = "cube, octahedron, sphere"
    run(form)
    # the plot has its height by now
    wait(500)
    show(form.table)
    save(viewer, "concordance")


def concordance_folder() -> None:
    """Need the development micrographs: VCCC_DATA points to them."""
    data = Path(os.environ["VCCC_DATA"]) / "nanoshapes/images"
    files = [
        *sorted((data / "test").glob("*.png")),
        *sorted((data / "train").glob("Picture*"))[::4],
    ]
    with temporary():
        folder = Path("nanoparticles")
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        viewer = open_window("a folder")
        form = dock(viewer, "Classify & Explain")
        form.compare_folder(folder)
        settle(lambda: form.job is not None)
        form._open_row(int(form.table.frame["enrichment"].argmax()))
        settle(lambda: not viewer.layers)
        save(viewer, "concordance_folder")


def segment() -> None:
    viewer = open_sample("nanoparticles")
    form = dock(viewer, "Segment")
    choose(form.method, "Particles")
    run(form)
    save(viewer, "segment")


def batch() -> None:
    """Need the development micrographs: VCCC_DATA points to them."""
    data = Path(os.environ["VCCC_DATA"]) / "nanoshapes/images"
    with temporary():
        folder = Path("session")
        folder.mkdir()
        for file in sorted((data / "test").glob("*.png"))[:12]:
            shutil.copy(file, folder)
        viewer = opened(next(iter(sorted(folder.iterdir()))))
        form = dock(viewer, "Segment")
        choose(form.method, "Particles")
        run(form)
        click(form.many.button)
        dialog = form.many.dialog
        settle(lambda: "images" not in dialog.note.text())
        shot(viewer, "batch", dialog)
        dialog.reject()
        viewer.close()


def texture() -> None:
    viewer = open_sample("coating")
    form = dock(viewer, "Texture")
    form.fields["window"].value = 15
    run(form)
    save(viewer, "texture")


def cluster() -> None:
    viewer = open_sample("coating")
    run(dock(viewer, "Cluster"))
    save(viewer, "cluster")


def measure() -> None:
    viewer = open_sample("nanoparticles")
    form = dock(viewer, "Segment")
    choose(form.method, "Particles")
    run(form)
    viewer.window.remove_dock_widget("all")
    form = dock(viewer, "Measure")
    run(form)
    click_row(form.table.view, 10)
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
        viewer = open_window("quality")
        form = dock(viewer, "Image quality")
        form.check_folder(place)
        settle(lambda: form.job is not None)
        click_row(form.table.view, list(form.table.frame["name"]).index("charging.png"))
        save(viewer, "quality")


def correct() -> None:
    """A micrograph with stripes put onto it, and the corrected one, side by side as a grid."""
    viewer = open_sample("superalloy")
    layer = viewer.layers[0]
    jumps = np.random.default_rng(0).normal(0, 4, (len(layer.data), 1))
    layer.data = (layer.data + jumps).clip(0, 255).round().astype("u1")
    form = dock(viewer, "Correct")
    viewer.layers.remove(viewer.layers[1])
    choose(form.method, "Remove stripes")
    run(form)
    click(viewer.window._qt_viewer.viewerButtons.gridViewButton)
    show_all(viewer)
    save(viewer, "correct")


def train() -> None:
    """Need the development micrographs: VCCC_DATA points to them."""
    crops = Path(os.environ["VCCC_DATA"]) / "nanoshapes/crops/train"
    with temporary():
        data = Path("shapes")
        for name in ("cube", "sphere"):
            (data / name).mkdir(parents=True)
            for file in sorted((crops / name).glob("*.png"))[::4]:
                shutil.copy(file, data / name)
        viewer = open_window("train")
        form = dock(viewer, "Train classifier")
        form.images.folder.value = data
        form.images.group.value = "^(.*)_[^_]*_[^_]*$"
        click(form.check_button)
        settle(lambda: form.is_running)
        shot(viewer, "train_images")
        click(form.train_button)
        settle(lambda: form.is_running)
        if form.mistakes.count():
            click(form.tabs.tabBar(), form.tabs.tabBar().tabRect(3).center())
            place = form.mistakes.visualItemRect(form.mistakes.item(0)).center()
            click(form.mistakes.viewport(), place)
        click(form.tabs.tabBar(), form.tabs.tabBar().tabRect(2).center())
        scroll_down(form.tabs)
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
    with temporary():
        usual = Path("usual")
        usual.mkdir()
        # parts of a few images, few tiles and epochs: enough for a picture, in a few minutes
        for number, image in enumerate(every[:6:2]):
            part = image[:384, :512]
            imsave(usual / f"superalloy_{number}.png", part, check_contrast=False)
        viewer = open_window("AI lens")
        viewer.add_image(pasted, name="superalloy")
        form = dock(viewer, "AI lens")
        form.fold.expand(animate=False)
        training = form.training
        training.images.source.value = "Folder"
        training.images.folder.value = usual
        training.fields["tiles"].value, training.fields["epochs"].value = 150, 16
        click(training.train_button)
        settle(lambda: training.is_running)
        shot(viewer, "autoencoder_train")
        click(training.use_button)
        form.fold.collapse(animate=False)
        run(form)
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
    run(dock(viewer, "Classify & Explain"))
    save(viewer, "similar")


def trust() -> None:
    viewer = open_sample("nanoparticles")
    form = dock(viewer, "Classify & Explain")
    choose(form.method, "CAM sanity checks")
    run(form)
    save(viewer, "trust")


def opened(path: Path) -> napari.Viewer:
    viewer = open_window(path.name)
    viewer.open(path, plugin="napari-visual-ccc")
    viewer.layers.selection.active = viewer.layers[0]
    scale_bar(viewer).visible = True
    viewer.fit_to_view()
    return viewer


def micrograph() -> None:
    """Need the development micrographs: VCCC_DATA points to them."""
    file = Path(os.environ["VCCC_DATA"]) / "formats/test_tiff_Zeiss_SEM_1k.tif"
    viewer = opened(file)
    run(dock(viewer, "Micrograph info"))
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
        choose(form.fields["scope"], "slice")
        form.fields["window"].value = 15
        choose(form.fields["feature"], "entropy")
        click(form.run_button)
        while len(viewer.layers) < 2 or not np.asarray(viewer.layers[1].data[15]).any():
            wait(50)
        shot(viewer, "lazy")
        form.cancel()
        wait(500)
        viewer.close()


def lens() -> None:
    """Activations with their slider, a pixel, colour, the contact sheet, and a search."""
    viewer = open_sample("nanoparticles")
    source = viewer.layers[0]
    form = dock(viewer, "AI lens")
    choose(form.fields["layer"], "blocks.3")
    form.fields["channels"].value = 24
    choose(form.fields["colour"], "PCA")
    run(form)
    click_row(form.table.view, 2)
    shot(viewer, "lens_activations")
    form.look_at((0, *source.data_to_world((184, 182))))
    settle(lambda: form.job is not None)
    shot(viewer, "lens_pixel")
    click_eye(viewer, next(one for one in viewer.layers if one.name.endswith("PCA")))
    for end in ("patches", "blocks.3"):
        click_eye(viewer, next(one for one in viewer.layers if one.name.endswith(end)))
    save(viewer, "lens_colour")

    viewer = open_sample("nanoparticles")
    form = dock(viewer, "AI lens")
    choose(form.fields["layer"], "blocks.3")
    form.fields["channels"].value = 24
    form.fields["contact_sheet"].value = True
    run(form)
    show_all(viewer)
    save(viewer, "lens_sheet")

    viewer = open_sample("nanoparticles")
    source = viewer.layers[0]
    form = dock(viewer, "AI lens")
    choose(form.method, "Find similar")
    choose(form.fields["layer"], "blocks.3")
    click(form.prompt_points.add_button)
    form.prompt_points.layer.add((184, 182))
    form.fields["image"].value = source
    form.fields["threshold"].value = 0.5
    run(form)
    save(viewer, "lens_similar")


if __name__ == "__main__":
    names = sys.argv[1:] or [
        "denoise", "train", "autoencoder", "classify", "similar", "explain", "trust", "concordance",
        "concordance_folder", "segment", "batch", "texture", "cluster", "measure", "quality",
        "correct", "micrograph", "lazy", "lens", "tour",
    ]  # fmt: skip
    for name in names:
        globals()[name]()
