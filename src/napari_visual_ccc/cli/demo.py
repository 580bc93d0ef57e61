"""The main job on the sample micrographs: in napari where there is a screen, else in a folder."""

from __future__ import annotations

import html
import os
import sys
from pathlib import Path

from .. import __version__, samples
from ..core.files import write_text
from ..core.layers import Layer
from ..core.micrograph import Micrograph
from ..core.result import Prediction
from ..workflow import operations
from ..workflow.demo import JOBS, Done, run_jobs
from ..workflow.save import base_name, file_stem, write_result
from ..workflow.summary import summary


def has_screen() -> bool:
    """Whether a window can be opened."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def run_demo(folder: Path, *, on_screen: bool) -> int:
    """Run all jobs, then show or write them.

    Parameters
    ----------
    folder : Path
        Where to write without a screen: new, empty, or an earlier demo's, which is replaced.
    on_screen : bool
        Open napari instead.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    FileExistsError
        If the folder holds other files.
    """
    if not on_screen:
        _check_folder(folder)
    finished = []
    for name in JOBS:
        micrograph = samples.load(name)
        print(f"{name}: {micrograph.metadata['shows']}")
        finished.append((micrograph, list(run_jobs(micrograph, JOBS[name]))))
    if on_screen:
        from ..widgets.plugin.demo import show

        print("opening napari")
        show(finished)
        return 0
    index = write(finished, folder)
    print(f"written to {index.resolve()}")
    return 0


def _check_folder(folder: Path) -> None:
    """Insist on a folder that is new, empty or an earlier demo's."""
    index = folder / "index.html"
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; name a folder with -o")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not index.is_file() or "napari-visual-ccc demo" not in index.read_text(errors="replace"):
        raise FileExistsError(f"{folder} holds other files; choose another folder with -o")


# a folder -----------------------------------------------------------------------------------------


def write(finished: list[tuple[Micrograph, list[Done]]], folder: Path) -> Path:
    """Write figure panels, layers, tables and a page that shows them.

    Returns
    -------
    Path
        The page, ``index.html``.
    """
    from ..report.figures import panels

    sections = []
    index = folder / "index.html"
    # an interrupted demo is known as one by it
    write_text(_PAGE.format(version=__version__, body="Not finished."), index, force=True)
    for micrograph, runs in finished:
        layers: list[Layer] = []
        prediction, files = None, []
        for done in runs:
            result = done.result
            layers += result.layers
            if isinstance(result, Prediction):
                prediction = result
            files += write_result(
                result,
                folder,
                base_name(micrograph.name, done.job.operation, result.target),
                done.outcome.record,
                image=micrograph.data,
                spacing=micrograph.spacing,
                unit=micrograph.unit,
                force=True,
            )
        picture = folder / f"{file_stem(micrograph.name)}.png"
        title = f"{micrograph.name}: {micrograph.metadata['shows']}"
        panels(
            micrograph.data, layers, picture, title=title, spacing=micrograph.spacing,
            unit=micrograph.unit, prediction=prediction, force=True,
        )  # fmt: skip
        sections.append(_section(micrograph, runs, picture, files))
    write_text(_PAGE.format(version=__version__, body="\n".join(sections)), index, force=True)
    return index


_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>napari-visual-ccc demo</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem;
         padding: 0 1rem; color: #222; }}
  img {{ max-width: 100%; height: auto; }}
  table {{ border-collapse: collapse; margin: 1rem 0; font-size: .9rem; }}
  th, td {{ padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd; }}
  .source {{ color: #666; }}
  .wide {{ overflow-x: auto; }}
</style>
<h1>napari-visual-ccc {version}</h1>
<p>Every picture below is computed by <code>visual-ccc demo</code> from the sample micrographs.
The layers lie beside this page as OME-TIFF, the tables as CSV, and how each was made as YAML.</p>
{body}
</html>
"""


def _section(micrograph: Micrograph, runs: list[Done], picture: Path, files: list[Path]) -> str:
    about = micrograph.metadata
    parts = [
        f"<h2>{html.escape(micrograph.name)}: {html.escape(about['shows'])}</h2>",
        f'<p class="source">{html.escape(about["source"])} ({html.escape(about["licence"])})</p>',
        f'<img src="{picture.name}" alt="{html.escape(micrograph.name)} and its results">',
    ]
    for done in runs:
        title = operations.OPERATIONS[done.job.operation].title
        parts.append(f"<h3>{html.escape(title)}</h3><p>{html.escape(summary(done.result))}</p>")
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in done.result.notes)
        parts.append(f"<ul>{notes}</ul>" if notes else "")
        for table in done.result.tables.values():
            text = table.head(10).to_html(index=False, border=0, float_format=lambda x: f"{x:.4g}")
            more = f"<p>... {len(table)} rows in all</p>" if len(table) > 10 else ""
            parts.append(f'<div class="wide">{text}</div>{more}')
    links = ", ".join(f'<a href="{file.name}">{html.escape(file.name)}</a>' for file in files)
    return "\n".join([*parts, f"<p>Files: {links}</p>"])
