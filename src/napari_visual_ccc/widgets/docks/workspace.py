"""The Visual-CCC dock: the steps of an analysis in their order, each with its form."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from ...workflow.operations import OPERATIONS
from ..canvas.refit import keep_fitted
from ..checks.line import VerdictLine
from ..form.fields import choose_layers
from ..layers.viewers import PLUGIN
from ..parts.accordion import Accordion
from ..parts.jobs import EXPECTED, report
from ..parts.names import Accessible
from ..parts.scrolling import Scroll
from .classify import Classify
from .families import Cluster, Correct, Denoise, Segment, Texture
from .info import MicrographInfo
from .measure import Measure
from .quality import Quality
from .train import Train

if TYPE_CHECKING:
    from napari.viewer import Viewer

# wide enough for every form, so that opening a step does not move the canvas
_WIDTH = 368


@dataclass(frozen=True)
class Step:
    """A step of the work.

    Parameters
    ----------
    title, purpose : str
        What it is called, and what it is for.
    form : type of Container
        The dock widget whose form it shows; steps may share one.
    operation : str
        Which is chosen in the form when the step is opened; empty leaves the choice.
    """

    title: str
    purpose: str
    form: type[Container]
    operation: str = ""


STEPS = (
    Step("Open & info", "Open images; see and set their pixel size and info bar", MicrographInfo),
    Step("Quality", "Check whether an image is fit for analysis", Quality),
    Step("Correct", "Remove uneven background, stripes and drift", Correct),
    Step("Denoise", "Remove noise", Denoise),
    Step("Classify", "Find the class of an image or of its parts", Classify, "classify"),
    Step("Explain", "See which pixels speak for a class", Classify, "explain"),
    Step("Segment", "Separate objects from the background and from each other", Segment),
    Step("Cluster", "Group pixels into phases", Cluster),
    Step("Texture", "Map texture", Texture),
    Step("Measure", "Measure objects: areas, diameters, size distribution", Measure),
    Step("Train", "Train a classifier on images of your own", Train),
)


class Workspace(Container):
    """Analyse micrographs step by step.

    Parameters
    ----------
    napari_viewer : Viewer
        Where layers are taken from and added to.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self.viewer = napari_viewer
        self.forms: dict[type[Container], Any] = {}
        super().__init__(labels=False)
        self.margins = (0, 0, 0, 0)
        self.steps = Accordion(_WIDTH)
        for step in STEPS:
            self.steps.add(step.title, step.purpose, functools.partial(self._content, step))
        layout = self.native.layout()
        self.verdict = VerdictLine(napari_viewer, self.show_info)
        layout.addWidget(self.verdict)
        layout.addWidget(Scroll(self.steps))
        self.native.destroyed.connect(self.verdict.unfollow)
        Accessible(self.native)
        keep_fitted(napari_viewer)

    def form(self, kind: type[Container]) -> Any:
        """Return the form of a kind, which is made at its first use."""
        if kind not in self.forms:
            self.forms[kind] = form = kind(self.viewer)
            if isinstance(form, Train):
                form.open_classifier = self._open_classifier
        return self.forms[kind]

    def open(self, title: str) -> Any:
        """Open the step of a title, and return its form."""
        number = [step.title for step in STEPS].index(title)
        self.steps.open(number)
        return self.form(STEPS[number].form)

    def open_info(self) -> Any:
        """Open the first step, which has the pixel size, and return its form."""
        return self.open(STEPS[0].title)

    def show_info(self) -> None:
        """Open the first step on the image that is chosen."""
        layer, form = self.verdict.layer, self.open_info()
        if layer is not None:
            choose_layers(form.operation.name, form.fields, layer, self.viewer.layers)

    def _open_classifier(self) -> Any:
        return self.open("Classify")

    def _content(self, step: Step) -> QWidget:
        is_new = step.form not in self.forms
        form = self.form(step.form)
        if step.operation:
            form.method.value = OPERATIONS[step.operation].title
        if is_new and step.form is MicrographInfo:
            form.native.layout().insertWidget(0, self._open_buttons())
        native: QWidget = form.native
        return native

    def reset_choices(self, *_: Any) -> None:
        """Update the layers that the forms offer."""
        for form in self.forms.values():
            form.reset_choices()

    # files ----------------------------------------------------------------------------------------

    def _open_buttons(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        for text, tooltip, action in (
            ("Open images…", "Open one image or more, each as a layer", self.ask_for_files),
            ("Open a folder…", "Open the images of a folder as a stack", self.ask_for_folder),
        ):
            button = QPushButton(text)
            button.setToolTip(tooltip)
            button.clicked.connect(action)
            layout.addWidget(button)
        return row

    def ask_for_files(self) -> None:
        """Ask for images and open them."""
        chosen, _ = QFileDialog.getOpenFileNames(self.native, "Open images")
        self.open_paths(chosen)

    def ask_for_folder(self) -> None:
        """Ask for a folder and open its images."""
        chosen = QFileDialog.getExistingDirectory(self.native, "Open the images of a folder")
        self.open_paths([chosen] if chosen else [])

    def open_paths(self, paths: list[str]) -> None:
        """Open each image as a layer."""
        try:
            for path in paths:
                self.viewer.open(path, plugin=PLUGIN)
        except EXPECTED as error:
            report(error)
