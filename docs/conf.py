"""Settings of Sphinx: ``make docs`` builds the documentation site into docs/_build/html."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import reference  # noqa: E402

import napari_visual_ccc  # noqa: E402

project = "napari-visual-ccc"
author = "The napari-visual-ccc developers"
version = release = napari_visual_ccc.__version__

extensions = [
    "sphinx.ext.autodoc",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinxcontrib.mermaid",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]

# signatures are those of the stub, types those of the docstrings
autodoc_typehints = "none"
maximum_signature_line_length = 60
python_display_short_literal_types = True
numpydoc_show_class_members = False
toc_object_entries = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path: list[str] = []
html_show_sourcelink = False
html_theme_options = {
    "github_url": "https://github.com/napari-visual-ccc/napari-visual-ccc",
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "tango",
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
project_copyright = author


def setup(app):
    reference.write(HERE / "reference")
    app.connect("autodoc-process-signature", reference.of_the_stub)
