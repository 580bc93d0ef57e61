"""The catalogue of operations.

Forms, menus, the command line, recipes, the typed public names and the documentation read this
table and the signatures. A new operation is a function in `engine/`, its test and one line here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..core.plain import shown
from ..core.progress import Steps
from ..core.result import Result
from . import cost
from .cost import Needs, NeedsOf, OfRun

Kind = Literal["image", "labels", "heatmap", "regions", "prompts", "dataset", "folder"]

# kinds of input that lie in the frame of a micrograph: arrays, points and shapes
ARRAYS = ("image", "labels", "heatmap", "regions", "prompts")


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
        Text of the button and of the menu entry.
    takes : {'image', 'labels', 'heatmap', 'dataset', 'folder'}
        Kind of the first input. A heatmap is a map of an image, without an info bar to detect.
    further : tuple of {'image', 'labels', 'regions', 'prompts'}
        Kinds of the other inputs; those with a default in the signature may be left out. Regions
        are drawn by hand; prompts are points, shapes or labels.
    cost : Needs, OfRun, callable, str or None
        What a pixel costs: measured coefficients, or a function of dtype and choices that gives
        them; ``"unknown"`` where nothing was measured; None where the input is no array.
    live : bool
        Fast enough to follow a slider.
    planar : bool
        Works on one (Y, X) image: the viewer passes the current slice, scripts and the command
        line go through a stack slice by slice.
    stacks : bool
        Of an operation on one image: goes through a stack by itself, since its slices share
        something.
    whole : bool
        Works on the image with its info bar: the bar is its subject, or part of it.
    channels : bool
        Works with a model of several channels, which then are the third axis from the end.
    side_by_side : bool
        Its layers are shown beside each other, in the viewer and in one figure.
    gives_labels : bool
        Labels are among its results, so that overlays of a folder can be offered.
    inherits : tuple of str
        Parameters that the first input states, where left empty: those of an explanation, or what
        denoised the image.
    """

    name: str
    family: str
    module: str
    title: str
    takes: Kind
    further: tuple[Kind, ...] = ()
    cost: Needs | NeedsOf | OfRun | Literal["unknown"] | None = None
    live: bool = False
    planar: bool = False
    stacks: bool = False
    whole: bool = False
    channels: bool = False
    side_by_side: bool = False
    gives_labels: bool = False
    inherits: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of the inputs, in their order."""
        return (self.takes, *self.further)

    @property
    def takes_arrays(self) -> bool:
        """Whether the inputs are arrays: such operations are recorded and can be replayed."""
        return self.takes in ARRAYS

    @property
    def has_command(self) -> bool:
        """Whether all inputs can be files, so that a command can be made."""
        return self.takes_arrays

    @property
    def has_form(self) -> bool:
        """Whether all inputs are layers, none of them drawn for it, so that a form can be made."""
        return self.takes_arrays and "regions" not in self.further


# families with the names of their widgets
FAMILIES = {
    "micrograph": "Micrograph info",
    "quality": "Image quality",
    "analysis": "Image analysis",
    "correct": "Correct",
    "denoise": "Denoise",
    "segment": "Segment",
    "texture": "Texture",
    "cluster": "Cluster",
    "train": "Train classifier",
    "classify": "Classify & Explain",
    "lens": "AI lens",
    "measure": "Measure",
}

# fmt: off
_LINES = (
    Operation("image_quality", "quality", "engine.acquisition.quality", "Image quality",
              "image", cost=Needs(0, 0, 30, plane=7, shared=False)),
    Operation("image_quality_folder", "quality", "workflow.batch.folders", "Check a folder",
              "folder"),
    Operation("image_analysis", "analysis", "engine.texture.image_analysis", "Image analysis",
              "image", cost=Needs(17, 20, 12), side_by_side=True, gives_labels=True),
    Operation("subtract_background", "correct", "engine.restoration.background",
              "Subtract background",
              "image", cost=cost.background),
    Operation("destripe", "correct", "engine.restoration.destripe", "Remove stripes",
              "image", cost=Needs(4, 0, 95, plane=41, shared=False)),
    Operation("align_stack", "correct", "engine.restoration.align", "Align stack",
              "image", cost=Needs(4, 0, 160, plane=27, shared=False)),
    Operation("detect_info_bar", "micrograph", "engine.acquisition.info_bar", "Detect info bar",
              "image", cost=Needs(1, 0, 1, plane=1, shared=False), whole=True, gives_labels=True),
    Operation("crop_info_bar", "micrograph", "engine.acquisition.info_bar", "Crop info bar",
              "image", cost=Needs(1, 0, 1, plane=1, shared=False), whole=True),
    Operation("denoise", "denoise", "engine.restoration.denoise", "Denoise",
              "image", cost=cost.denoise, inherits=("denoised",)),
    Operation("threshold", "segment", "engine.segmentation.threshold", "Threshold",
              "image", cost=cost.threshold, live=True, gives_labels=True),
    Operation("particles", "segment", "engine.segmentation.particles", "Particles",
              "image", cost=Needs(4, 0, 2500, plane=140, shared=False), gives_labels=True),
    Operation("watershed_split", "segment", "engine.segmentation.watershed",
              "Split touching objects",
              "labels", cost=Needs(4, 0, 760, plane=95, shared=False), gives_labels=True),
    Operation("label_objects", "segment", "engine.segmentation.objects", "Label objects",
              "labels", cost=Needs(4, 32, 30), gives_labels=True),
    Operation("sam_masks", "segment", "workflow.composed.sam_masks", "Segment Anything",
              "image", ("prompts",), cost=cost.SAM, planar=True, gives_labels=True),
    Operation("glcm_features", "texture", "engine.texture.glcm", "GLCM features",
              "image", cost=cost.glcm_features, live=True),
    Operation("edge_density", "texture", "engine.texture.edge_density", "Edge density",
              "image", cost=Needs(8, 18, 7), live=True),
    Operation("kmeans", "cluster", "engine.clustering.kmeans", "K-means clusters",
              "image", cost=cost.kmeans, live=True, gives_labels=True),
    Operation("select_cluster", "cluster", "engine.clustering.kmeans", "Select a cluster",
              "labels", cost=Needs(1, 1, 2), live=True, gives_labels=True),
    Operation("audit_dataset", "train", "engine.learning.audit", "Check images", "dataset"),
    Operation("train", "train", "engine.learning.train", "Train", "dataset"),
    Operation("evaluate", "train", "engine.evaluation.evaluate", "Evaluate a model", "dataset"),
    Operation("classify", "classify", "engine.classification.classify", "Classify",
              "image", cost=cost.network(8, 4100, plane=60), planar=True, channels=True,
              gives_labels=True),
    Operation("explain", "classify", "engine.explanation.explain",
              "Explain (class activation map)",
              "image", cost=cost.network(4, 1600, plane=180), planar=True, channels=True),
    Operation("compare", "classify", "engine.explanation.explain", "Compare classes or methods",
              "image", cost=cost.network(20, 2400, plane=180), planar=True, channels=True),
    Operation("evidence_regions", "classify", "engine.explanation.heatmap", "Evidence to regions",
              "heatmap", cost=Needs(4, 0, 60, plane=40, shared=False), live=True,
              gives_labels=True),
    Operation("cam_sanity_checks", "classify", "engine.explanation.sanity", "CAM sanity checks",
              "image", cost="unknown", planar=True),
    Operation("detect_shortcuts", "classify", "engine.explanation.shortcuts", "Detect shortcuts",
              "image", cost="unknown", planar=True, whole=True),
    Operation("morphology_map", "classify", "engine.classification.morphology", "Morphology map",
              "image", cost=cost.network(8, 1700, plane=185), planar=True, gives_labels=True),
    Operation("occlude", "classify", "engine.explanation.occlude", "Occlude",
              "image", ("regions",), cost="unknown", channels=True),
    Operation("concordance", "classify", "engine.concordance.concordance",
              "Concordance with phases or particles", "heatmap", ("labels", "image"),
              cost=cost.concordance, planar=True,
              inherits=("target", "model"), gives_labels=True),
    Operation("classify_folder", "classify", "workflow.batch.folders", "Classify a folder",
              "folder"),
    Operation("concordance_folder", "classify", "workflow.composed.concordance_folder",
              "Concordance of a folder", "folder"),
    Operation("activations", "lens", "engine.lens.activations", "Activations",
              "image", ("labels",), cost=cost.network(20, 2700, plane=430), planar=True,
              stacks=True, channels=True),
    Operation("look_at", "lens", "workflow.composed.look_at", "Look at a pixel",
              "image", ("prompts",), cost=cost.network(9, 2400, plane=430), planar=True,
              channels=True),
    Operation("find_similar", "lens", "workflow.composed.find_similar", "Find similar",
              "image", ("prompts",), cost=cost.network(9, 2400, plane=430), planar=True,
              stacks=True, channels=True, gives_labels=True),
    Operation("common_patterns", "lens", "workflow.composed.common_patterns", "Common patterns",
              "folder"),
    Operation("train_autoencoder", "lens", "engine.autoencoder.train_autoencoder",
              "Train an autoencoder", "dataset"),
    Operation("anomaly_map", "lens", "engine.autoencoder.anomaly", "Anomaly map",
              "image", cost=cost.anomaly_map, planar=True, gives_labels=True),
    Operation("reconstruct", "lens", "engine.autoencoder.anomaly", "Reconstruct",
              "image", cost=cost.network(8, 470, plane=190), planar=True),
    Operation("region_table", "measure", "engine.measure.region_table", "Region table",
              # of a micrograph full of small objects
              "labels", ("image",), cost=Needs(2, 65, 600, shared=False)),
)
# fmt: on

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _LINES}


def families(*, commands: bool = False) -> dict[str, list[Operation]]:
    """Operations that a form (or a command) can be made for, by family, in order."""
    grouped: dict[str, list[Operation]] = {}
    for operation in OPERATIONS.values():
        if operation.has_command if commands else operation.has_form:
            grouped.setdefault(operation.family, []).append(operation)
    return grouped


def function(name: str) -> Callable[..., Steps[Result]]:
    """Import the engine function of an operation.

    Raises
    ------
    ValueError
        If there is no such operation.
    """
    if name not in OPERATIONS:
        raise ValueError(f"no operation {shown(name)}; there are {', '.join(OPERATIONS)}")
    module = importlib.import_module(f"..{OPERATIONS[name].module}", __package__)
    return getattr(module, name)
