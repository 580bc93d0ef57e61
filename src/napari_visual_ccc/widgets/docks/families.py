"""The dock widgets: a form for each family, with a table where there is one."""

from __future__ import annotations

from ..form.form import Form
from ..form.table_form import TableForm


class ImageAnalysis(Form):
    """See the grey image, its mask and its texture side by side."""

    family = "analysis"


class Correct(TableForm):
    """Correct artefacts of the acquisition: uneven background, stripes, drift."""

    family = "correct"


class Denoise(Form):
    """Remove noise."""

    family = "denoise"


class Segment(TableForm):
    """Separate objects from background, and from each other."""

    family = "segment"


class Texture(Form):
    """Map texture."""

    family = "texture"


class Cluster(TableForm):
    """Group pixels into phases."""

    family = "cluster"
