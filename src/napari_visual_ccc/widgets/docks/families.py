"""The dock widgets: each a form of one family, with a panel where a layer is not enough."""

from __future__ import annotations

from ..form.form import Form
from ..form.table_form import _TableForm

PREDICTED = "the predicted class"


class Correct(_TableForm):
    """Undo what the microscope adds: uneven background, stripes, drift."""

    family = "correct"


class Denoise(Form):
    """Take noise away."""

    family = "denoise"


class Segment(_TableForm):
    """Separate objects from background, and from each other."""

    family = "segment"


class Texture(Form):
    """Map texture."""

    family = "texture"


class Cluster(_TableForm):
    """Group pixels into phases."""

    family = "cluster"
