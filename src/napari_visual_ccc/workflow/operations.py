"""The catalogue: which operations there are, and what their signatures say.

Forms, menus, the command line, recipes and the documentation read this and nothing else. A new
method is a function in `engine/`, its test, and one line here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from ..core.progress import Steps
from ..core.result import Result


@dataclass(frozen=True)
class Operation:
    """One line of the catalogue.

    Parameters
    ----------
    family : str
        The widget and the command it belongs to.
    module : str
        Module of the package that holds the function of the operation's name.
    title : str
        What a person reads on the button and in the menu.
    live : bool
        Quick enough to follow a slider.
    planar : bool
        Works on one (Y, X) image: the viewer hands it the slice being looked at, scripts and the
        command line go through a stack slice by slice.
    whole : bool
        Is given the label bar as well: its subject is the bar, or what a network makes of it.
    """

    name: str
    family: str
    module: str
    title: str
    live: bool = False
    planar: bool = False
    whole: bool = False


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("image_quality", "quality", "engine.acquisition.quality", "Fit for analysis?"),
        Operation("subtract_background", "correct", "engine.restoration.background", "Background"),
        Operation("destripe", "correct", "engine.restoration.destripe", "Stripes and curtaining"),
        Operation("align_stack", "correct", "engine.restoration.align", "Align a stack"),
        Operation(
            "detect_info_bar",
            "micrograph",
            "engine.acquisition.info_bar",
            "Find the label bar",
            whole=True,
        ),
        Operation(
            "crop_info_bar",
            "micrograph",
            "engine.acquisition.info_bar",
            "Cut the label bar off",
            whole=True,
        ),
        Operation("denoise", "denoise", "engine.restoration.denoise", "Denoise"),
        Operation("threshold", "segment", "engine.segmentation.threshold", "Threshold", live=True),
        Operation(
            "watershed_split", "segment", "engine.segmentation.watershed", "Split touching objects"
        ),
        Operation("label_objects", "segment", "engine.segmentation.objects", "Number objects"),
        Operation("glcm_features", "texture", "engine.texture.glcm", "GLCM texture", live=True),
        Operation(
            "edge_density",
            "texture",
            "engine.texture.edge_density",
            "Visual-CCC texture",
            live=True,
        ),
        Operation("kmeans", "cluster", "engine.clustering.kmeans", "K-means clusters", live=True),
        Operation(
            "select_cluster", "cluster", "engine.clustering.kmeans", "Target cluster", live=True
        ),
        Operation(
            "classify", "classify", "engine.classification.classify", "Classify", planar=True
        ),
        Operation(
            "explain",
            "classify",
            "engine.explanation.explain",
            "Explain (class activation map)",
            planar=True,
        ),
        Operation(
            "compare",
            "classify",
            "engine.explanation.explain",
            "Compare classes or methods",
            planar=True,
        ),
        Operation(
            "evidence_regions",
            "classify",
            "engine.explanation.heatmap",
            "Evidence to regions",
            live=True,
        ),
        Operation(
            "cam_sanity_checks",
            "classify",
            "engine.explanation.sanity",
            "Trust the map",
            planar=True,
        ),
        Operation(
            "detect_shortcuts",
            "classify",
            "engine.explanation.shortcuts",
            "Shortcut guard",
            planar=True,
            whole=True,
        ),
        Operation(
            "morphology_map",
            "classify",
            "engine.classification.morphology",
            "Morphology map",
            planar=True,
        ),
        Operation("region_table", "measure", "engine.measure.region_table", "Region table"),
    )
}

# what does not fit a form over a layer: sets of labelled images, and a hand that covers; the same
# readers serve their signatures
JOBS: dict[str, Operation] = {
    job.name: job
    for job in (
        Operation("audit_dataset", "train", "engine.learning.audit", "Look the images over"),
        Operation("train", "train", "engine.learning.train", "Train"),
        Operation("evaluate", "train", "engine.learning.evaluate", "Test a model"),
        Operation("occlude", "classify", "engine.explanation.occlude", "Cover and see"),
        Operation("classify_folder", "classify", "workflow.batch", "Classify a folder"),
        Operation("image_quality_folder", "quality", "workflow.batch", "Check a folder"),
    )
}


def families() -> dict[str, list[Operation]]:
    """Operations by family, in the order of the catalogue."""
    grouped: dict[str, list[Operation]] = {}
    for operation in OPERATIONS.values():
        grouped.setdefault(operation.family, []).append(operation)
    return grouped


def function(name: str) -> Callable[..., Steps[Result]]:
    """Import the engine function of an operation.

    Raises
    ------
    ValueError
        If there is no such operation.
    """
    known = OPERATIONS.get(name) or JOBS.get(name)
    if known is None:
        raise ValueError(f"no operation {name!r}; there are {', '.join([*OPERATIONS, *JOBS])}")
    module = importlib.import_module(f"..{known.module}", __package__)
    return getattr(module, name)
