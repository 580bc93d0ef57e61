"""Get the weights of a model: their size and hash are shown before anything is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, ComboBox, Container, Label, PushButton

from ...core.progress import Progress
from ...nets.sam import hub
from ...nets.sam.background import in_background
from ...nets.sam.hub import Offer
from .fields import wrapped

if TYPE_CHECKING:
    from .form import Form


class ModelFetcher(Container):
    """Look up a model on the hub, then download it and choose it in the form.

    Parameters
    ----------
    form : Form
        Whose field ``model`` is set.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.offer: Offer | None = None
        self.open = CheckBox(
            text="Get a model", value=False,
            tooltip="Models on the hub of Hugging Face; nothing is downloaded before you agree",
        )  # fmt: skip
        self.name_box = ComboBox(choices=hub.KNOWN, label="Name", visible=False)
        self.look_button = PushButton(
            text="Show size…", visible=False, tooltip="Ask the hub for size and SHA-256"
        )
        self.text = Label(value="", visible=False)
        self.download_button = PushButton(
            text="Download", visible=False, tooltip="Download these files and check their SHA-256"
        )
        super().__init__(
            widgets=[
                self.open, self.name_box, self.look_button, self.text, self.download_button,
            ],
            labels=False,
        )  # fmt: skip
        self.margins = (0, 0, 0, 0)
        wrapped(self.text)
        self.open.changed.connect(self._unfold)
        self.name_box.changed.connect(lambda: self._show(None))
        self.look_button.changed.connect(self.look_up)
        self.download_button.changed.connect(self.download)

    def _unfold(self) -> None:
        self.name_box.visible = self.look_button.visible = bool(self.open.value)
        self._show(self.offer if self.open.value else None)

    def _show(self, offer: Offer | None) -> None:
        self.offer = offer
        self.text.value = "" if offer is None else "\n".join(offer.lines)
        self.text.visible = self.download_button.visible = offer is not None

    def look_up(self) -> None:
        """Ask the hub; what it says is shown."""
        if self.form.job is not None:
            return
        name = str(self.name_box.value)
        asking = in_background(lambda: hub.look_up_model(name), Progress(0, 0, "hub"))
        self.form.start(asking, f"Look up {name}", self._show)
        self.form.reveal()

    def download(self) -> None:
        """Download what is shown, and choose it as the model."""
        if self.form.job is not None or self.offer is None:
            return
        self.form.start(hub.fetch(self.offer), f"Download {self.offer.name}", self._fetched)
        self.form.reveal()

    def _fetched(self, folder: Path) -> None:
        self.form.fields["model"].value = folder
        self.open.value = False
        self.form.say(f"{folder.parents[1].name} is ready.")
