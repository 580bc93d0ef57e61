"""The demo: the main operations on the samples, in napari or written to a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__, samples
from ..core.files import write_text
from ..core.layers import Layer
from ..core.micrograph import Micrograph
from ..core.progress import run
from ..core.result import Prediction
from ..report.pages import render
from ..report.summary import summary
from ..workflow.operations import OPERATIONS
from ..workflow.run import Outcome, execute
from ..workflow.save import base_name, file_stem, write_result
from ..workflow.signature import inputs
from .terminal import end_with_the_window

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Job:
    """One operation of the demo.

    Parameters
    ----------
    after : str
        Earlier operation whose first layer is the input; the micrograph when empty.
    """

    operation: str
    parameters: dict[str, Any]
    after: str = ""


JOBS: dict[str, list[Job]] = {
    "nanoparticles": [
        Job("classify", {}),
        Job("explain", {"target": "cube"}),
        Job("explain", {"target": "sphere"}),
        Job("threshold", {}),
        Job("watershed_split", {"min_diameter": 8.1}, after="threshold"),
        Job("region_table", {"exclude_border": True}, after="watershed_split"),
    ],
    "superalloy": [
        Job("denoise", {}),
        Job("kmeans", {"clusters": 3}, after="denoise"),
        Job("select_cluster", {"cluster": 3}, after="kmeans"),
        Job("edge_density", {}),
    ],
    "coating": [
        Job("glcm_features", {"feature": "entropy", "window": 9}),
        Job("kmeans", {"clusters": 3, "features": "texture"}),
    ],
}


@dataclass(frozen=True)
class Done:
    """A finished job."""

    job: Job
    outcome: Outcome

    @property
    def result(self) -> Any:
        """Result of the job."""
        return self.outcome.result


def run_jobs(micrograph: Micrograph, jobs: list[Job]) -> Iterator[Done]:
    """Run jobs one after the other, each on the micrograph or on an earlier result."""
    done: dict[str, Done] = {}
    for job in jobs:
        before = done.get(job.after)
        first, *further = inputs(job.operation)
        given = {first: _after(before, micrograph) if before else micrograph}
        given |= dict.fromkeys(further, micrograph)
        outcome = run(execute(job.operation, given, job.parameters))
        print(f"  {OPERATIONS[job.operation].title}: {summary(outcome.result)}")
        done[job.operation] = Done(job, outcome)
        yield done[job.operation]


def _after(before: Done, micrograph: Micrograph) -> Micrograph:
    """First layer of an earlier result, as an image with the facts of the micrograph."""
    layer = before.result.layers[0]
    return replace(
        micrograph,
        data=layer.data,
        name=f"{micrograph.name} {layer.name}",
        metadata={"visual_ccc": before.outcome.record.of(layer.name).plain()},
        info_bar=before.outcome.info_bar,
    )


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
        check_folder(folder)
    finished = []
    for name in JOBS:
        micrograph = samples.load(name)
        print(f"{name}: {micrograph.metadata['shows']}")
        finished.append((micrograph, list(run_jobs(micrograph, JOBS[name]))))
    if on_screen:
        from ..widgets.plugin.demo import show

        end_with_the_window()
        print("opening napari")
        show([(image, [done.outcome for done in runs]) for image, runs in finished])
        return 0
    index = write(finished, folder)
    print(f"written to {index.resolve()}")
    return 0


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds other files than those of an earlier demo."""
    index = folder / "index.html"
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; name a folder with -o")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not index.is_file() or "napari-visual-ccc demo" not in index.read_text(errors="replace"):
        raise FileExistsError(f"{folder} holds other files; choose another folder with -o")


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
    # marks the folder as a demo's, also after an interruption
    write_text(render("demo", version=__version__, sections=[]), index, force=True)
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
                micrograph,
                force=True,
            )
        picture = folder / f"{file_stem(micrograph.name)}.png"
        title = f"{micrograph.name}: {micrograph.metadata['shows']}"
        panels(
            micrograph, layers, picture, title=title, prediction=prediction, force=True
        )  # fmt: skip
        sections.append(_section(micrograph, runs, picture, files))
    write_text(render("demo", version=__version__, sections=sections), index, force=True)
    return index


def _section(
    micrograph: Micrograph, runs: list[Done], picture: Path, files: list[Path]
) -> dict[str, Any]:
    """Values of the template for one micrograph."""
    about = micrograph.metadata
    return {
        "name": micrograph.name,
        "shows": about["shows"],
        "source": about["source"],
        "licence": about["licence"],
        "picture": picture.name,
        "files": [file.name for file in files],
        "results": [
            {
                "title": OPERATIONS[done.job.operation].title,
                "summary": summary(done.result),
                "notes": done.result.notes,
                "tables": [_table(table) for table in done.result.tables.values()],
            }
            for done in runs
        ],
    }


def _table(table: pd.DataFrame) -> dict[str, Any]:
    """First rows of a table as text."""
    rows = [
        [
            "NaN" if cell != cell else f"{cell:.4g}" if isinstance(cell, float) else str(cell)
            for cell in row
        ]
        for row in table.head(10).itertuples(index=False, name=None)
    ]
    return {"columns": list(table.columns), "rows": rows, "count": len(table)}
