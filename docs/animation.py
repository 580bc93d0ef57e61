"""Make the animated tour of the README: ``python docs/screenshots.py tour`` (needs a screen).

The steps are those of the tour, done by clicks in a window of 1366 × 768 pixels.
"""

from __future__ import annotations

import napari
from clicks import (
    IMAGES,
    choose,
    click,
    click_row,
    dismiss,
    dock,
    open_window,
    picture,
    run,
    settle,
    wait,
)
from PIL import Image, ImageDraw, ImageFont
from qtpy.QtCore import QPoint

from napari_visual_ccc.widgets.layers.viewers import scale_bar

WIDTH, CAPTION = 854, 34
LARGEST = 2_500_000


class Film:
    """Pictures of a window with what is being done, written as an animated WebP."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self.viewer = viewer
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []
        self._font = ImageFont.load_default(size=18)

    def take(self, words: str, seconds: float = 1.6, pointer=None) -> None:
        """Add a picture, with the mouse over a widget."""
        dismiss(self.viewer)
        whole = picture(self.viewer)
        if pointer is not None:
            self._draw_pointer(whole, pointer)
        height = round(whole.height * WIDTH / whole.width)
        frame = Image.new("RGB", (WIDTH, height + CAPTION), "white")
        frame.paste(whole.resize((WIDTH, height), Image.Resampling.LANCZOS), (0, CAPTION))
        ImageDraw.Draw(frame).text((10, 7), words, fill="black", font=self._font)
        self.frames.append(frame)
        self.durations.append(round(1000 * seconds))

    def _draw_pointer(self, whole: Image.Image, widget) -> None:
        inner = getattr(widget, "native", widget)
        window = self.viewer.window._qt_window
        place = inner.mapTo(window, QPoint(inner.width() // 2, inner.height() // 2))
        x, y = place.x(), place.y()
        arrow = [(0, 0), (0, 24), (6, 18), (11, 28), (15, 26), (10, 16), (18, 16)]
        ImageDraw.Draw(whole).polygon(
            [(x + dx, y + dy) for dx, dy in arrow], fill="white", outline="black"
        )

    def write(self, name: str) -> None:
        """Write the film; 30 seconds of it stay below 2.5 MB."""
        path = IMAGES / name
        for quality in (80, 65, 50, 35):
            self.frames[0].save(
                path, save_all=True, append_images=self.frames[1:], duration=self.durations,
                loop=0, quality=quality, method=6,
            )  # fmt: skip
            if path.stat().st_size < LARGEST:
                break
        print(f"{path.name}: {sum(self.durations) / 1000:.0f} s, {path.stat().st_size:,} bytes")


def tour() -> None:
    viewer = open_window("tour")
    film = Film(viewer)
    viewer.open_sample("napari-visual-ccc", "nanoparticles")
    scale_bar(viewer).visible = True
    film.take("File > Open Sample > Visual-CCC > Copper nanoparticles")
    workspace = dock(viewer, "Visual-CCC")
    film.take("Plugins > Visual-CCC > Visual-CCC: the steps of the work")

    def step(number: int, title: str, words: str):
        button = workspace.steps.titles[number]
        film.take(words, 0.9, pointer=button)
        click(button)
        return workspace.open(title)

    form = step(6, "Segment", "Segment")
    choose(form.method, "Particles")
    film.take("Particles, Run", 1.2, pointer=form.run_button)
    run(form)
    film.take("Every particle has its own label, touching ones are split", 2.4)

    form = step(9, "Measure", "Measure")
    film.take("Run", 0.9, pointer=form.run_button)
    run(form)
    film.take("Sizes and shapes in nanometres", 2.2)
    click_row(form.table.view, 3)
    film.take("A row is a particle", 2.0, pointer=form.table.view)

    form = step(4, "Classify", "Classify")
    film.take("Run", 0.9, pointer=form.run_button)
    run(form)
    film.take("The classes of the windows, with calibrated probabilities", 2.6)

    form = step(5, "Explain", "Explain")
    film.take("Run", 0.9, pointer=form.run_button)
    run(form)
    film.take("Where the evidence for the predicted class lies", 2.6)

    viewer.layers.clear()
    viewer.open_sample("napari-visual-ccc", "superalloy")
    viewer.fit_to_view()
    film.take("Another sample: nickel superalloy", 1.4)
    form = step(7, "Cluster", "Cluster")
    film.take("Run", 0.9, pointer=form.run_button)
    run(form)
    film.take("Phases with their area in percent", 2.4)
    click(form.live, QPoint(8, form.live.native.height() // 2))
    assert form.live.value
    form.fields["clusters"].value = 2
    wait(1500)
    settle(lambda: not form.is_idle)
    film.take("Live: the map follows the number of clusters", 2.4, pointer=form.live)
    viewer.close()
    film.write("tour.webp")
