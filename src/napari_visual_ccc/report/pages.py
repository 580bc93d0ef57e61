"""HTML pages from the templates of this package; all text is escaped."""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: Any) -> str:
    """Fill a template. The last line of a page is its date and the version of the package.

    Parameters
    ----------
    template : str
        Name of a file in ``report/templates``, without its ending.
    **values
        What the template names. A name that is missing is an error.

    Returns
    -------
    str
        The page.
    """
    return _environment().get_template(f"{template}.html.j2").render(values)


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("napari_visual_ccc", "report/templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.globals["written"] = _written
    return made


def _written() -> str:
    """When and by what a page is written."""
    release = importlib.metadata.version("napari-visual-ccc")
    return f"Written on {datetime.date.today().isoformat()} by napari-visual-ccc {release}."
