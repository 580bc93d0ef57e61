"""Settings of Sphinx: ``make docs`` builds the documentation site into docs/_build/html."""

from __future__ import annotations

import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import flowchart  # noqa: E402
import hosts  # noqa: E402
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
    "sphinx_gallery.gen_gallery",
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

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    # all are run, but the one that opens a window
    "filename_pattern": r"/(?!in_napari)\w+\.py$",
    "abort_on_example_error": True,
    "capture_repr": (),
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "within_subsection_order": "ExampleTitleSortKey",
    # its page loads scripts from other hosts
    "write_computation_times": False,
}

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


class Flowchart(Directive):
    """``mermaid``: a flowchart, drawn here."""

    has_content = True

    def run(self):
        return [nodes.raw("", flowchart.draw("\n".join(self.content)), format="html")]


def setup(app):
    app.add_directive("mermaid", Flowchart)
    reference.write(HERE / "reference")
    app.connect("build-finished", hosts.check)
    app.connect("autodoc-process-signature", reference.of_the_stub)
